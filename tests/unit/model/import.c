/* Imports of checkpoints made here from random weights under the names the authors' programs use, and of the golden
 * DASS checkpoint where it is at hand. */
#include "checkpoint.h"
#include "imported.h"

#include <unistd.h>

/* Imports c as it is now spelt; the model must be `clean`, tensor for tensor. */
static void check_import(const checkpoint *c, const checkpoint *clean, const char *what)
{
    em_import_counts counts;
    em_err err;
    opened o;
    log l;

    checkpoint_write(c, in_path);
    CHECK(run(&l, false, &counts, &err) == EM_OK, "%s: %s", what, err.msg);
    CHECK(counts.loaded == clean->n && counts.skipped == 0 && counts.fresh == 0 && counts.can_tag, "%s: %d loaded, %d skipped, %d fresh", what,
          counts.loaded, counts.skipped, counts.fresh);
    CHECK(l.n[0] == counts.loaded && l.n[1] == 0 && l.n[2] == 0, "%s: the report counts too", what);
    o = open_out();
    check_same_kind(o.cfg, clean->cfg, what);
    CHECK(o.cfg.n_classes == 527 && !strcmp(o.card.labels[526], "Field recording") && o.card.n_trained == 527, "%s", what);
    CHECK(em_st_count(o.st) == clean->n, "%s: %d tensors", what, em_st_count(o.st));
    for (int i = 0; i < clean->n; i++)
        check_tensor(&o, clean->list[i].name, clean->list[i].data, clean->list[i].n, what);
    close_out(&o);
}

static void official_names_of_every_kind_are_taken(void **state)
{
    static const char *const presets[] = { "dass-small", "nano", "vmamba-v0-tiny", "vmamba-s1l8", "htsat" };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(presets); i++) {
        checkpoint c = checkpoint_make(presets[i], 527);

        check_import(&c, &c, presets[i]);
        checkpoint_discard(&c);
    }
}

static void attention_after_ss_blocks_is_seen(void **state)
{
    em_config cfg;
    checkpoint c;
    em_err err;

    (void)state;
    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    cfg.block = EM_BLOCK_SS2D_ATTN;
    cfg.window = 4;
    for (int i = 0; i < EM_STAGES; i++)
        cfg.heads[i] = 2 << i;
    c = checkpoint_of(cfg, 527);
    check_import(&c, &c, "ss2d+attn");
    checkpoint_discard(&c);
}

/* Under the names of HTS-AT's program, with what its state holds beside weights. */
static void htsats_own_names_are_taken(void **state)
{
    checkpoint c = checkpoint_make("htsat", 527), clean = checkpoint_make("htsat", 527);
    em_import_counts counts;
    em_err err;
    opened o;
    log l;

    (void)state;
    checkpoint_respell(&c, "patch_embed.0.", "patch_embed.proj.", true);
    checkpoint_respell(&c, "patch_embed.2.", "patch_embed.norm.", true);
    checkpoint_respell(&c, "classifier.norm.", "norm.", true);
    for (int i = 0; i < 2; i++) {
        tensor *t = &c.list[c.n++];

        strcpy(t->name, i ? "logmel_extractor.melW" : "head.bias");
        *t->shape = 527, t->rank = 1, t->n = 527;
        t->data = calloc(t->n, sizeof *t->data);
    }
    checkpoint_respell(&c, "", "sed_model.", true);
    checkpoint_write(&c, in_path);
    CHECK(run(&l, false, &counts, &err) == EM_OK, "%s", err.msg);
    CHECK(counts.loaded == clean.n && counts.skipped == 2 && counts.fresh == 0,
          "%d loaded, %d skipped, %d fresh", counts.loaded, counts.skipped, counts.fresh);
    o = open_out();
    check_same_kind(o.cfg, clean.cfg, "htsat");
    for (int i = 0; i < clean.n; i++)
        check_tensor(&o, clean.list[i].name, clean.list[i].data, clean.list[i].n, "htsat");
    close_out(&o);
    checkpoint_discard(&c);
    checkpoint_discard(&clean);
}

static void downsampling_by_two_by_two_and_conv_biases_are_seen(void **state)
{
    checkpoint c = checkpoint_make("vmamba-s2l5", 527), *p = &c;
    (void)state;

    for (int i = 0; i < p->n; i++)                      /* 3x3 becomes 2x2: four of nine numbers */
        if (strstr(p->list[i].name, "downsample.1.weight")) {
            p->list[i].shape[2] = p->list[i].shape[3] = 2;
            p->list[i].n = p->list[i].n / 9 * 4;
        }
    c.cfg.down = EM_DOWN_V2;
    check_import(&c, &c, "2x2");
    checkpoint_discard(&c);
}

static void prefixes_are_taken_off(void **state)
{
    static const char *const prefixes[] = { "module.", "v.", "module.v.", "model.", "state_dict.model.module.v." };
    checkpoint clean = checkpoint_make("dass-small", 527);
    (void)state;

    for (size_t i = 0; i < EM_COUNT(prefixes); i++) {
        checkpoint c = checkpoint_make("dass-small", 527);

        checkpoint_respell(&c, "", prefixes[i], true);
        check_import(&c, &clean, prefixes[i]);
        checkpoint_discard(&c);
    }
    checkpoint_discard(&clean);
}

static void older_names_are_taken(void **state)
{
    checkpoint c = checkpoint_make("vmamba-v0-tiny", 527), clean = checkpoint_make("vmamba-v0-tiny", 527);
    (void)state;

    checkpoint_respell(&c, "patch_embed.0.", "patch_embed.proj.", true);
    checkpoint_respell(&c, "patch_embed.2.", "patch_embed.norm.", true);
    checkpoint_respell(&c, "classifier.norm.", "norm.", true);
    checkpoint_respell(&c, "downsample.norm.", "downsample.1.", false);
    checkpoint_respell(&c, "downsample.reduction.", "downsample.2.", false);
    for (int i = 0; i < c.n; i++)
        if (!strncmp(c.list[i].name, "layers.", 7)) {
            char *at = strstr(c.list[i].name, "blocks.") ? strstr(c.list[i].name, ".norm.") : NULL, rest[64];

            if (!at)
                continue;
            strcpy(rest, at + 6);
            sprintf(at, ".ln_1.%s", rest);
        }
    checkpoint_respell(&c, ".op.", ".self_attention.", false);
    check_import(&c, &clean, "older names");
    checkpoint_discard(&c);
    checkpoint_discard(&clean);
}

static void layers_stored_as_convolutions_are_squeezed(void **state)
{
    checkpoint c = checkpoint_make("dass-small", 527), clean = checkpoint_make("dass-small", 527);
    (void)state;

    for (int i = 0; i < c.n; i++) {
        tensor *t = &c.list[i];

        if (strstr(t->name, "in_proj.weight") || strstr(t->name, "out_proj.weight") || strstr(t->name, ".fc")) {
            if (t->rank == 2) {
                t->shape[2] = t->shape[3] = 1;
                t->rank = 4;
            }
        } else if (strstr(t->name, "x_proj_weight") || strstr(t->name, "dt_projs_weight")) {   /* [4, a, b] -> [4a, b, 1] */
            t->shape[0] *= t->shape[1];
            t->shape[1] = t->shape[2];
            t->shape[2] = 1;
        }
    }
    checkpoint_respell(&c, "x_proj_weight", "x_proj.weight", false);
    checkpoint_respell(&c, "dt_projs_weight", "dt_projs.weight", false);
    check_import(&c, &clean, "1x1");
    checkpoint_discard(&c);
    checkpoint_discard(&clean);
}

static void three_channels_are_added_or_averaged(void **state)
{
    static const char *const presets[] = { "dass-small", "vmamba-v0-tiny" };        /* both kinds of embed */
    (void)state;

    for (size_t i = 0; i < EM_COUNT(presets); i++)
        for (int is_mean = 0; is_mean < 2; is_mean++) {
            checkpoint c = checkpoint_make(presets[i], 527);
            tensor *t = checkpoint_find(&c, "patch_embed.0.weight");
            size_t n_plane = (size_t)(t->shape[2] * t->shape[3]), n = t->n;
            float *planes = malloc(3 * n * sizeof *planes), *want = malloc(n * sizeof *want);
            em_import_counts counts;
            em_err err;
            opened o;
            log l;

            for (size_t k = 0; k < n; k++) {            /* powers of two: every sum is exact */
                float x = (float)(k % 64) / 64;

                planes[k / n_plane * 3 * n_plane + k % n_plane] = x;
                planes[k / n_plane * 3 * n_plane + n_plane + k % n_plane] = 2 * x;
                planes[k / n_plane * 3 * n_plane + 2 * n_plane + k % n_plane] = 3 * x;
                want[k] = is_mean ? 6 * x * (1.0f / 3.0f) : 6 * x;
            }
            free(t->data);
            t->data = planes;
            t->shape[1] = 3;
            checkpoint_write(&c, in_path);
            CHECK(run(&l, is_mean, &counts, &err) == EM_OK, "%s: %s", presets[i], err.msg);
            o = open_out();
            check_tensor(&o, "patch_embed.0.weight", want, n, presets[i]);
            CHECK(strstr(o.card.provenance, is_mean ? "averaged" : "added"), "%s", o.card.provenance);
            close_out(&o);
            free(want);
            checkpoint_discard(&c);
        }
}

static void other_classes_make_a_model_that_only_initialises(void **state)
{
    static const int classes[] = { 10, 1000 };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(classes); i++) {
        checkpoint c = checkpoint_make("dass-small", classes[i]);
        em_import_counts counts;
        em_err err;
        opened o;
        log l;

        checkpoint_write(&c, in_path);
        CHECK(run(&l, false, &counts, &err) == EM_OK, "%d: %s", classes[i], err.msg);
        CHECK(!counts.can_tag && counts.loaded == c.n - 2 && counts.skipped == 2 && counts.fresh == 4,
              "%d: %d loaded, %d skipped, %d fresh", classes[i],
              counts.loaded, counts.skipped, counts.fresh);
        CHECK(!strcmp(l.last[EM_IMPORT_SKIPPED], "classifier.head.weight") && !strcmp(l.last[EM_IMPORT_FRESH], "bn0.running_var"), "%s, %s",
              l.last[EM_IMPORT_SKIPPED], l.last[EM_IMPORT_FRESH]);
        o = open_out();
        CHECK(o.cfg.n_classes == 0 && !o.card.labels[0] && o.cfg.ssm_ratio == 1 && o.cfg.depths[2] == 2, "%d", classes[i]);
        close_out(&o);
        checkpoint_discard(&c);
    }
}

static void tensors_nobody_knows_are_skipped_and_named(void **state)
{
    checkpoint c = checkpoint_make("nano", 527);
    em_import_counts counts;
    em_err err;
    log l;
    (void)state;

    c.list[c.n] = (tensor){ .name = "optimizer.step\x1b[2J", .rank = 0, .data = calloc(1, sizeof(float)), .n = 1 };
    c.n++;
    c.list[c.n] = (tensor){ .rank = 0, .data = calloc(1, sizeof(float)), .n = 1 };
    memset(c.list[c.n].name, 'x', 500);                 /* far longer than any name of ours */
    c.n++;
    checkpoint_write(&c, in_path);
    CHECK(run(&l, false, &counts, &err) == EM_OK && counts.skipped == 2, "%s", err.msg);
    CHECK(!strchr(l.last[EM_IMPORT_SKIPPED], 0x1b), "%s", l.last[EM_IMPORT_SKIPPED]);
    checkpoint_discard(&c);
}

static void a_name_of_any_bytes_becomes_a_name(void **state)
{
    const em_import_cfg cfg = { .name = "bad \xff\x1b name" };
    checkpoint c = checkpoint_make("nano", 527);
    em_err err;
    opened o;
    (void)state;

    checkpoint_write(&c, in_path);
    CHECK_OK(em_import(NULL, in_path, out_path, &cfg, &err));
    o = open_out();
    CHECK(!strcmp(o.card.name, "bad ?? name"), "%s", o.card.name);
    close_out(&o);
    checkpoint_discard(&c);
}

static void the_golden_dass_checkpoint_becomes_mini_kaldis_kind(void **state)
{
    static const char checkpoint_path[] = EM_SHARED_DIR "/golden/checkpoints/dass_mini.safetensors";
    static const char kind_path[] = EM_SHARED_DIR "/golden/models/mini_kaldi.safetensors";
    const em_import_cfg cfg = { 0 };
    em_import_counts counts;
    em_config kind;
    em_card card;
    em_st *st;
    em_err err;
    opened o;
    (void)state;

    if (access(checkpoint_path, R_OK)) {
        print_message("SKIPPED: %s is not at hand\n", checkpoint_path);
        skip();
    }
    CHECK_OK(em_import(&counts, checkpoint_path, out_path, &cfg, &err));
    o = open_out();
    CHECK_OK(em_st_open(&st, kind_path, &err));
    CHECK_OK(em_config_parse(&kind, &card, em_st_metadata(st, "earmark"), kind_path, &err));
    check_same_kind(o.cfg, kind, "dass_mini");
    for (int i = 0; i < 527; i++)
        CHECK(!strcmp(o.card.labels[i], card.labels[i]), "%d", i);
    em_card_deinit(&card);
    em_st_close(st);
    CHECK_OK(em_st_open(&st, checkpoint_path, &err));
    CHECK(counts.loaded == em_st_count(st) && counts.skipped == 0 && counts.fresh == 0 && counts.can_tag, "%d of %d", counts.loaded, em_st_count(st));
    for (int i = 0; i < em_st_count(st); i++) {
        const em_st_tensor *t = em_st_get(st, i);
        float *x = malloc(t->n * sizeof *x);

        CHECK_OK(em_st_read(st, t, x, &err));
        check_tensor(&o, t->name + strlen("module.v."), x, t->n, "dass_mini");
        free(x);
    }
    CHECK(!strcmp(o.card.name, "dass_mini"), "%s", o.card.name);
    em_st_close(st);
    close_out(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(official_names_of_every_kind_are_taken),
        cmocka_unit_test(attention_after_ss_blocks_is_seen),
        cmocka_unit_test(htsats_own_names_are_taken),
        cmocka_unit_test(downsampling_by_two_by_two_and_conv_biases_are_seen),
        cmocka_unit_test(prefixes_are_taken_off),
        cmocka_unit_test(older_names_are_taken),
        cmocka_unit_test(layers_stored_as_convolutions_are_squeezed),
        cmocka_unit_test(three_channels_are_added_or_averaged),
        cmocka_unit_test(other_classes_make_a_model_that_only_initialises),
        cmocka_unit_test(tensors_nobody_knows_are_skipped_and_named),
        cmocka_unit_test(a_name_of_any_bytes_becomes_a_name),
        cmocka_unit_test(the_golden_dass_checkpoint_becomes_mini_kaldis_kind),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
