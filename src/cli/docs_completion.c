/* docs_completion.c - completions for bash, zsh and fish. What an option takes is proposed: words, files or folders. */
#include "cli/docs.h"

#include <string.h>

static bool needs_arg(const em_option *row)
{
    const em_docs_arg arg = em_docs_arg_of(row);

    return arg.kind != EM_DOCS_NOTHING && !arg.is_optional;
}

/* ---- bash ---- */

/* "-k|--top-k" */
static void bash_name(FILE *out, const em_option *row, bool is_first)
{
    fputs(is_first ? "    " : "|", out);
    if (row->letter)
        fprintf(out, "-%c|", row->letter);
    fprintf(out, "--%s", row->name);
}

/* The pattern of all options whose argument is of that kind, or needed. False: there are none. */
static bool bash_pattern(FILE *out, bool (*is_one)(const em_option *row))
{
    const em_option *row;
    bool is_first = true;

    for (int i = 0; (row = em_docs_row(i)); i++)
        if (is_one(row)) {
            bash_name(out, row, is_first);
            is_first = false;
        }
    if (!is_first)
        fputs(") ", out);
    return !is_first;
}

static bool takes_file(const em_option *row)
{
    return em_docs_arg_of(row).kind == EM_DOCS_FILE;
}

static bool takes_folder(const em_option *row)
{
    return em_docs_arg_of(row).kind == EM_DOCS_FOLDER;
}

static void bash_cases(FILE *out)
{
    const em_option *row;

    fputs("    case $option in\n    '') ;;\n", out);
    for (int i = 0; (row = em_docs_row(i)); i++) {
        const em_docs_arg arg = em_docs_arg_of(row);

        if (arg.kind == EM_DOCS_WORDS) {
            bash_name(out, row, true);
            fprintf(out, ") mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n", arg.words);
        }
    }
    if (bash_pattern(out, takes_file))
        fputs("_earmark_paths -f; return ;;\n", out);
    if (bash_pattern(out, takes_folder))
        fputs("_earmark_paths -d; return ;;\n", out);
    fputs("    *) return ;;\n    esac\n", out);
}

void em_docs_bash(FILE *out)
{
    const em_option *row;

    fputs("# bash completion of earmark, made from its table of options.\n"
          "_earmark_paths()\n{\n"
          "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
          "    compopt -o filenames 2>/dev/null\n}\n\n"
          "_earmark()\n{\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} option=\n\n"
          "    COMPREPLY=()\n"
          "    # bash takes --name=value for three words.\n"
          "    if [[ $cur == = ]]; then\n        option=$prev cur=\n"
          "    elif [[ $prev == = ]]; then\n        option=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    else\n        case $prev in\n    ", out);
    if (bash_pattern(out, needs_arg))
        fputs("option=$prev ;;\n", out);
    fputs("        esac\n    fi\n", out);
    bash_cases(out);
    fputs("    if [[ $cur == -* ]]; then\n        mapfile -t COMPREPLY < <(compgen -W '", out);
    for (int i = 0; (row = em_docs_row(i)); i++)
        fprintf(out, "%s--%s", i ? " " : "", row->name);
    fputs("' -- \"$cur\")\n    else\n        _earmark_paths -f\n    fi\n}\n"
          "complete -F _earmark earmark\n", out);
}

/* ---- zsh ---- */

/* In single quotes; what _arguments would take for its own gets a backslash. */
static void zsh_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", out);
        else if (strchr("[]:\\", *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void zsh_arg(FILE *out, const em_docs_arg *arg)
{
    if (arg->kind == EM_DOCS_NOTHING)
        return;
    fputs(arg->is_optional ? "::" : ":", out);
    zsh_text(out, arg->name);
    if (arg->kind == EM_DOCS_WORDS)
        fprintf(out, ":(%s)", arg->words);
    else
        fputs(arg->kind == EM_DOCS_FILE ? ":_files" : arg->kind == EM_DOCS_FOLDER ? ":_files -/" : ": ", out);
}

static void zsh_option(FILE *out, const em_option *row, bool is_letter)
{
    em_docs_arg arg = em_docs_arg_of(row);

    if (is_letter && arg.is_optional)
        arg.kind = EM_DOCS_NOTHING;                 /* only the long form says what it is set to */
    fputs("    '", out);
    if (row->kind == EM_OPTION_TEXTS || row->kind == EM_OPTION_COUNT)
        fputc('*', out);
    else if (row->letter)
        fprintf(out, "(-%c --%s)", row->letter, row->name);
    if (is_letter)
        fprintf(out, "-%c%s[", row->letter, arg.kind ? "+" : "");
    else
        fprintf(out, "--%s%s[", row->name, !arg.kind ? "" : arg.is_optional ? "=-" : "=");
    zsh_text(out, row->help);
    fputc(']', out);
    zsh_arg(out, &arg);
    fputs("' \\\n", out);
}

void em_docs_zsh(FILE *out)
{
    const em_option *row;

    fputs("#compdef earmark\n# zsh completion of earmark, made from its table of options.\n_arguments -s -S \\\n", out);
    for (int i = 0; (row = em_docs_row(i)); i++) {
        if (row->letter)
            zsh_option(out, row, true);
        zsh_option(out, row, false);
    }
    fputs("    '*:sound file:_files'\n", out);
}

/* ---- fish ---- */

static void fish_text(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

void em_docs_fish(FILE *out)
{
    static const char *const needed[] = {
        [EM_DOCS_NOTHING] = "", [EM_DOCS_ANYTHING] = " -x", [EM_DOCS_WORDS] = " -x", [EM_DOCS_FILE] = " -r -F",
        [EM_DOCS_FOLDER] = " -x -a '(__fish_complete_directories)'",
    };
    const em_option *row;

    fputs("# fish completion of earmark, made from its table of options.\n", out);
    for (int i = 0; (row = em_docs_row(i)); i++) {
        const em_docs_arg arg = em_docs_arg_of(row);

        fputs("complete -c earmark", out);
        if (row->letter)
            fprintf(out, " -s %c", row->letter);
        fprintf(out, " -l %s%s", row->name, arg.is_optional ? "" : needed[arg.kind]);
        if (arg.kind == EM_DOCS_WORDS)
            fprintf(out, " -a '%s'", arg.words);
        fputs(" -d ", out);
        fish_text(out, row->help);
        fputc('\n', out);
    }
}
