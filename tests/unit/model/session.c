/* What a session promises beside its numbers: a clip's logit is the mean of its slots', and a run allocates nothing,
 * which an interposed allocator counts. Weights are random: this runs everywhere. */
#include "check.h"

#include "model/session.h"
#include "ops/cpu/ops_cpu.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>

static atomic_int n_allocs;

#ifndef CANNOT_COUNT
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)                          { n_allocs++; return __libc_malloc(n); }
void *calloc(size_t n, size_t size)             { n_allocs++; return __libc_calloc(n, size); }
void *realloc(void *p, size_t n)                { n_allocs++; return __libc_realloc(p, n); }
void *aligned_alloc(size_t align, size_t n)     { n_allocs++; return __libc_memalign(align, n); }

int posix_memalign(void **out, size_t align, size_t n)
{
    n_allocs++;
    *out = __libc_memalign(align, n);
    return *out ? 0 : 12;                       /* ENOMEM */
}
#endif

/* A small model of one head, two threads, two windows. */
typedef struct small { em_dev *dev; em_model *model; em_session *session; const em_config *cfg; float *frames; em_input in[2]; } small;

static void make_small(small *s, const char *preset)
{
    em_config cfg;
    em_err err;
    size_t n;

    CHECK_OK(em_config_preset(&cfg, preset, &err));
    for (int i = 0; i < EM_STAGES; i++) {
        cfg.dims[i] = 8 << i;
        cfg.depths[i] = 1;
    }
    CHECK_OK(em_ops_cpu.open(&s->dev, &(em_dev_cfg){ .n_threads = 2 }, &err));
    CHECK_OK(em_model_random(&s->model, &cfg, 5, &em_ops_cpu, s->dev, &err));
    CHECK_OK(em_session_new(&s->session, s->model, &(em_session_cfg){ .max_batch = 2, .window_s = 0 }, &err));
    s->cfg = em_session_config(s->session);
    n = (size_t)em_config_sound_frames(s->cfg) * (size_t)s->cfg->n_mels;
    s->frames = malloc(2 * n * sizeof *s->frames);
    assert_non_null(s->frames);
    for (size_t i = 0; i < 2 * n; i++)
        s->frames[i] = (float)(-40 + 30 * sin((double)i * 0.37) + 10 * sin((double)i * 0.0011));
    for (size_t b = 0; b < 2; b++)
        s->in[b] = (em_input){ .frames = s->frames + b * n, .n_frames = em_config_sound_frames(s->cfg) };
}

static void end_small(small *s)
{
    free(s->frames);
    em_session_free(s->session);
    em_model_free(s->model);
    em_ops_cpu.close(s->dev);
}

static void check_mean(const char *preset)
{
    small s;
    em_output out[2];
    em_err err;
    size_t classes, slots;
    float *room;

    make_small(&s, preset);
    classes = (size_t)s.cfg->n_classes;
    slots = (size_t)em_config_slots(s.cfg);
    room = malloc(2 * (slots + 1) * classes * sizeof *room);
    assert_non_null(room);
    for (size_t b = 0; b < 2; b++)
        out[b] = (em_output){ .logits = room + b * (slots + 1) * classes, .slots = room + (b * (slots + 1) + 1) * classes };
    CHECK_OK(em_session_run(s.session, s.in, out, 2, &err));
    for (size_t b = 0; b < 2; b++)
        for (size_t c = 0; c < classes; c++) {
            double sum = 0, most = 0;

            for (size_t i = 0; i < slots; i++) {
                sum += (double)out[b].slots[i * classes + c];
                most = fmax(most, fabs((double)out[b].slots[i * classes + c]));
            }
            CHECK(fabs(sum / (double)slots - (double)out[b].logits[c]) <= 1e-6 * fmax(most, 1e-3),
                  "%s: window %zu, class %zu: %.9g, mean of slots %.9g",
                  preset, b, c, (double)out[b].logits[c], sum / (double)slots);
        }
    CHECK(out[0].slots[0] != out[0].slots[(slots - 1) * classes], "%s: the slots are all one", preset);
    free(room);
    end_small(&s);
}

static void a_clips_logit_is_the_mean_of_its_slots_with_the_tscam_head(void **state)  { (void)state; check_mean("nano"); }
static void a_clips_logit_is_the_mean_of_its_slots_with_the_linear_head(void **state) { (void)state; check_mean("dass-small"); }

static void a_run_allocates_nothing(void **state)
{
    static const char *const presets[] = { "nano", "dass-small" };

    (void)state;
#ifdef CANNOT_COUNT
    skip();                                     /* the sanitizer has the allocator */
#endif
    for (size_t i = 0; i < EM_COUNT(presets); i++) {
        small s;
        em_output out[2];
        em_err err;
        int before, n = 0;
        float *logits;

        before = n_allocs;
        make_small(&s, presets[i]);
        CHECK(n_allocs > before, "%s: the allocator is not counted", presets[i]);
        logits = malloc(2 * (size_t)s.cfg->n_classes * sizeof *logits);
        assert_non_null(logits);
        for (int b = 0; b < 2; b++)
            out[b] = (em_output){ .logits = logits + b * s.cfg->n_classes };
        before = n_allocs;
        for (int run = 0; run < 3; run++)
            n += em_session_run(s.session, s.in, out, 1 + run % 2, &err) == EM_OK;
        CHECK(n_allocs == before && n == 3, "%s: %d allocations in %d runs", presets[i], n_allocs - before, n);
        free(logits);
        end_small(&s);
    }
}

static void a_device_that_shares_our_memory_keeps_no_frames(void **state)
{
    em_session *session;
    small s;
    em_err err;

    (void)state;
    make_small(&s, "nano");
    CHECK_OK(em_session_new(&session, s.model, &(em_session_cfg){ .max_batch = 1, .max_streams = 2 }, &err));
    CHECK(em_session_join(session) == 0 && em_session_join(s.session) == 0, "a stream has joined");
    em_session_leave(session, 0);
    em_session_free(session);
    end_small(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clips_logit_is_the_mean_of_its_slots_with_the_tscam_head),
        cmocka_unit_test(a_clips_logit_is_the_mean_of_its_slots_with_the_linear_head),
        cmocka_unit_test(a_run_allocates_nothing),
        cmocka_unit_test(a_device_that_shares_our_memory_keeps_no_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
