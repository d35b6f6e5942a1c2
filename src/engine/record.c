#include "engine/record.h"

#include "base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 160 };          /* a source's name and its channel */

enum { MOST_PIECES = 6 };

typedef struct piece { const void *from; const void **to; size_t n_bytes; } piece;

static int pieces_of(piece out[MOST_PIECES], em_event *e, const em_record_cfg *cfg)
{
    size_t row = (size_t)cfg->n_classes * sizeof(float);
    int n = 0;

#define PIECE(field, bytes) out[n++] = (piece){ field, (const void **)(void *)&(field), bytes }
    if (e->type == EM_EVENT_SCORES) {
        PIECE(e->u.scores.scores, row);
        if (e->u.scores.slots)
            PIECE(e->u.scores.slots, row * (size_t)e->u.scores.n_slots);
        if (e->u.scores.levels)
            PIECE(e->u.scores.levels, (size_t)e->u.scores.n_levels);
        if (e->u.scores.embedding)
            PIECE(e->u.scores.embedding, (size_t)e->u.scores.n_embedding * sizeof(float));
        if (e->u.scores.columns)
            PIECE(e->u.scores.columns, (size_t)e->u.scores.n_columns * (size_t)e->u.scores.n_bands);
        if (e->u.scores.vitals)
            PIECE(e->u.scores.vitals, sizeof *e->u.scores.vitals);
    } else if (e->type == EM_EVENT_SUMMARY) {
        PIECE(e->u.summary.mean, row);
        PIECE(e->u.summary.max, row);
        PIECE(e->u.summary.at, (size_t)cfg->n_classes * sizeof(double));
    }
#undef PIECE
    return n;
}

static size_t aligned(size_t n)
{
    return (n + EM_ALIGN - 1) / EM_ALIGN * EM_ALIGN;
}

static const size_t head_bytes = (sizeof(em_event) + NAME_BYTES + EM_ALIGN - 1) / EM_ALIGN * EM_ALIGN;

size_t em_record_bytes(const em_record_cfg *cfg)
{
    size_t row = aligned((size_t)cfg->n_classes * sizeof(double));
    size_t scores = row + aligned((size_t)cfg->n_slots * (size_t)cfg->n_classes * sizeof(float)) +
                    aligned((size_t)cfg->n_embedding * sizeof(float)) + aligned(EM_EVENT_LEVELS) +
                    (cfg->column_bytes ? aligned(cfg->column_bytes) + aligned(sizeof(em_vitals)) : 0);

    return head_bytes + (scores > 3 * row ? scores : 3 * row);
}

void em_record_pack(char *item, const em_event *e, const em_record_cfg *cfg)
{
    em_event copy = *e;
    piece p[MOST_PIECES];
    int n = pieces_of(p, &copy, cfg);
    size_t at = head_bytes;

    memcpy(item, e, sizeof *e);
    if (e->source)
        snprintf(item + sizeof *e, NAME_BYTES, "%s", e->source);
    for (int i = 0; i < n; i++) {
        assert(at + p[i].n_bytes <= em_record_bytes(cfg));
        memcpy(item + at, p[i].from, p[i].n_bytes);
        at += aligned(p[i].n_bytes);
    }
}

em_event *em_record_unpack(char *item, const em_record_cfg *cfg)
{
    em_event *e = (em_event *)(void *)item;
    piece p[MOST_PIECES];
    int n = pieces_of(p, e, cfg);
    size_t at = head_bytes;

    if (e->source)
        e->source = item + sizeof *e;
    for (int i = 0; i < n; i++) {
        *p[i].to = item + at;
        at += aligned(p[i].n_bytes);
    }
    return e;
}
