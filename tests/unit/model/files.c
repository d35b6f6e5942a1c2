/* The model files of the golden set: what their metadata say, and that our list of tensors is theirs. */
#include "check.h"

#include "model/config.h"
#include "model/params.h"
#include "model/safetensors.h"

#include <unistd.h>

#define MODELS EM_SHARED_DIR "/golden/models/"

static const char *const files[] = {
    MODELS "mini_p.safetensors",     MODELS "mini_a.safetensors",  MODELS "mini_gated.safetensors", MODELS "mini_v0.safetensors",
    MODELS "mini_kaldi.safetensors", MODELS "nano.safetensors",    EM_SHARED_DIR "/models/nano-bootstrap.safetensors",
    MODELS "mini_attn.safetensors",  MODELS "mini_swin.safetensors",
};

typedef struct opened { em_st *st; em_config cfg; em_card card; } opened;

static opened open_model(const char *path)
{
    opened o = { 0 };
    em_err err;

    CHECK_OK(em_st_open(&o.st, path, &err));
    CHECK(em_st_metadata(o.st, "earmark"), "%s", path);
    CHECK_OK(em_config_parse(&o.cfg, &o.card, em_st_metadata(o.st, "earmark"), path, &err));
    return o;
}

static void close_model(opened *o)
{
    em_card_deinit(&o->card);
    em_st_close(o->st);
}

static void our_list_is_the_files_tensors_in_name_and_shape(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(files); i++) {
        opened o = open_model(files[i]);
        double n_values = o.cfg.frontend == EM_FRONTEND_HTSAT ? -2.0 * o.cfg.n_mels : 0;        /* running statistics are no parameters */
        em_params params;
        em_err err;

        CHECK_OK(em_params_list(&params, &o.cfg, &err));
        CHECK(params.n == em_st_count(o.st), "%s: %d of ours, %d of the file", files[i], params.n, em_st_count(o.st));
        for (int k = 0; k < params.n; k++) {
            const em_param *p = &params.list[k];
            const em_st_tensor *t = em_st_find(o.st, p->name);

            CHECK(t, "%s: %s is not in the file", files[i], p->name);
            CHECK(t->rank == p->rank && t->n == p->n && !memcmp(t->shape, p->shape, (size_t)p->rank * sizeof *p->shape), "%s: %s",
                  files[i], p->name);
            n_values += (double)p->n;
        }
        CHECK(n_values == em_config_params(&o.cfg), "%s: %.0f numbers", files[i], n_values);
        em_params_deinit(&params);
        close_model(&o);
    }
}

static void every_tensor_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(files); i++) {
        opened o = open_model(files[i]);
        em_err err;

        for (int k = 0; k < em_st_count(o.st); k++) {
            const em_st_tensor *t = em_st_get(o.st, k);
            float *x = malloc(t->n * sizeof *x);

            CHECK_OK(em_st_read(o.st, t, x, &err));
            free(x);
        }
        close_model(&o);
    }
}

static void the_bootstrap_model_says_what_it_is(void **state)
{
    opened o = open_model(EM_SHARED_DIR "/models/nano-bootstrap.safetensors");
    (void)state;

    CHECK(o.cfg.n_classes == 527 && o.cfg.n_hops == 1000 && em_config_window_samples(&o.cfg) == 320000, "sizes");
    CHECK(o.cfg.frontend == EM_FRONTEND_HTSAT && o.cfg.fit == EM_FIT_PAD && o.cfg.dims[3] == 320 && o.cfg.depths[2] == 2, "kind");
    CHECK(!strcmp(o.card.labels[0], "Speech") && !o.card.labels[527], "labels");
    CHECK(o.card.n_trained == 14 && o.card.trained[0] == 23, "trained");
    CHECK(o.card.thresholds && o.card.thresholds[0] == 1.0f, "thresholds");
    CHECK(!strcmp(o.card.name, "nano-bootstrap") && !strcmp(o.card.licence, "CC-BY-4.0"), "texts");
    CHECK(strstr(o.card.metrics, "\"accuracy\":0.8375"), "%s", o.card.metrics);
    close_model(&o);
}

static void what_is_written_is_read_back_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < EM_COUNT(files); i++) {
        opened o = open_model(files[i]);
        char *text = em_config_write(&o.cfg, &o.card), *again;
        em_config cfg;
        em_card card;
        em_err err;

        CHECK(text, "%s", files[i]);
        CHECK_OK(em_config_parse(&cfg, &card, text, "again", &err));
        CHECK(cfg.n_hops == o.cfg.n_hops && cfg.mean == o.cfg.mean && cfg.std == o.cfg.std, "%s", files[i]);
        again = em_config_write(&cfg, &card);
        CHECK(!strcmp(text, again), "%s: %.300s", files[i], again);
        free(text);
        free(again);
        em_card_deinit(&card);
        close_model(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_list_is_the_files_tensors_in_name_and_shape),
        cmocka_unit_test(every_tensor_can_be_read),
        cmocka_unit_test(the_bootstrap_model_says_what_it_is),
        cmocka_unit_test(what_is_written_is_read_back_the_same),
    };

    if (access(MODELS "mini_p.safetensors", R_OK))
        SKIP_ALL("the golden model files are not at hand (%s)", MODELS);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
