/* ontology.c - the table as a graph, and the way up from each class: see ontology.h. */
#include "model/ontology.h"

#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

extern const char em_ontology_csv[];        /* made from config/labels/ontology.csv by CMake */

enum { MOST_NODES = 1024, MOST_PARENTS = 8, MOST_MID = 24, MOST_NAME = 64 };

typedef struct node {
    char    mid[MOST_MID], name[MOST_NAME];
    char    parent_mids[MOST_PARENTS * MOST_MID];   /* a|b|c, as in the table          */
    int16_t parents[MOST_PARENTS];
    int     n_parents;
    int     i_class;                                /* -1: no class of this model      */
} node;

typedef struct graph {
    node nodes[MOST_NODES];                         /* sorted by mid, as the table is  */
    int  n;
    bool is_above[MOST_NODES];                      /* of the node that was climbed from */
} graph;

/* A field up to `stop` into out. The table is our own: what does not fit is cut, and tests read it back. */
static const char *read_field(char *out, size_t room, const char *at, char stop)
{
    size_t n = 0;

    for (; *at && *at != stop; at++)
        if (n + 1 < room)
            out[n++] = *at;
    out[n] = '\0';
    return *at ? at + 1 : at;
}

static int by_mid(const void *mid, const void *n)
{
    return strcmp(mid, ((const node *)n)->mid);
}

static node *find(graph *g, const char *mid)
{
    return bsearch(mid, g->nodes, (size_t)g->n, sizeof *g->nodes, by_mid);
}

static void link_parents(graph *g, node *n)
{
    char mid[MOST_MID];

    for (const char *at = n->parent_mids; *at && n->n_parents < MOST_PARENTS;) {
        const node *parent;

        at = read_field(mid, sizeof mid, at, '|');
        parent = find(g, mid);
        if (parent)
            n->parents[n->n_parents++] = (int16_t)(parent - g->nodes);
    }
}

/* Rows: mid,parents,"name". */
static graph *new_graph(const char *const *mids, int n_classes)
{
    graph *g = calloc(1, sizeof *g);
    const char *at = strchr(em_ontology_csv, '\n');

    if (!g)
        return NULL;
    for (at = at ? at + 1 : ""; *at && g->n < MOST_NODES; g->n++) {
        node *n = &g->nodes[g->n];

        n->i_class = -1;
        at = read_field(n->mid, sizeof n->mid, at, ',');
        at = read_field(n->parent_mids, sizeof n->parent_mids, at, ',');
        at = read_field(n->name, sizeof n->name, at + (*at == '"'), '"');
        at += *at == '\n';
    }
    for (int i = 0; i < g->n; i++)
        link_parents(g, &g->nodes[i]);
    for (int c = 0; c < n_classes; c++) {
        node *n = find(g, mids[c]);

        if (n && n->i_class < 0)
            n->i_class = c;
    }
    return g;
}

/* Marks all that is above node i. */
static void climb(graph *g, int i)
{
    for (int k = 0; k < g->nodes[i].n_parents; k++) {
        const int parent = g->nodes[i].parents[k];

        if (g->is_above[parent])
            continue;
        g->is_above[parent] = true;
        climb(g, parent);
    }
}

static void climb_from(graph *g, int i)
{
    memset(g->is_above, 0, sizeof g->is_above);
    climb(g, i);
}

/* The pairs of one class behind those there are (out NULL: only counts); returns how many there are then. */
static int pairs_of(int (*out)[2], int n, graph *g, int i)
{
    climb_from(g, i);
    for (int k = 0; k < g->n; k++) {
        if (!g->is_above[k] || g->nodes[k].i_class < 0 || g->nodes[i].i_class < 0)
            continue;
        if (out) {
            out[n][0] = g->nodes[i].i_class;
            out[n][1] = g->nodes[k].i_class;
        }
        n++;
    }
    return n;
}

em_status em_ontology_above(int (**out)[2], int *n, const char *const *mids, int n_classes, em_err *err)
{
    graph *g = new_graph(mids, n_classes);
    int n_pairs = 0;

    *out = NULL;
    *n = 0;
    for (int i = 0; g && i < g->n; i++)
        n_pairs = pairs_of(NULL, n_pairs, g, i);
    if (g)
        *out = calloc((size_t)n_pairs + 1, sizeof **out);
    for (int i = 0; *out && i < g->n; i++)
        *n = pairs_of(*out, *n, g, i);
    free(g);
    return *out ? EM_OK : em_fail(err, EM_ENOMEM, "no memory for the ontology");
}

static int find_branch(graph *g, const char *branch)
{
    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->nodes[i].mid, branch) || !strcasecmp(g->nodes[i].name, branch))
            return i;
    return -1;
}

em_status em_ontology_branch(bool *is_in, const char *branch, const char *const *mids, int n_classes, em_err *err)
{
    graph *g = new_graph(mids, n_classes);
    int top = g ? find_branch(g, branch) : -1;
    char shown[64];

    memset(is_in, 0, (size_t)n_classes * sizeof *is_in);
    for (int i = 0; top >= 0 && i < g->n; i++) {
        climb_from(g, i);
        if (g->nodes[i].i_class >= 0 && (i == top || g->is_above[top]))
            is_in[g->nodes[i].i_class] = true;
    }
    free(g);
    if (!g)
        return em_fail(err, EM_ENOMEM, "no memory for the ontology");
    return top < 0 ? em_fail(err, EM_EINVAL, "\"%s\" is no branch of AudioSet's ontology", em_text_clean(shown, sizeof shown, branch))
                   : EM_OK;
}
