/* cmd_inspect.c - --inspect MODEL: what a model file says of itself and what it costs. */
#include "base/text.h"
#include "cli/commands.h"
#include "cli/tagger.h"

#include <stdio.h>

enum { TRAINED_SHOWN = 20 };

static void print_text(const char *key, const char *value)
{
    char clean[1000];

    if (value && *value)
        printf("%-12s %s\n", key, em_text_clean(clean, sizeof clean, value));
}

static void print_backbone(const em_config *c)
{
    static const char *const embed[] = { "4x4", "two 3x3" }, *const down[] = { "merging", "2x2", "3x3" };
    static const char *const block[] = { "ss2d", "swin", "ss2d+attn" };

    printf("%-12s %s, %d mels at %d Hz, %d frames, fold %d, fit %s\n", "frontend",
           c->frontend == EM_FRONTEND_KALDI ? "kaldi" : "htsat", c->n_mels, c->sample_rate, c->n_frames, c->fold,
           c->fit == EM_FIT_PAD ? "pad" : c->fit == EM_FIT_STRETCH ? "stretch" : "exact");
    printf("%-12s %s blocks, embed %s, downsample %s", "backbone", block[c->block], embed[c->embed], down[c->down]);
    if (c->block != EM_BLOCK_SWIN)
        printf(", d_state %d, ratio %g, mlp %g%s%s", c->d_state, (double)c->ssm_ratio, (double)c->mlp_ratio,
               c->has_gate ? ", gate" : "", c->has_conv_bias ? ", conv bias" : "");
    if (c->block != EM_BLOCK_SS2D)
        printf(", heads %d %d %d %d, windows of %d", c->heads[0], c->heads[1], c->heads[2], c->heads[3], c->window);
    puts("");
    printf("%-12s %d %d %d %d, depths %d %d %d %d\n", "dims", c->dims[0], c->dims[1], c->dims[2], c->dims[3], c->depths[0],
           c->depths[1], c->depths[2], c->depths[3]);
    printf("%-12s %s, %d classes%s, %d slots of %.3f s\n", "head", c->head == EM_HEAD_TSCAM ? "tscam" : "linear",
           c->n_classes, c->activation == EM_SOFTMAX ? " (one a clip: softmax)" : "", em_config_slots(c), em_config_slot_seconds(c));
}

static void print_trained(const em_card *card, const em_config *cfg)
{
    char clean[128];

    if (!card->trained)
        return;
    printf("%-12s %d of %d:", "trained", card->n_trained, cfg->n_classes);
    for (int i = 0; i < card->n_trained && i < TRAINED_SHOWN; i++)
        printf("%s %s", i ? "," : "", em_text_clean(clean, sizeof clean, card->labels[card->trained[i]]));
    puts(card->n_trained > TRAINED_SHOWN ? ", …" : "");
}

int em_cmd_inspect(const em_options *o, em_err *err)
{
    em_options of_subject = *o;
    em_tagger t;
    int code;

    of_subject.model = o->subject;
    code = em_tagger_open_model(&t, &of_subject, err);
    if (code == EM_EXIT_OK) {
        const em_config *cfg = em_model_config(t.model);
        const em_card *card = em_model_card(t.model);

        print_text("file", t.path);
        print_text("name", card->name);
        print_text("sha256", em_model_hash(t.model));
        print_backbone(cfg);
        printf("%-12s %.2f M parameters, %.2f GMAC a window of %.2f s\n", "size", em_config_params(cfg) / 1e6,
               em_config_macs(cfg) / 1e9, (double)em_config_window_samples(cfg) / cfg->sample_rate);
        print_trained(card, cfg);
        print_text("licence", card->licence);
        print_text("provenance", card->provenance);
        print_text("metrics", card->metrics);
        print_text("thresholds", card->thresholds_from);
        code = em_finish_stdout(err);
    }
    em_tagger_close(&t);
    return code;
}
