/* Presets, windows and the sizes that follow from a configuration. Reading and writing it: config_json.c. */
#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIRECTIONS = 4, SLOT = 32, PIECE = 128, PIECE_SOUND = 125, WHOLE = 1000 };     /* columns; SLOT: of the last stage's tokens; WHOLE: hops */

/* d0, depths and flags of the official weights (model names of VMamba, DASS and HTS-AT) and of our own presets. Those with
 * a linear head are DASS's kind: Kaldi frontend on a plain grid. HTS-AT's stretches, and has 4 heads in its first stage and
 * twice as many in each further one. */
static const struct {
    const char   *name;
    int           dim, depths[EM_STAGES];
    em_block_kind block;
    em_embed_kind embed;
    em_down_kind  down;
    bool          has_gate;
    int           d_state;
    float         ssm_ratio;
    bool          has_conv_bias;
    float         mlp_ratio;
    em_head_kind  head;
    int           n_classes;
} presets[] = {
    { "tiny",           96, { 2, 2, 9, 2 },  EM_BLOCK_SS2D, EM_EMBED_V2, EM_DOWN_V3, false, 1,  2, false, 4, EM_HEAD_TSCAM,  527 },
    { "micro",          56, { 2, 2, 6, 2 },  EM_BLOCK_SS2D, EM_EMBED_V2, EM_DOWN_V3, false, 1,  2, false, 4, EM_HEAD_TSCAM,  527 },
    { "nano",           40, { 2, 2, 2, 2 },  EM_BLOCK_SS2D, EM_EMBED_V2, EM_DOWN_V3, false, 1,  2, false, 4, EM_HEAD_TSCAM,  527 },
    { "vmamba-v0-tiny", 96, { 2, 2, 9, 2 },  EM_BLOCK_SS2D, EM_EMBED_V1, EM_DOWN_V1, true,  16, 2, true,  0, EM_HEAD_TSCAM,  0   },
    { "vmamba-s2l5",    96, { 2, 2, 5, 2 },  EM_BLOCK_SS2D, EM_EMBED_V2, EM_DOWN_V3, false, 1,  2, false, 4, EM_HEAD_TSCAM,  0   },
    { "vmamba-s1l8",    96, { 2, 2, 8, 2 },  EM_BLOCK_SS2D, EM_EMBED_V2, EM_DOWN_V3, false, 1,  1, false, 4, EM_HEAD_TSCAM,  0   },
    { "dass-small",     96, { 2, 2, 8, 2 },  EM_BLOCK_SS2D, EM_EMBED_V2, EM_DOWN_V3, false, 1,  1, false, 4, EM_HEAD_LINEAR, 527 },
    { "dass-medium",    96, { 2, 2, 20, 2 }, EM_BLOCK_SS2D, EM_EMBED_V2, EM_DOWN_V3, false, 1,  1, false, 4, EM_HEAD_LINEAR, 527 },
    { "htsat",          96, { 2, 2, 6, 2 },  EM_BLOCK_SWIN, EM_EMBED_V1, EM_DOWN_V1, false, 0,  0, false, 0, EM_HEAD_TSCAM,  527 },
};

const char *em_config_preset_name(int i) { return i >= 0 && i < (int)EM_COUNT(presets) ? presets[i].name : NULL; }

static em_status unknown_preset(const char *name, em_err *err)
{
    char names[160] = "";

    for (size_t i = 0; i < EM_COUNT(presets); i++) {
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", presets[i].name);
    }
    return em_fail(err, EM_EINVAL, "preset %.40s is unknown; there are %s", name, names);
}

static void set_frontend(em_config *cfg, em_frontend_kind frontend)
{
    bool is_kaldi = frontend == EM_FRONTEND_KALDI;

    cfg->frontend = frontend;
    cfg->sample_rate = is_kaldi ? 16000 : 32000;
    cfg->fit = EM_FIT_PAD;
    cfg->n_mels = is_kaldi ? 128 : 64;
    cfg->n_frames = 1024;
    cfg->n_hops = 1000;
    cfg->fold = is_kaldi ? 1 : 4;
    cfg->mean = is_kaldi ? -4.2677393f : 0.0f;          /* DASS's, of AudioSet */
    cfg->std = is_kaldi ? 4.5689974f : 0.0f;
}

em_status em_config_preset(em_config *cfg, const char *name, em_err *err)
{
    size_t i = 0;

    while (i < EM_COUNT(presets) && strcmp(name, presets[i].name))
        i++;
    if (i == EM_COUNT(presets))
        return unknown_preset(name, err);
    *cfg = (em_config){
        .embed = presets[i].embed, .down = presets[i].down, .block = presets[i].block, .has_gate = presets[i].has_gate,
        .d_state = presets[i].d_state, .ssm_ratio = presets[i].ssm_ratio, .has_conv_bias = presets[i].has_conv_bias,
        .mlp_ratio = presets[i].mlp_ratio, .head = presets[i].head, .n_classes = presets[i].n_classes,
    };
    set_frontend(cfg, presets[i].head == EM_HEAD_LINEAR ? EM_FRONTEND_KALDI : EM_FRONTEND_HTSAT);
    if (cfg->block == EM_BLOCK_SWIN)
        cfg->fit = EM_FIT_STRETCH;
    cfg->window = cfg->block == EM_BLOCK_SS2D ? 0 : 8;
    for (int stage = 0; stage < EM_STAGES; stage++) {
        cfg->dims[stage] = presets[i].dim << stage;
        cfg->depths[stage] = presets[i].depths[stage];
        cfg->heads[stage] = cfg->block == EM_BLOCK_SS2D ? 0 : 4 << stage;
    }
    return EM_OK;
}

static int min_int(int a, int b) { return a < b ? a : b; }

/* Tokens of a stage: a quarter of the image on each side, halved in each further stage. Never odd before the last. */
static void stage_grid(const em_config *cfg, int stage, int *H, int *W)
{
    *H = cfg->fold * cfg->n_mels / 4 >> stage;
    *W = cfg->n_frames / cfg->fold / 4 >> stage;
}

int em_config_window_side(const em_config *cfg, int H, int W) { return min_int(cfg->window, min_int(H, W)); }

int em_config_uncut_stage(const em_config *cfg)
{
    for (int stage = 0; stage < EM_STAGES && cfg->block != EM_BLOCK_SS2D; stage++) {
        int H, W, side;

        stage_grid(cfg, stage, &H, &W);
        side = em_config_window_side(cfg, H, W);
        if (H % side || W % side)
            return stage;
    }
    return -1;
}

static void set_hops(em_config *cfg, int n_hops)
{
    cfg->n_hops = n_hops;
    cfg->n_frames = cfg->fold > 1 ? n_hops / PIECE_SOUND * PIECE : (n_hops + SLOT - 1) / SLOT * SLOT;
}

/* A window that was set, but leaves tokens that attention cannot cut: names the next shorter one it can, or the one before. */
static em_status cannot_cut(em_config *cfg, const em_config *was, int step, int least, em_err *err)
{
    const double seconds = cfg->n_hops / 100.0;

    do
        set_hops(cfg, cfg->n_hops - step);
    while (cfg->n_hops >= least && em_config_uncut_stage(cfg) >= 0);
    if (cfg->n_hops < least)
        *cfg = *was;
    em_fail(err, EM_EINVAL, "a window of %g s: its tokens cannot be cut into windows of attention, those of %g s can", seconds, cfg->n_hops / 100.0);
    *cfg = *was;
    return EM_EINVAL;
}

/* least: hops of a folded model's shortest window. A stretching model's have one length for whoever tags; practice may be shorter,
 * stretched as much. */
static em_status set_window(em_config *cfg, double seconds, int least, em_err *err)
{
    const bool is_folded = cfg->fold > 1, may_stretch = cfg->fit == EM_FIT_STRETCH && least < WHOLE;
    const em_config was = *cfg;
    int most = 16000, step = is_folded ? PIECE_SOUND : 1, n_hops;

    least = is_folded ? least : SLOT;
    if (!(seconds > 0 && seconds < 1e6))
        return em_fail(err, EM_EINVAL, "a window of %g s: a length from %g to %g s is wanted", seconds, least / 100.0, most / 100.0);
    n_hops = (int)lround(seconds * 100);
    if (n_hops == cfg->n_hops && fabs(seconds * 100 - n_hops) < 1e-6)
        return EM_OK;
    if (cfg->fit != EM_FIT_PAD && !may_stretch)
        return em_fail(err, EM_EINVAL, "a window of %g s: this model hears %g s and no other length, because it does not pad "
                       "(fit is not pad)", seconds, cfg->n_hops / 100.0);
    if (n_hops < least || n_hops > most || n_hops % step || fabs(seconds * 100 - n_hops) >= 1e-6)
        return em_fail(err, EM_EINVAL, "a window of %g s: this model takes multiples of %g s from %g to %g s", seconds,
                       step / 100.0, least / 100.0, most / 100.0);
    set_hops(cfg, n_hops);
    return em_config_uncut_stage(cfg) < 0 ? EM_OK : cannot_cut(cfg, &was, step, least, err);
}

em_status em_config_set_window(em_config *cfg, double seconds, em_err *err) { return set_window(cfg, seconds, WHOLE, err); }

em_status em_config_set_short_window(em_config *cfg, double seconds, em_err *err) { return set_window(cfg, seconds, PIECE_SOUND, err); }

int em_config_dt_rank(const em_config *cfg, int stage)
{
    return (cfg->dims[stage] + 15) / 16;
}

int em_config_inner(const em_config *cfg, int stage)
{
    return (int)(cfg->ssm_ratio * (float)cfg->dims[stage]);
}

static int hop_samples(const em_config *cfg)
{
    return cfg->sample_rate / 100;
}

int em_config_window_samples(const em_config *cfg)
{
    return cfg->n_hops * hop_samples(cfg);
}

int em_config_sound_frames(const em_config *cfg)
{
    int window = cfg->sample_rate / 40, n = em_config_window_samples(cfg);

    if (cfg->frontend == EM_FRONTEND_HTSAT)
        return cfg->n_hops + 1;                         /* centred: one at both ends */
    return n < window ? 0 : 1 + (n - window) / hop_samples(cfg);
}

int em_config_slots(const em_config *cfg)
{
    return cfg->n_frames / SLOT;
}

double em_config_slot_seconds(const em_config *cfg)
{
    if (cfg->fit == EM_FIT_STRETCH)
        return cfg->n_hops / 100.0 / em_config_slots(cfg);
    return SLOT / 100.0;
}

/* Of one block. */
static double block_macs(const em_config *cfg, int stage)
{
    int H, W;

    stage_grid(cfg, stage, &H, &W);

    double d = cfg->dims[stage], di = em_config_inner(cfg, stage), R = em_config_dt_rank(cfg, stage);
    double in_proj = d * di * (cfg->has_gate ? 2 : 1), conv = 9 * di, x_proj = DIRECTIONS * (R + 2 * cfg->d_state) * di;
    double dt_proj = DIRECTIONS * R * di, out_proj = di * d, mlp = 2 * d * floor(cfg->mlp_ratio * d);
    double side = em_config_window_side(cfg, H, W), attention = 4 * d * d + 2 * side * side * d + 8 * d * d;    /* qkv, proj; scores; MLP */
    double ss = in_proj + conv + x_proj + dt_proj + out_proj + mlp;

    return (double)H * W * ((cfg->block != EM_BLOCK_SWIN ? ss : 0) + (cfg->block != EM_BLOCK_SS2D ? attention : 0));
}

/* A real FFT is counted as 2.5 n log2 n operations, half of them multiplications; the mel bank as two triangles a bin. */
static double mel_macs(const em_config *cfg)
{
    double n_fft = cfg->frontend == EM_FRONTEND_KALDI ? 512 : 1024;

    return cfg->n_frames * (1.25 * n_fft * log2(n_fft) + n_fft + 2);
}

double em_config_macs(const em_config *cfg)
{
    double L = (double)cfg->n_mels * cfg->n_frames / 16, d0 = cfg->dims[0], d3 = cfg->dims[EM_STAGES - 1];
    double macs = mel_macs(cfg), slots = em_config_slots(cfg);

    macs += cfg->embed == EM_EMBED_V1 ? 16 * L * d0 : 4 * L * 9 * (d0 / 2) + L * 9 * (d0 / 2) * d0;
    for (int stage = 0; stage < EM_STAGES; stage++, L /= 4) {
        double d = cfg->dims[stage];

        macs += cfg->depths[stage] * block_macs(cfg, stage);
        if (stage < EM_STAGES - 1)
            macs += L / 4 * (cfg->down == EM_DOWN_V3 ? 18 : 8) * d * d;
    }
    return macs + slots * d3 * cfg->n_classes * (cfg->head == EM_HEAD_TSCAM ? cfg->n_mels / 32 * 3 : 1);
}
