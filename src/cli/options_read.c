/* options_read.c - options from the environment and from the command line. */
#include "cli/options.h"

#include "base/text.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = EM_OPTION_ROWS + 1, FIRST_LONG = 256, WHERE_CHARS = 128 };

/* ---- the environment ---- */

/* EARMARK_TOP_K; lists are cut at ';'. */
static em_status read_variable(em_options *o, const em_option *row, em_err *err)
{
    char name[WHERE_CHARS] = "EARMARK_", *value, *item, *rest;
    em_status status = EM_OK;

    for (size_t i = 0; row->name[i] && i < sizeof name - 9; i++)
        name[8 + i] = (char)(row->name[i] == '-' ? '_' : toupper((unsigned char)row->name[i]));
    value = getenv(name);
    if (!value || !*value)
        return EM_OK;
    if (row->kind != EM_OPTION_TEXTS)
        return em_options_set(o, row, value, EM_LAYER_ENV, name, err);
    if (!(value = strdup(value)))
        return em_fail(err, EM_ENOMEM, "no memory for the options");
    for (item = strtok_r(value, ";", &rest); item && !status; item = strtok_r(NULL, ";", &rest))
        status = em_options_set(o, row, item, EM_LAYER_ENV, name, err);
    free(value);
    return status;
}

em_status em_options_read_env(em_options *o, em_err *err)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; section->has_keys && i < section->n; i++) {
            em_status status = read_variable(o, &section->rows[i], err);

            if (status)
                return status;
        }
    return EM_OK;
}

/* ---- the command line ---- */

/* getopt's tables, made from ours. A row's long code is FIRST_LONG + its index. A flag's long form may say what it is
 * set to, --jack=no, as a file can. */
static void make_getopt(struct option *longs, char *letters)
{
    const em_option *row;

    *letters++ = ':';                                   /* missing arguments are told apart */
    for (int i = 0; (row = em_options_row(i)); i++) {
        int needs = !row->arg ? no_argument : row->arg[0] == '[' ? optional_argument : required_argument;
        bool is_flag = row->kind == EM_OPTION_FLAG || row->kind == EM_OPTION_COUNT;

        longs[i] = (struct option){ row->name, is_flag ? optional_argument : needs, NULL, FIRST_LONG + i };
        if (row->letter) {
            *letters++ = row->letter;
            if (needs != no_argument)
                *letters++ = ':';
        }
    }
    *letters = '\0';
    longs[MAX_ROWS - 1] = (struct option){ 0 };
}

static const em_option *row_of(int code)
{
    const em_option *row;

    for (int i = 0; (row = em_options_row(i)); i++)
        if (code == FIRST_LONG + i || (code < FIRST_LONG && code == row->letter))
            return row;
    return NULL;
}

/* Why getopt stopped at word. */
static em_status bad_option(int code, const char *word, em_err *err)
{
    const em_option *row = row_of(optopt);
    char clean[64], *equals;
    const char *nearest;

    if (code == ':' && row)
        return em_fail(err, EM_EINVAL, "--%s needs %s", row->name, row->arg);
    if (row && optopt >= FIRST_LONG)
        return em_fail(err, EM_EINVAL, "--%s takes no argument", row->name);
    if (strncmp(word, "--", 2) != 0)
        return em_fail(err, EM_EINVAL, "unknown option -%c", isprint(optopt) ? optopt : '?');
    em_text_clean(clean, sizeof clean, word + 2);
    if ((equals = strchr(clean, '=')))
        *equals = '\0';
    nearest = em_options_nearest(clean);
    return em_fail(err, EM_EINVAL, "unknown option --%s%s%s%s", clean, *nearest ? "; the nearest is --" : "", nearest, "");
}

static em_status take_option(em_options *o, const em_option *row, const char *arg, em_err *err)
{
    char where[WHERE_CHARS], count[16];

    snprintf(where, sizeof where, "--%s", row->name);
    if (row->kind == EM_OPTION_FLAG && !arg)
        arg = "yes";
    else if (row->kind == EM_OPTION_COUNT && !arg) {
        int *n = (int *)(void *)((char *)o + row->at);

        /* -v -v counts anew on the command line. */
        snprintf(count, sizeof count, "%d", o->layer[em_options_index(row)] < EM_LAYER_ARGV ? 1 : *n < 9 ? *n + 1 : 9);
        arg = count;
    } else if (!arg)
        arg = row->bare ? row->bare : "";
    return em_options_set(o, row, arg, EM_LAYER_ARGV, where, err);
}

em_status em_options_read_argv(em_options *o, int argc, char **argv, em_err *err)
{
    struct option longs[MAX_ROWS] = { 0 };
    char letters[2 * MAX_ROWS];
    em_status status;
    int code;

    make_getopt(longs, letters);
    optind = 0;                                         /* glibc: begin anew */
    opterr = 0;
    for (;;) {
        int at = optind ? optind : 1;
        const em_option *row;

        code = getopt_long(argc, argv, letters, longs, NULL);
        if (code == -1)
            break;
        if (code == '?' || code == ':')
            return bad_option(code, optind > at || at >= argc ? argv[optind - 1] : argv[at], err);
        row = row_of(code);
        if (row && (status = take_option(o, row, optarg, err)))
            return status;
    }
    for (int i = optind; i < argc; i++)
        if ((status = em_options_set(o, em_options_find("input"), argv[i], EM_LAYER_ARGV, "operand", err)))
            return status;
    return EM_OK;
}
