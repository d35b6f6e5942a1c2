/* docs.c - earmark_docs TEMPLATE FOLDER: writes earmark.1 and the completions earmark.bash, _earmark and earmark.fish there. */
#include "cli/docs.h"

#include "sinks/sink.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

const em_option *em_docs_row(int i)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); i -= section->n, s++)
        if (i < section->n)
            return &section->rows[i];
    return NULL;
}

static em_docs_kind kind_of(const em_option *row)
{
    static const char *const files[] = { "FILE", "FILE|NAME", "CSV", "OUT", "PREFIX", "MODEL" };

    if (row->kind == EM_OPTION_COUNT || (!row->arg && row->kind == EM_OPTION_COMMAND))
        return EM_DOCS_NOTHING;
    if (row->kind == EM_OPTION_FLAG || row->choices || strcmp(row->name, "format") == 0)
        return EM_DOCS_WORDS;
    for (size_t i = 0; row->arg && i < EM_COUNT(files); i++)
        if (strcmp(row->arg, files[i]) == 0)
            return EM_DOCS_FILE;
    return row->arg && strcmp(row->arg, "DIR") == 0 ? EM_DOCS_FOLDER : EM_DOCS_ANYTHING;
}

static void list_words(char *out, size_t room, const em_option *row)
{
    const char *format;

    if (strcmp(row->name, "format") == 0) {
        for (int i = 0; (format = em_sink_format(i, NULL)); i++)
            snprintf(out + strlen(out), room - strlen(out), "%s%s", i ? " " : "", format);
        return;
    }
    snprintf(out, room, "%s", row->choices ? row->choices : "yes no");
    for (char *bar = out; (bar = strchr(bar, '|'));)
        *bar = ' ';
}

em_docs_arg em_docs_arg_of(const em_option *row)
{
    em_docs_arg arg = { .kind = kind_of(row) };

    arg.is_optional = row->kind == EM_OPTION_FLAG || (row->arg && row->arg[0] == '[');
    snprintf(arg.name, sizeof arg.name, "%s", row->arg ? row->arg + (row->arg[0] == '[') : "yes|no");
    if (row->arg && row->arg[0] == '[')
        arg.name[strlen(arg.name) - 1] = '\0';
    if (arg.kind == EM_DOCS_WORDS)
        list_words(arg.words, sizeof arg.words, row);
    return arg;
}

static FILE *create(const char *folder, const char *name)
{
    char path[PATH_MAX];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (!(f = fopen(path, "w")))
        perror(path);
    return f;
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*write)(FILE *out); } shells[] = {
        { "earmark.bash", em_docs_bash }, { "_earmark", em_docs_zsh }, { "earmark.fish", em_docs_fish },
    };
    FILE *f = argc == 3 ? create(argv[2], "earmark.1") : NULL;
    bool is_good = f && em_docs_man(f, argv[1]);

    if (f && fclose(f) != 0)
        is_good = false;
    for (size_t i = 0; is_good && i < EM_COUNT(shells); i++) {
        if ((f = create(argv[2], shells[i].name)))
            shells[i].write(f);
        is_good = f && fclose(f) == 0;
    }
    if (!is_good)
        fputs("usage: earmark_docs TEMPLATE FOLDER; nothing, or not all, was written\n", stderr);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
