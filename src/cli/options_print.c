/* options_print.c - --help and --print-config, made from the table. */
#include "cli/options.h"

#include <stddef.h>
#include <string.h>

enum { HELP_COLUMN = 30 };

static void print_row(FILE *f, const em_option *row)
{
    char left[80];
    int n = row->letter ? snprintf(left, sizeof left, "  -%c, --%s", row->letter, row->name)
                        : snprintf(left, sizeof left, "      --%s", row->name);

    if (row->arg && row->arg[0] == '[')
        snprintf(left + n, sizeof left - (size_t)n, "[=%s", row->arg + 1);
    else if (row->arg)
        snprintf(left + n, sizeof left - (size_t)n, "=%s", row->arg);
    if (strlen(left) >= HELP_COLUMN - 1)
        fprintf(f, "%s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf(f, "%-*s", HELP_COLUMN, left);
    fputs(row->help, f);
    if (row->fallback && row->kind != EM_OPTION_WAIT && strcmp(row->fallback, "none") != 0)
        fprintf(f, " [%s]", row->fallback);
    fputc('\n', f);
}

void em_options_print_help(FILE *f)
{
    const em_option_section *section;

    fputs("Usage: earmark [OPTIONS] [FILE|-]...\n"
          "Listens to a microphone, JACK, files or standard input, and tells what sounds it hears.\n"
          "Without FILE, on a terminal: the default microphone.\n", f);
    for (int s = 0; (section = em_options_section(s)); s++) {
        fprintf(f, "\n%s:\n", section->title);
        for (int i = 0; i < section->n; i++)
            print_row(f, &section->rows[i]);
    }
    fputs("\nAll options but the commands can stand in earmark.conf (key = value) or in the environment\n"
          "(EARMARK_TOP_K=3); later wins: files, environment, command line. --jack=no takes back what a file set.\n"
          "Exit status: 0 done, 2 wrong use, 3 bad model, 4 no sound input, 5 no such backend here,\n"
          "6 output failed, 7 data unusable or training diverged, 70 internal error. SIGINT and SIGTERM end\n"
          "live sound (a device, --live, --realtime) with 0; before the end of a file or pipe the program dies of them (130 and 143 in a shell).\n", f);
}

static void print_pairs(const em_options *o, FILE *f)
{
    int n = o->formats.n > o->outputs.n ? o->formats.n : o->outputs.n;

    for (int i = 0; i < n; i++)
        fprintf(f, "format = %s\noutput = %s\n", i < o->formats.n ? o->formats.list[i] : "text",
                i < o->outputs.n ? o->outputs.list[i] : "-");
}

static void print_value(const em_options *o, const em_option *row, FILE *f)
{
    const void *field = (const char *)o + row->at;
    const em_texts *list = field;
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
        for (int i = 0; i < list->n; i++)
            fprintf(f, "%s = %s\n", row->name, list->list[i]);
        if (list->n == 0)
            fprintf(f, "#%s =\n", row->name);
        break;
    default:
        if (*(char *const *)field)
            fprintf(f, "%s = %s\n", row->name, *(char *const *)field);
        else
            fprintf(f, "#%s =\n", row->name);
    }
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
