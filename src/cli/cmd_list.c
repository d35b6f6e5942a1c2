/* cmd_list.c - --list-devices and --list-classes. */
#include "audio/source.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/tagger.h"

#include <stdio.h>
#include <string.h>

typedef struct listing { int n; } listing;

static void print_device(void *ctx, const char *kind, int index, const char *name, int n_channels, int rate_hz, bool is_default)
{
    listing *l = ctx;
    char clean[200];

    printf("%-9s %3d  %s%s (%d channels, %d Hz)\n", kind, index, em_text_clean(clean, sizeof clean, name),
           is_default ? " [default]" : "", n_channels, rate_hz);
    l->n++;
}

int em_cmd_list_devices(const em_options *o, em_err *err)
{
    listing l = { 0 };
    em_status status = em_source_list_devices(print_device, &l, err);

    (void)o;
    if (status)
        return em_exit_code(status, EM_EXIT_INPUT);
    if (l.n == 0)
        fputs("no capture device\n", stdout);
    return em_finish_stdout(err);
}

/* A CSV field in quotes; a quote inside is doubled. */
static void print_quoted(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

/* The form that --labels reads. */
int em_cmd_list_classes(const em_options *o, em_err *err)
{
    em_tagger t;
    int code = em_tagger_open_model(&t, o, err);

    if (code == EM_EXIT_OK) {
        puts("index,mid,display_name");
        for (int c = 0; c < t.classes.n; c++) {
            printf("%d,%s,", c, t.classes.mids[c]);
            print_quoted(t.classes.labels[c]);
            putchar('\n');
        }
        code = em_finish_stdout(err);
    }
    em_tagger_close(&t);
    return code;
}
