/* The metadata string: what is needed, what is refused and how the refusal is worded, windows and derived sizes. */
#include "check.h"

#include "model/config.h"

#include <jansson.h>

#include <math.h>

/* A small whole configuration; tests change one key of it. */
static const char base[] =
    "{\"format\":1,\"sample_rate\":32000,\"frontend\":\"htsat\",\"fit\":\"pad\",\"mels\":64,\"frames\":1024,\"fold\":4,"
    "\"patch_embed\":\"v2\",\"downsample\":\"v3\",\"block\":\"ss2d\",\"dims\":[8,16,32,64],\"depths\":[1,1,2,1],\"gate\":false,"
    "\"d_state\":1,\"ssm_ratio\":2.0,\"conv_bias\":false,\"mlp_ratio\":4.0,\"head\":\"tscam\",\"labels\":[\"Dog\",\"Cat, meow\"],"
    "\"mean\":-4.25,\"std\":4.5,\"heads\":[2,4,8,16],\"window\":8}";

/* base with key set to the JSON text `value`, or without key when value is NULL. The caller frees. */
static char *changed(const char *key, const char *value)
{
    json_t *root = json_loads(base, 0, NULL);
    char *text;

    if (value)
        json_object_set_new(root, key, json_loads(value, JSON_DECODE_ANY, NULL));
    else
        json_object_del(root, key);
    text = json_dumps(root, 0);
    json_decref(root);
    return text;
}

static em_status parse(em_config *cfg, const char *json, em_err *err)
{
    em_card card;
    em_status status;

    *err = (em_err){ 0 };
    status = em_config_parse(cfg, &card, json, "m.safetensors", err);
    em_card_deinit(&card);
    return status;
}

static em_status parse_changed(em_config *cfg, const char *key, const char *value, em_err *err)
{
    char *text = changed(key, value);
    em_status status = parse(cfg, text, err);

    free(text);
    return status;
}

static void every_required_key_is_missed_by_name(void **state)
{
    static const char *const keys[] = {
        "format", "sample_rate", "frontend", "fit", "mels", "frames", "fold", "patch_embed", "downsample", "block", "dims", "depths",
        "gate", "d_state", "ssm_ratio", "conv_bias", "mlp_ratio", "head", "labels",
    };
    em_config cfg;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(keys); i++) {
        CHECK(parse_changed(&cfg, keys[i], NULL, &err) == EM_EFORMAT, "%s", keys[i]);
        CHECK(strstr(err.msg, keys[i]) && strstr(err.msg, "missing") && strstr(err.msg, "m.safetensors"), "%s: %s", keys[i], err.msg);
    }
}

static void keys_of_another_choice_are_not_needed(void **state)
{
    static const struct { const char *choice, *value, *key; bool is_needed; } cases[] = {
        { "frontend", "\"htsat\"", "mean", false },   { "frontend", "\"htsat\"", "std", false },
        { "frontend", "\"kaldi\"", "mean", true },    { "frontend", "\"kaldi\"", "std", true },
        { "block", "\"ss2d\"", "heads", false },      { "block", "\"ss2d\"", "window", false },
        { "block", "\"ss2d+attn\"", "heads", true },  { "block", "\"swin\"", "window", true },
        { "block", "\"swin\"", "gate", false },       { "block", "\"swin\"", "mlp_ratio", false },
        { "block", "\"ss2d+attn\"", "d_state", true }, { "block", "\"ss2d\"", "conv_bias", true },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        json_t *root = json_loads(base, 0, NULL);
        em_config cfg;
        em_err err;
        em_status status;
        char *text;

        json_object_set_new(root, cases[i].choice, json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        json_object_del(root, cases[i].key);
        text = json_dumps(root, 0);
        status = parse(&cfg, text, &err);
        CHECK(status == (cases[i].is_needed ? EM_EFORMAT : EM_OK), "%s %s, %s: %s", cases[i].choice, cases[i].value, cases[i].key, err.msg);
        free(text);
        json_decref(root);
    }
}

static void a_value_outside_its_set_is_refused_by_name(void **state)
{
    static const struct { const char *key, *value; } cases[] = {
        { "format", "0" },            { "format", "\"1\"" },          { "format", "1.0" },
        { "sample_rate", "7999" },    { "sample_rate", "48001" },     { "sample_rate", "22050" },   { "sample_rate", "\"32000\"" },
        { "sample_rate", "1e4" },     { "sample_rate", "9223372036854775807" },
        { "frontend", "\"HTSAT\"" },  { "frontend", "null" },         { "frontend", "0" },          { "fit", "\"\"" },
        { "mels", "0" },              { "mels", "31" },               { "mels", "40" },             { "mels", "544" },
        { "frames", "0" },            { "frames", "1000" },           { "frames", "-1024" },        { "frames", "16512" },
        { "frames", "1056" },         { "fold", "2" },                { "fold", "0" },              { "fold", "true" },
        { "patch_embed", "\"v3\"" },  { "downsample", "\"v4\"" },     { "block", "\"mamba\"" },     { "head", "\"mlp\"" },
        { "activation", "\"relu\"" }, { "activation", "true" },
        { "dims", "[8,16,32]" },      { "dims", "[8,16,32,64,128]" }, { "dims", "[8,16,32,63]" },   { "dims", "[12,24,48,96]" },
        { "dims", "[520,1040,2080,4160]" }, { "dims", "[0,0,0,0]" },  { "dims", "[8,16,32,64.0]" }, { "dims", "8" },
        { "depths", "[0,1,1,1]" },    { "depths", "[1,1,129,1]" },    { "depths", "[1,1,2147483648,1]" },
        { "gate", "0" },              { "gate", "\"false\"" },        { "d_state", "0" },           { "d_state", "257" },
        { "ssm_ratio", "0" },         { "ssm_ratio", "-1" },          { "ssm_ratio", "4.5" },       { "ssm_ratio", "1.3" },
        { "conv_bias", "1" },         { "mlp_ratio", "-0.5" },        { "mlp_ratio", "9" },         { "mlp_ratio", "0.3" },
        { "labels", "{}" },           { "labels", "[1]" },            { "labels", "[\"Dog\",\"\"]" }, { "labels", "\"Dog\"" },
        { "trained", "[2]" },         { "trained", "[-1]" },          { "trained", "[0.0]" },       { "trained", "[0,1,0]" },
        { "thresholds", "[0.5]" },    { "thresholds", "[0.5,1.5]" },  { "thresholds", "[0.5,-0.1]" }, { "thresholds", "[0.5,0.5,0.5]" },
        { "thresholds", "[0.5,null]" }, { "name", "7" },              { "provenance", "[]" },       { "licence", "false" },
    };
    em_config cfg;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK(parse_changed(&cfg, cases[i].key, cases[i].value, &err) == EM_EFORMAT, "%s %s", cases[i].key, cases[i].value);
        CHECK(strstr(err.msg, cases[i].key) && strstr(err.msg, "m.safetensors"), "%s %s: %s", cases[i].key, cases[i].value, err.msg);
    }
}

static void edges_of_every_set_are_taken(void **state)
{
    static const struct { const char *key, *value; } cases[] = {
        { "sample_rate", "8000" }, { "sample_rate", "48000" },        { "mels", "32" },           { "mels", "512" },
        { "frames", "128" },       { "frames", "16384" },             { "fold", "1" },            { "dims", "[512,1024,2048,4096]" },
        { "depths", "[1,1,128,1]" }, { "d_state", "256" },            { "ssm_ratio", "4" },       { "ssm_ratio", "0.5" },
        { "mlp_ratio", "0" },      { "mlp_ratio", "8" },              { "labels", "[]" },         { "trained", "[]" },
        { "trained", "[1,0]" },    { "thresholds", "[0,1]" },         { "metrics", "{\"mAP\":0.5}" },
        { "activation", "\"sigmoid\"" }, { "activation", "\"softmax\"" },
    };
    em_config cfg;
    em_err err;
    (void)state;

    CHECK_OK(parse(&cfg, base, &err));
    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(parse_changed(&cfg, cases[i].key, cases[i].value, &err) == EM_OK, "%s %s: %s", cases[i].key, cases[i].value, err.msg);
    CHECK_OK(parse_changed(&cfg, "labels", "[]", &err));
    CHECK(cfg.n_classes == 0, "%d", cfg.n_classes);
}

static void what_is_not_json_is_refused(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "7", "null", "{\"format\":1,\"format\":1}", "{\"format\":1}x", "{\"a\":\"\\u0000\"}", "{\"a\":1e999}", "{\"a\":\"\xff\"}",
    };
    em_config cfg;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(texts); i++)
        CHECK(parse(&cfg, texts[i], &err) == EM_EFORMAT && strstr(err.msg, "m.safetensors"), "%s: %s", texts[i], err.msg);
}

static void a_newer_format_is_unsupported_not_corrupt(void **state)
{
    em_config cfg;
    em_err err;
    (void)state;

    CHECK(parse_changed(&cfg, "format", "2", &err) == EM_EUNSUPPORTED && strstr(err.msg, "newer"), "%s", err.msg);
}

static void labels_lose_their_control_characters(void **state)
{
    char *text = changed("labels", "[\"Dog\\u001b[2J\", \"Caf\\u00e9 \\u009b31m\"]");
    em_config cfg;
    em_card card;
    em_err err;
    (void)state;

    CHECK_OK(em_config_parse(&cfg, &card, text, "m", &err));
    CHECK(!strcmp(card.labels[0], "Dog?[2J") && !strcmp(card.labels[1], "Caf\xc3\xa9 ?31m"), "%s", card.labels[0]);
    em_card_deinit(&card);
    em_card_deinit(&card);
    free(text);
}

static void labels_whose_slugs_collide_are_refused(void **state)
{
    static const struct { const char *labels; em_status want; } cases[] = {
        { "[\"Dog bark\",\"dog  BARK!\"]", EM_EFORMAT },   { "[\"Dog\",\"Cat\",\"Dog\"]", EM_EFORMAT },
        { "[\"Dog\",\"Dogs\"]", EM_OK },                   { "[\"\\u72ac\",\"\\u732b\"]", EM_OK },      /* no slug at all */
        { "[\"\\u72ac\",\"\\u72ac\"]", EM_EFORMAT },
    };
    em_config cfg;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++)
        CHECK(parse_changed(&cfg, "labels", cases[i].labels, &err) == cases[i].want, "%s: %s", cases[i].labels, err.msg);
    CHECK(parse_changed(&cfg, "labels", "[\"A b\",\"a B\"]", &err) == EM_EFORMAT && strstr(err.msg, "a_b"), "%s", err.msg);
}

/* Nobody checks the keys of another choice, so nobody may count with them. */
static void keys_of_another_choice_count_for_nothing(void **state)
{
    char *swin = changed("block", "\"swin\""), *hostile;
    json_t *root = json_loads(swin, 0, NULL);
    em_config cfg, plain;
    em_err err;

    (void)state;
    json_object_set_new(root, "ssm_ratio", json_real(1e21));
    json_object_set_new(root, "d_state", json_integer(2147483647));
    hostile = json_dumps(root, 0);
    CHECK_OK(parse(&plain, swin, &err));
    CHECK_OK(parse(&cfg, hostile, &err));
    CHECK(cfg.ssm_ratio == 0 && cfg.d_state == 0, "ratio %g, %d states are left", (double)cfg.ssm_ratio, cfg.d_state);
    CHECK(em_config_macs(&cfg) == em_config_macs(&plain), "%g multiply-adds, not %g", em_config_macs(&cfg), em_config_macs(&plain));
    json_decref(root);
    free(swin);
    free(hostile);
}

static void unknown_keys_are_kept(void **state)
{
    char *text = changed("x-vendor", "{\"deep\":[1,2.5,null]}"), *again;
    em_config cfg;
    em_card card;
    em_err err;
    (void)state;

    CHECK_OK(em_config_parse(&cfg, &card, text, "m", &err));
    CHECK(!strcmp(card.json, text), "the string as found");
    again = em_config_write(&cfg, &card);
    CHECK(strstr(again, "\"x-vendor\":{\"deep\":[1,2.5,null]}"), "%s", again);
    CHECK(strstr(again, "\"labels\":[\"Dog\",\"Cat, meow\"]"), "%s", again);
    CHECK(strstr(again, "\"ssm_ratio\":2.0,"), "%s", again);
    free(again);
    free(text);
    em_card_deinit(&card);
}

static void floats_are_written_short_and_read_back_equal(void **state)
{
    static const float values[] = { -4.2677393f, 4.5689974f, 0.1f, 1.0f, 1e-3f, 3.14159274f, 999.999f };
    em_config cfg, again;
    em_card card = { 0 };
    em_err err;
    (void)state;

    CHECK_OK(em_config_preset(&cfg, "dass-small", &err));
    cfg.n_classes = 0;
    for (size_t i = 0; i < EM_COUNT(values); i++) {
        char *text;

        cfg.mean = values[i];
        text = em_config_write(&cfg, &card);
        CHECK(text, "%zu", i);
        CHECK_OK(parse(&again, text, &err));
        CHECK(again.mean == values[i], "%zu: %s", i, text);
        CHECK(i > 0 || strstr(text, "\"mean\":-4.2677393,"), "%s", text);
        free(text);
    }
}

static void presets_are_whole_configurations(void **state)
{
    static const struct { const char *name; int n_classes, rate, samples, frames, slots; } cases[] = {
        { "tiny", 527, 32000, 320000, 1001, 32 },        { "micro", 527, 32000, 320000, 1001, 32 },
        { "nano", 527, 32000, 320000, 1001, 32 },        { "vmamba-v0-tiny", 0, 32000, 320000, 1001, 32 },
        { "vmamba-s2l5", 0, 32000, 320000, 1001, 32 },   { "vmamba-s1l8", 0, 32000, 320000, 1001, 32 },
        { "dass-small", 527, 16000, 160000, 998, 32 },   { "dass-medium", 527, 16000, 160000, 998, 32 },
        { "htsat", 527, 32000, 320000, 1001, 32 },
    };
    em_config cfg;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK_OK(em_config_preset(&cfg, cases[i].name, &err));
        CHECK_OK(em_config_check(&cfg, cases[i].name, &err));
        CHECK(cfg.n_classes == cases[i].n_classes && cfg.sample_rate == cases[i].rate, "%s", cases[i].name);
        CHECK(em_config_window_samples(&cfg) == cases[i].samples && em_config_sound_frames(&cfg) == cases[i].frames, "%s", cases[i].name);
        CHECK(em_config_slots(&cfg) == cases[i].slots && em_config_slot_seconds(&cfg) == (cfg.fit == EM_FIT_STRETCH ? .3125 : .32),
              "%s", cases[i].name);
    }
    CHECK(em_config_preset(&cfg, "large", &err) == EM_EINVAL, "large");
    CHECK(strstr(err.msg, "large") && strstr(err.msg, "tiny, micro, nano") && strstr(err.msg, "dass-medium"), "%s", err.msg);
}

static void presets_cost_what_the_cost_model_says(void **state)
{
    /* Sums of `macs` of the reference's cost model: to the last digit, so that no operator is missed. */
    static const struct { const char *name; double macs; } cases[] = {
        { "tiny", 8212957184 }, { "micro", 2339371008 }, { "nano", 872536064 }, { "htsat", 5999544320 },
    };
    em_config cfg;
    em_err err;
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK_OK(em_config_preset(&cfg, cases[i].name, &err));
        CHECK(em_config_macs(&cfg) == cases[i].macs, "%s: %.0f, not %.0f", cases[i].name, em_config_macs(&cfg), cases[i].macs);
    }
}

static void windows_are_whole_pieces(void **state)
{
    static const struct { const char *preset; double seconds; int n_frames, n_hops, slots; const char *refusal; } cases[] = {
        { "nano", 10, 1024, 1000, 32, NULL },        { "nano", 11.25, 1152, 1125, 36, NULL },   { "nano", 20, 2048, 2000, 64, NULL },
        { "nano", 160, 16384, 16000, 512, NULL },    { "nano", 8.75, 0, 0, 0, "1.25 s from 10 to 160 s" },
        { "nano", 161.25, 0, 0, 0, "from 10 to 160 s" }, { "nano", 12, 0, 0, 0, "1.25 s" },     { "nano", 11.251, 0, 0, 0, "1.25 s" },
        { "nano", 0, 0, 0, 0, "160 s" },             { "nano", -10, 0, 0, 0, "160 s" },         { "nano", NAN, 0, 0, 0, "160 s" },
        { "nano", INFINITY, 0, 0, 0, "160 s" },      { "nano", 1e300, 0, 0, 0, "160 s" },
        { "dass-small", 10, 1024, 1000, 32, NULL },  { "dass-small", 10.24, 1024, 1024, 32, NULL }, { "dass-small", 10.25, 1056, 1025, 33, NULL },
        { "dass-small", 0.32, 32, 32, 1, NULL },     { "dass-small", 160, 16000, 16000, 500, NULL },
        { "dass-small", 0.31, 0, 0, 0, "0.01 s from 0.32 to 160 s" }, { "dass-small", 5.005, 0, 0, 0, "0.01 s" },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_config cfg, before;
        em_err err;
        em_status status;

        CHECK_OK(em_config_preset(&cfg, cases[i].preset, &err));
        before = cfg;
        status = em_config_set_window(&cfg, cases[i].seconds, &err);
        if (cases[i].refusal) {
            CHECK(status == EM_EINVAL && strstr(err.msg, cases[i].refusal), "%s %g: %s", cases[i].preset, cases[i].seconds, err.msg);
            CHECK(cfg.n_frames == before.n_frames && cfg.n_hops == before.n_hops, "%s %g", cases[i].preset, cases[i].seconds);
            continue;
        }
        CHECK(status == EM_OK, "%s %g: %s", cases[i].preset, cases[i].seconds, err.msg);
        CHECK(cfg.n_frames == cases[i].n_frames && cfg.n_hops == cases[i].n_hops && em_config_slots(&cfg) == cases[i].slots,
              "%s %g: %d frames, %d hops", cases[i].preset, cases[i].seconds, cfg.n_frames, cfg.n_hops);
        CHECK(em_config_sound_frames(&cfg) <= cfg.n_frames + 1, "%s %g", cases[i].preset, cases[i].seconds);
        CHECK_OK(em_config_check(&cfg, "window", &err));
    }
}

static void windows_that_attention_cannot_cut_are_refused(void **state)
{
    static const struct { double seconds; int n_frames; const char *refusal; } cases[] = {
        { 10, 1024, NULL }, { 20, 2048, NULL }, { 30, 3072, NULL }, { 160, 16384, NULL }, { 11.25, 0, "those of 10 s can" },
        { 15, 0, "those of 10 s can" }, { 38.75, 0, "those of 30 s can" }, { 7.5, 0, "from 10 to 160 s" },
    };
    em_config cfg, before;
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_status status;

        CHECK_OK(parse_changed(&cfg, "block", "\"ss2d+attn\"", &err));
        before = cfg;
        status = em_config_set_window(&cfg, cases[i].seconds, &err);
        if (cases[i].refusal) {
            CHECK(status == EM_EINVAL && strstr(err.msg, cases[i].refusal), "%g: %s", cases[i].seconds, err.msg);
            CHECK(memcmp(&cfg, &before, sizeof cfg) == 0, "%g is set", cases[i].seconds);
            continue;
        }
        CHECK(status == EM_OK && cfg.n_frames == cases[i].n_frames, "%g: %s", cases[i].seconds, err.msg);
        CHECK_OK(em_config_check(&cfg, "window", &err));
    }
}

/* Grids of a window of attention that a file may ask for; of 5 s the last one is 8 x 4. */
static void grids_that_attention_cannot_cut_are_refused(void **state)
{
    static const struct { int window, frames; const char *refusal; } cases[] = {
        { 8, 512, NULL }, { 4, 1024, NULL }, { 16, 1024, NULL }, { 32, 1024, NULL }, { 7, 1024, "stage 0" }, { 8, 1152, "stage 1" },
        { 8, 1536, "stage 3" },
    };
    em_config cfg;
    em_err err;

    (void)state;
    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        CHECK_OK(parse_changed(&cfg, "block", "\"swin\"", &err));
        cfg.window = cases[i].window;
        cfg.n_frames = cases[i].frames;
        if (!cases[i].refusal)
            CHECK_OK(em_config_check(&cfg, "m", &err));
        else
            CHECK(em_config_check(&cfg, "m", &err) == EM_EFORMAT && strstr(err.msg, cases[i].refusal) && strstr(err.msg, "key window"),
                  "%zu: %s", i, err.msg);
    }
}

static void models_that_do_not_pad_keep_their_window(void **state)
{
    static const struct { const char *fit; double own; int samples, frames; double slot; } cases[] = {
        { "\"stretch\"", 10, 320000, 1001, .3125 }, { "\"exact\"", 10.23, 327360, 1024, .32 },
    };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(cases); i++) {
        em_config cfg;
        em_err err;

        CHECK_OK(parse_changed(&cfg, "fit", cases[i].fit, &err));
        CHECK(em_config_window_samples(&cfg) == cases[i].samples && em_config_sound_frames(&cfg) == cases[i].frames, "%s", cases[i].fit);
        CHECK(em_config_slot_seconds(&cfg) == cases[i].slot, "%s", cases[i].fit);
        CHECK_OK(em_config_set_window(&cfg, cases[i].own, &err));
        CHECK(em_config_set_window(&cfg, 20, &err) == EM_EINVAL && strstr(err.msg, "does not pad"), "%s", err.msg);
        CHECK(em_config_set_window(&cfg, 5, &err) == EM_EINVAL && strstr(err.msg, "does not pad"), "%s", err.msg);
        if (cfg.fit == EM_FIT_STRETCH) {                /* practice may be shorter */
            CHECK_OK(em_config_set_short_window(&cfg, 5, &err));
            CHECK(cfg.n_hops == 500 && cfg.n_frames == 512 && em_config_slot_seconds(&cfg) == .3125, "%d %d", cfg.n_hops, cfg.n_frames);
        } else {
            CHECK(em_config_set_short_window(&cfg, 5, &err) == EM_EINVAL && strstr(err.msg, "does not pad"), "%s", err.msg);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_required_key_is_missed_by_name),
        cmocka_unit_test(keys_of_another_choice_are_not_needed),
        cmocka_unit_test(a_value_outside_its_set_is_refused_by_name),
        cmocka_unit_test(edges_of_every_set_are_taken),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(a_newer_format_is_unsupported_not_corrupt),
        cmocka_unit_test(labels_lose_their_control_characters),
        cmocka_unit_test(labels_whose_slugs_collide_are_refused),
        cmocka_unit_test(keys_of_another_choice_count_for_nothing),
        cmocka_unit_test(unknown_keys_are_kept),
        cmocka_unit_test(floats_are_written_short_and_read_back_equal),
        cmocka_unit_test(presets_are_whole_configurations),
        cmocka_unit_test(presets_cost_what_the_cost_model_says),
        cmocka_unit_test(windows_are_whole_pieces),
        cmocka_unit_test(windows_that_attention_cannot_cut_are_refused),
        cmocka_unit_test(grids_that_attention_cannot_cut_are_refused),
        cmocka_unit_test(models_that_do_not_pad_keep_their_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
