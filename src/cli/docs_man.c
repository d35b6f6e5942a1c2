/* docs_man.c - the manual page: a template, with what the tables know filled in. */
#include "cli/docs.h"

#include "cli/exit_codes.h"
#include "cli/together.h"
#include "cli/version.h"
#include "sinks/sink.h"

#include <string.h>

/* Text as it is: a dash stays one that can be copied, and no line begins a request. */
static void put(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
}

static void put_range(FILE *out, const em_option *row)
{
    const em_docs_arg arg = em_docs_arg_of(row);

    if (arg.kind == EM_DOCS_WORDS && row->kind != EM_OPTION_FLAG) {
        fputs("\nOne of: ", out);
        put(out, arg.words);
        fputs(".", out);
    } else if (row->kind == EM_OPTION_INT || row->kind == EM_OPTION_REAL) {
        char range[64];

        snprintf(range, sizeof range, "\nFrom %.10g to %.10g.", row->min, row->max);
        put(out, range);
    } else if (row->is_valid && row->wanted) {
        fputs("\nWanted: ", out);
        put(out, row->wanted);
        fputs(".", out);
    }
}

static void put_option(FILE *out, const em_option *row)
{
    const char *fallback = em_option_shown_fallback(row);
    char form[72];

    em_option_form(form, sizeof form, row);
    fputs(".TP\n", out);
    if (row->letter)
        fprintf(out, "\\fB\\-%c\\fR, ", row->letter);
    fputs("\\fB\\-\\-", out);
    put(out, row->name);
    fputs("\\fR\\fI", out);
    put(out, form + 2 + strlen(row->name));
    fputs("\\fR\n", out);
    put(out, row->help);
    if (fallback) {
        fputs(" [", out);
        put(out, fallback);
        fputs("]", out);
    }
    fputs(".", out);
    put_range(out, row);
    fputc('\n', out);
}

static void put_options(FILE *out)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++) {
        fprintf(out, ".SS %s\n", section->title);
        for (int i = 0; i < section->n; i++)
            put_option(out, &section->rows[i]);
    }
}

static void put_formats(FILE *out)
{
    const char *format, *help;

    for (int i = 0; (format = em_sink_format(i, &help)); i++) {
        fputs(".TP\n.B ", out);
        put(out, format);
        fputc('\n', out);
        put(out, help);
        fputc('\n', out);
    }
}

static void put_exit_codes(FILE *out)
{
    const em_exit_row *row;

    for (int i = 0; (row = em_exit_row_at(i)); i++) {
        fprintf(out, ".TP\n.B %d\n", row->code);
        put(out, row->meaning);
        fputs(".\n", out);
        put(out, row->more);
        fputc('\n', out);
    }
}

static void put_source_keys(FILE *out)
{
    put(out, EM_TOGETHER_KEYS);
    fputs(".\n", out);
}

static bool put_line(FILE *out, const char *line)
{
    static const struct { const char *mark; void (*write)(FILE *out); } parts[] = {
        { "@OPTIONS@\n", put_options }, { "@FORMATS@\n", put_formats }, { "@EXIT@\n", put_exit_codes },
        { "@SOURCE@\n", put_source_keys },
    };
    static const char version[] = "@VERSION@";
    const char *at = strstr(line, version);

    for (size_t i = 0; i < EM_COUNT(parts); i++)
        if (strcmp(line, parts[i].mark) == 0) {
            parts[i].write(out);
            return true;
        }
    if (at)
        fprintf(out, "%.*s%s%s", (int)(at - line), line, EM_VERSION, at + sizeof version - 1);
    else
        fputs(line, out);
    return at != NULL;
}

bool em_docs_man(FILE *out, const char *template)
{
    FILE *f = fopen(template, "r");
    char line[1024];
    int n_filled = 0;

    if (!f)
        return false;
    while (fgets(line, sizeof line, f))
        n_filled += put_line(out, line);
    fclose(f);
    return n_filled > 0;
}
