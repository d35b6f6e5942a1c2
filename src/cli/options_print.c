/* options_print.c - --help and --print-config, made from the table. */
#include "cli/options.h"

#include "base/url.h"
#include "cli/exit_codes.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_COLUMN = 30, HELP_WIDTH = 118 };

void em_option_form(char *out, size_t room, const em_option *row)
{
    const char *arg = row->arg ? row->arg : "";

    snprintf(out, room, "--%s%s%s", row->name, *arg == '[' ? "[=" : *arg ? "=" : "", *arg == '[' ? arg + 1 : arg);
}

const char *em_option_shown_fallback(const em_option *row)
{
    return row->fallback && row->kind != EM_OPTION_WAIT && strcmp(row->fallback, "none") != 0 ? row->fallback : NULL;
}

static void print_row(FILE *f, const em_option *row)
{
    const char *fallback = em_option_shown_fallback(row);
    char left[80], form[72];

    em_option_form(form, sizeof form, row);
    if (row->letter)
        snprintf(left, sizeof left, "  -%c, %s", row->letter, form);
    else
        snprintf(left, sizeof left, "      %s", form);
    if (strlen(left) >= HELP_COLUMN - 1)
        fprintf(f, "%s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf(f, "%-*s", HELP_COLUMN, left);
    fputs(row->help, f);
    if (fallback)
        fprintf(f, " [%s]", fallback);
    fputc('\n', f);
}

static void print_exit_codes(FILE *f)
{
    const em_exit_row *row;
    int column = fprintf(f, "Exit status:");

    for (int i = 0; (row = em_exit_row_at(i)); i++) {
        char item[80];
        int n = snprintf(item, sizeof item, " %d %s%s", row->code, row->meaning, em_exit_row_at(i + 1) ? "," : ".\n");

        if (column + n > HELP_WIDTH) {
            fputc('\n', f);
            column = -1;                            /* the item's space is not wanted there */
        }
        column += fprintf(f, "%s", item + (column < 0));
    }
}

void em_options_print_help(FILE *f)
{
    const em_option_section *section;

    fputs("Usage: earmark [OPTIONS] [FILE|URL|-]...\n"
          "Listens to a microphone, JACK, files, URLs or standard input, and tells what sounds it hears.\n"
          "Without FILE, on a terminal: the default microphone.\n", f);
    for (int s = 0; (section = em_options_section(s)); s++) {
        fprintf(f, "\n%s:\n", section->title);
        for (int i = 0; i < section->n; i++)
            print_row(f, &section->rows[i]);
    }
    fputs("\nAll options but the commands can stand in earmark.conf (key = value) or in the environment\n"
          "(EARMARK_TOP_K=3); later wins: files, environment, command line. --jack=no takes back what a file set.\n", f);
    print_exit_codes(f);
    fputs("SIGINT and SIGTERM end live sound (a device, --live, --realtime) with 0; before the end of a file or pipe the program\n"
          "dies of them (130 and 143 in a shell).\n", f);
}

static void print_pairs(const em_options *o, FILE *f)
{
    int n = o->formats.n > o->outputs.n ? o->formats.n : o->outputs.n;

    for (int i = 0; i < n; i++)
        fprintf(f, "format = %s\noutput = %s\n", i < o->formats.n ? o->formats.list[i] : "text",
                i < o->outputs.n ? o->outputs.list[i] : "-");
}

/* Without its password: mqtt://user@host. */
static void print_url(const char *name, const char *url, FILE *f)
{
    const size_t n = strcspn(strstr(url, "//") + 2, "/") + (size_t)(strstr(url, "//") + 2 - url);
    const char *at = memrchr(url, '@', n), *colon = at ? memchr(strstr(url, "//"), ':', (size_t)(at - strstr(url, "//"))) : NULL;

    if (colon)
        fprintf(f, "# (its password is not shown)\n%s = %.*s%s\n", name, (int)(colon - url), url, at);
    else
        fprintf(f, "%s = %s\n", name, url);
}

/* The text without what is secret in it, for the caller to free; NULL: no memory. */
static char *hide(const char *text)
{
    const size_t room = 3 * strlen(text) + 16;
    char *hidden = malloc(room);

    return hidden ? em_url_hide(hidden, room, text) : NULL;
}

/* Lines of a list, without what is secret in them. */
static void print_list(const em_option *row, const em_texts *list, FILE *f)
{
    for (int i = 0; i < list->n; i++) {
        char *hidden = row->is_secret ? hide(list->list[i]) : NULL;

        if (hidden && strcmp(hidden, list->list[i]) != 0)
            fprintf(f, "# (what *** stands for is not shown)\n");
        fprintf(f, "%s = %s\n", row->name, !row->is_secret ? list->list[i] : hidden ? hidden : "");
        free(hidden);
    }
    if (list->n == 0)
        fprintf(f, "#%s =\n", row->name);
}

static void print_value(const em_options *o, const em_option *row, FILE *f)
{
    const void *field = (const char *)o + row->at;
    double x;

    switch (row->kind) {
    case EM_OPTION_FLAG:
        fprintf(f, "%s = %s\n", row->name, *(const bool *)field ? "yes" : "no");
        break;
    case EM_OPTION_COUNT:
    case EM_OPTION_INT:
        fprintf(f, "%s = %d\n", row->name, *(const int *)field);
        break;
    case EM_OPTION_REAL:
        fprintf(f, "%s = %.15g\n", row->name, *(const double *)field);
        break;
    case EM_OPTION_WAIT:
        x = *(const double *)field;
        if (x > 0)
            fprintf(f, "%s = %.15g\n", row->name, x);
        else
            fprintf(f, "%s = %s\n", row->name, x < 0 ? "yes" : "no");
        break;
    case EM_OPTION_TEXTS:
        print_list(row, field, f);
        break;
    default:
        if (row->is_secret && *(char *const *)field)
            print_url(row->name, *(char *const *)field, f);
        else if (*(char *const *)field)
            fprintf(f, "%s = %s\n", row->name, *(char *const *)field);
        else
            fprintf(f, "#%s =\n", row->name);
    }
}

/* Whether its line would lack something: of a list, any of them. */
static bool holds_secret(const em_options *o, const em_option *row)
{
    const em_texts *list = (const em_texts *)(const void *)((const char *)o + row->at);
    bool is_one = false;

    if (!row->is_secret || row->kind != EM_OPTION_TEXTS)
        return row->is_secret;
    for (int i = 0; i < list->n; i++) {
        char *hidden = hide(list->list[i]);

        is_one |= !hidden || strcmp(hidden, list->list[i]) != 0;
        free(hidden);
    }
    return is_one;
}

void em_options_print_layers(const em_options *o, int least, FILE *f)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; section->has_keys && i < section->n; i++) {
            const em_option *row = &section->rows[i];
            const bool is_pair = row->at == offsetof(em_options, formats) || row->at == offsetof(em_options, outputs);

            if (!is_pair && !holds_secret(o, row) && o->layer[em_options_index(row)] >= least)
                print_value(o, row, f);
        }
    if (o->layer[em_options_index(em_options_find("format"))] >= least || o->layer[em_options_index(em_options_find("output"))] >= least)
        print_pairs(o, f);
}

void em_options_print_config(const em_options *o, FILE *f)
{
    const em_option_section *section;

    fputs("# earmark.conf: every option and the value it has. A '#' before a key: unset.\n", f);
    for (int s = 0; (section = em_options_section(s)); s++) {
        if (!section->has_keys)
            continue;
        fprintf(f, "\n# ---- %s ----\n", section->title);
        for (int i = 0; i < section->n; i++) {
            const em_option *row = &section->rows[i];
            bool is_pair = row->at == offsetof(em_options, formats) || row->at == offsetof(em_options, outputs);

            fprintf(f, "\n# %s\n", row->help);
            if (is_pair && o->formats.n + o->outputs.n > 0) {
                if (row->at == offsetof(em_options, outputs))
                    print_pairs(o, f);
            } else {
                print_value(o, row, f);
            }
        }
    }
}
