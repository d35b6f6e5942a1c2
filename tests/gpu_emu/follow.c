/* follow.c - see follow.h. A frame of these streams is noise of its time alone; one at an end of a window, of that window, too. */
#include "check.h"

#include "follow.h"
#include "model/session.h"

enum { N_STREAMS = 4, N_RINGS = 2, MOST_FRAMES = 64, N_MELS = 32, EDGE_BEGIN = 2, EDGE_END = 2, HEADER = 1024 };

/* How far each window lies behind the last one of its stream; of a window 59 frames touch no end when it is padded. */
static const int moves[] = { 1, 3, 20, 0, 58, 59, 1, 70, 2, -30, 500, 12, 12 };

typedef struct fit { const char *name; em_fit fit; int n_hops; } fit;

static const fit fits[] = {
    { "pad: the last frame is left out", EM_FIT_PAD, 62 },
    { "stretch: four frames a column", EM_FIT_STRETCH, 60 },
    { "exact: as many frames as columns", EM_FIT_EXACT, 63 },
};

static float noise(int64_t a, int64_t b, int64_t c)
{
    uint64_t x = (uint64_t)(a * 1000003 + b * 10007 + c) * 0x9e3779b97f4a7c15u;

    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return -60.f + (float)(x >> 40) * (50.f / (1 << 24));
}

static void make_frames(float *frames, int stream, int64_t end, int n)
{
    for (int t = 0; t < n; t++)
        for (int f = 0; f < N_MELS; f++) {
            const bool is_edge = t < EDGE_BEGIN || t >= n - EDGE_END;

            frames[t * N_MELS + f] = noise(end + t, f, 100 * stream + (is_edge ? 7 * end : 0));
        }
}

em_config follow_config(void)
{
    em_config cfg;
    em_err err;

    CHECK_OK(em_config_preset(&cfg, "nano", &err));
    for (int i = 0; i < EM_STAGES; i++) {
        cfg.dims[i] = 8 << i;
        cfg.depths[i] = 1;
    }
    cfg.fold = 1;
    cfg.n_mels = N_MELS;
    cfg.n_frames = MOST_FRAMES;
    cfg.n_hops = fits[0].n_hops;
    cfg.n_classes = CLASSES;
    return cfg;
}

/* The same model twice at work. */
typedef struct pair {
    em_dev     *dev;
    em_model   *model;
    em_session *with, *without;
    int         n_frames;
    size_t      n_slots;
    int         streams[N_STREAMS];
    int64_t     ends[N_STREAMS];
    float       frames[N_STREAMS][MOST_FRAMES * N_MELS];
} pair;

static void open_pair(pair *p, const follow_target *target, const fit *f)
{
    em_config cfg = follow_config();
    em_err err;

    cfg.n_hops = f->n_hops;
    cfg.fit = f->fit;
    CHECK_OK(target->ops->open(&p->dev, &(em_dev_cfg){ .precision = target->precision }, &err));
    CHECK_OK(em_model_random(&p->model, &cfg, 3, target->ops, p->dev, &err));
    CHECK_OK(em_session_new(&p->with, p->model, &(em_session_cfg){ .max_batch = N_STREAMS, .max_streams = N_RINGS }, &err));
    CHECK_OK(em_session_new(&p->without, p->model, &(em_session_cfg){ .max_batch = N_STREAMS }, &err));
    p->n_frames = em_config_sound_frames(em_session_config(p->with));
    p->n_slots = (size_t)em_config_slots(em_session_config(p->with)) * CLASSES;
    CHECK(em_session_join(p->without) == 0, "%s", f->name);
    for (int i = 0; i < N_STREAMS; i++) {
        p->streams[i] = em_session_join(p->with);
        CHECK((p->streams[i] > 0) == (i < N_RINGS), "%s: stream %d", f->name, i);
        p->ends[i] = 1000 + i;
    }
}

static void close_pair(pair *p, const follow_target *target)
{
    em_session_free(p->with);
    em_session_free(p->without);
    em_model_free(p->model);
    target->ops->close(p->dev);
}

/* Answers of one window. */
typedef struct answer { float logits[CLASSES], slots[MOST_FRAMES / 32 * CLASSES], latent[64]; } answer;

static em_output output_of(answer *a) { return (em_output){ a->logits, a->slots, a->latent }; }

/* The windows of `which` (stream numbers) in one batch, through both. */
static void run_both(pair *p, const int *which, int n, const char *name)
{
    static answer with[N_STREAMS], without[N_STREAMS];
    em_input in[N_STREAMS] = { 0 };
    em_output out[N_STREAMS];
    em_err err;

    memset(with, 0, sizeof with);
    memset(without, 0, sizeof without);
    for (int b = 0; b < n; b++) {
        const int i = which[b];

        make_frames(p->frames[i], i, p->ends[i], p->n_frames);
        in[b] = (em_input){ .frames = p->frames[i], .n_frames = p->n_frames, .stream = p->streams[i], .end = p->ends[i],
                            .inner_first = EDGE_BEGIN, .inner_end = p->n_frames - EDGE_END };
        out[b] = output_of(&with[b]);
    }
    CHECK_OK(em_session_run(p->with, in, out, n, &err));
    for (int b = 0; b < n; b++) {
        in[b].stream = 0;
        out[b] = output_of(&without[b]);
    }
    CHECK_OK(em_session_run(p->without, in, out, n, &err));
    for (int b = 0; b < n; b++)
        CHECK(!memcmp(&with[b], &without[b], sizeof with[b]), "%s: stream %d, window that ends at %lld, place %d of %d", name, which[b],
              (long long)p->ends[which[b]], b, n);
}

/* Every batch has other streams in other places; each stream goes on by its own moves. */
static void batches(pair *p, const follow_target *target, size_t n_rounds, const char *name)
{
    const long before = target->allocated ? target->allocated() : 0;

    for (size_t round = 0; round < n_rounds; round++) {
        int which[N_STREAMS], n = 0;

        for (size_t k = 0; k < N_STREAMS; k++) {
            const size_t i = (k + round) % N_STREAMS;

            if ((round + i) % 3 == 2)
                continue;
            p->ends[i] += moves[(round + 3 * i) % EM_COUNT(moves)];
            which[n++] = (int)i;
        }
        run_both(p, which, n, name);
    }
    CHECK(!target->allocated || target->allocated() == before, "%s: %ld pieces of memory", name, target->allocated() - before);
}

/* A ring that is handed on, a window twice in a batch, and one that ends between two frames. */
static void changes_of_hands(pair *p, const char *name)
{
    run_both(p, (const int[]){ 0 }, 1, name);
    em_session_leave(p->with, p->streams[0]);
    p->streams[3] = em_session_join(p->with);
    CHECK(p->streams[3] == p->streams[0] && em_session_join(p->with) == 0, "%s", name);
    p->streams[0] = 0;
    p->ends[3] = p->ends[0] + 1;
    run_both(p, (const int[]){ 3 }, 1, name);
    p->ends[3] += 1;
    run_both(p, (const int[]){ 3, 1, 3 }, 3, name);
    p->ends[3] = -1;
    run_both(p, (const int[]){ 3 }, 1, name);
    p->ends[3] = 2000;
    run_both(p, (const int[]){ 3, 2 }, 2, name);
}

static size_t bytes_of_run(pair *p, const follow_target *target, int stream, int moved)
{
    answer a;
    em_output out = output_of(&a);
    em_err err;

    p->ends[stream] += moved;
    make_frames(p->frames[stream], stream, p->ends[stream], p->n_frames);
    const em_input in = { .frames = p->frames[stream], .n_frames = p->n_frames, .stream = p->streams[stream], .end = p->ends[stream],
                          .inner_first = EDGE_BEGIN, .inner_end = p->n_frames - EDGE_END };
    const size_t before = target->uploaded();

    CHECK_OK(em_session_run(p->with, &in, &out, 1, &err));
    return target->uploaded() - before;
}

static void only_new_frames_and_ends_go_up(pair *p, const follow_target *target, const char *name)
{
    const size_t row = N_MELS * sizeof(float), edges = EDGE_BEGIN + EDGE_END;
    size_t one;

    if (!target->uploaded)
        return;
    bytes_of_run(p, target, 1, 0);
    one = bytes_of_run(p, target, 1, 1);
    CHECK(one > (edges + 1) * row && one <= HEADER + (edges + 1) * row, "%s: %zu bytes for a frame", name, one);
    CHECK(bytes_of_run(p, target, 1, 25) == one + 24 * row, "%s", name);
    CHECK(bytes_of_run(p, target, 1, 500) == one - (edges + 1) * row + (size_t)p->n_frames * row, "%s", name);
}

void check_follow(const follow_target *target)
{
    for (int i = 0; i < target->n_fits; i++) {
        pair *p = calloc(1, sizeof *p);

        assert_non_null(p);
        open_pair(p, target, &fits[i]);
        only_new_frames_and_ends_go_up(p, target, fits[i].name);
        batches(p, target, i == 0 ? EM_COUNT(moves) : 4, fits[i].name);
        changes_of_hands(p, fits[i].name);
        close_pair(p, target);
        free(p);
    }
}
