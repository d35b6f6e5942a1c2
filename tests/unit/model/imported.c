/* imported.c - see imported.h. */
#include "imported.h"

#include "check.h"

#include <unistd.h>

static char folder[] = "/tmp/earmark-import-XXXXXX";
char in_path[128], out_path[128];

int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(in_path, sizeof in_path, "%s/in.safetensors", folder);
    snprintf(out_path, sizeof out_path, "%s/out.safetensors", folder);
    return 0;
}

int remove_folder(void **state)
{
    (void)state;
    unlink(in_path);
    unlink(out_path);
    return rmdir(folder);
}

static void count(void *ctx, em_import_what what, const char *name)
{
    log *l = ctx;

    l->n[what]++;
    strcpy(l->last[what], name);
}

em_status run(log *l, bool mean_embed, em_import_counts *counts, em_err *err)
{
    em_import_cfg cfg = { .mean_embed = mean_embed, .report = count, .ctx = l };

    *l = (log){ 0 };
    *err = (em_err){ 0 };
    unlink(out_path);
    return em_import(counts, in_path, out_path, &cfg, err);
}

opened open_out(void)
{
    opened o;
    em_err err;

    CHECK_OK(em_st_open(&o.st, out_path, &err));
    CHECK_OK(em_config_parse(&o.cfg, &o.card, em_st_metadata(o.st, "earmark"), out_path, &err));
    return o;
}

void close_out(opened *o)
{
    em_card_deinit(&o->card);
    em_st_close(o->st);
}

void check_same_kind(em_config got, em_config want, const char *what)
{
    em_card none = { 0 };
    char *a, *b;

    got.n_classes = want.n_classes = 0;
    a = em_config_write(&got, &none);
    b = em_config_write(&want, &none);
    CHECK(!strcmp(a, b), "%s:\n%s\n%s", what, a, b);
    free(a);
    free(b);
}

void check_tensor(opened *o, const char *name, const float *want, size_t n, const char *what)
{
    const em_st_tensor *t = em_st_find(o->st, name);
    float *x = malloc((n + 1) * sizeof *x);
    em_err err;

    CHECK(t && t->n == n, "%s: %s", what, name);
    CHECK_OK(em_st_read(o->st, t, x, &err));
    CHECK(!memcmp(x, want, n * sizeof *x), "%s: %s has other numbers", what, name);
    free(x);
}
