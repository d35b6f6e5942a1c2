/* backward_ends.c - the gradients of a model's two ends: the image's affine map, the last tokens, means over slots: see back.h. */
#include "ops/back.h"

#include "ops/reference.h"

#include <math.h>

/* ---------------------------------------------------------------- image */

enum { MOST_WINDOWS = 5 };

typedef struct image_size { int B, F, cols, fold, sound; bool is_stretched; int n_frames[MOST_WINDOWS]; const char *reason; } image_size;

/* y = weight (frame - centre) spread + bias; the operator's three tables are made of these. */
typedef struct image {
    em_image a;
    int      B;
    const float *frames[MOST_WINDOWS];
    float   *all_frames, *weight, *bias, *centre, *spread, *quiet_frame, *scale, *shift, *quiet, *dy;
    double  *dweight, *dbias;
} image;

static size_t pixels_of(const image *m) { return (size_t)m->a.F * (size_t)m->a.cols; }

/* Few bits each, so that the tables are exact. */
static float *few_bits(size_t n)
{
    float *x = numbers(n, 1);

    for (size_t i = 0; i < n; i++)
        x[i] = roundf(x[i] * 16) / 16;
    return x;
}

static void make_tables(const image *m)
{
    for (int f = 0; f < m->a.F; f++) {
        m->scale[f] = m->weight[f] * m->spread[f];
        m->shift[f] = m->bias[f] - m->centre[f] * m->scale[f];
        m->quiet[f] = m->quiet_frame[f] * m->scale[f] + m->shift[f];
    }
}

static void make_image(image *m, const image_size *z)
{
    const size_t F = (size_t)z->F, window = F * (size_t)z->cols * 2;

    *m = (image){
        .B = z->B, .all_frames = numbers((size_t)z->B * window, 8),
        .weight = few_bits(F), .bias = few_bits(F), .centre = few_bits(F), .spread = few_bits(F),
        .quiet_frame = numbers(F, 0), .scale = numbers(F, 0), .shift = numbers(F, 0), .quiet = numbers(F, 0),
        .dy = numbers((size_t)z->B * F * (size_t)z->cols, 1), .dweight = doubles(F), .dbias = doubles(F),
    };
    for (size_t f = 0; f < F; f++)
        m->quiet_frame[f] = -100;
    for (int b = 0; b < z->B; b++)
        m->frames[b] = m->all_frames + (size_t)b * window;
    m->a = (em_image){
        .frames = m->frames, .n_frames = z->n_frames, .F = z->F, .cols = z->cols, .fold = z->fold, .sound = z->sound, .is_stretched = z->is_stretched,
        .scale = m->scale, .shift = m->shift, .quiet = m->quiet, .dy = m->dy, .centre = m->centre, .spread = m->spread, .quiet_frame = m->quiet_frame,
    };
    make_tables(m);
}

static void free_image(image *m)
{
    free(m->all_frames), free(m->weight), free(m->bias), free(m->centre), free(m->spread), free(m->quiet_frame);
    free(m->scale), free(m->shift), free(m->quiet), free(m->dy), free(m->dweight), free(m->dbias);
}

static double image_loss(const void *args)
{
    const image *m = args;
    const size_t n = (size_t)m->B * pixels_of(m);
    double *y = doubles(n), loss;

    make_tables(m);
    ref_image(y, &m->a, m->B);
    loss = inner_product(y, m->dy, n);
    free(y);
    return loss;
}

static void the_images_plain_loops_agree_with_differences(void **state)
{
    static const image_size sizes[] = { { 2, 3, 8, 2, 6, false, { 4, 9 }, "" }, { 3, 3, 8, 4, 8, true, { 5, 8, 1 }, "" } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        image m;

        make_image(&m, &sizes[i]);
        ref_image_bwd(m.dweight, m.dbias, &m.a, m.B);
        check_differences(image_loss, &m, (moved[]){ { "dweight", m.weight, m.dweight, 3, false }, { "dbias", m.bias, m.dbias, 3, false }, { 0 } });
        free_image(&m);
    }
}

static void run_image(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const image *m = args;
    em_image a = m->a;

    const float *frames[MOST_WINDOWS];
    const size_t F = (size_t)a.F, window = pixels_of(m) * 2;
    em_err err;

    for (int b = 0; b < B; b++)
        frames[b] = lay(dev, a.frames[first + b], window);
    a.frames = lay_room(dev, sizeof frames);
    CHECK_OK(em_back_ops->upload(dev, (void *)a.frames, (const float *)(const void *)frames, sizeof frames / (sizeof(float)), &err));
    a.n_frames = (const int *)(const void *)lay(dev, (const float *)(const void *)(a.n_frames + first), (size_t)B);
    a.dy = lay(dev, a.dy + (size_t)first * pixels_of(m), (size_t)B * pixels_of(m));
    a.centre = lay(dev, a.centre, F), a.spread = lay(dev, a.spread, F), a.quiet_frame = lay(dev, a.quiet_frame, F);
    a.dweight = grads[0], a.dbias = grads[1];
    em_back_ops->image_bwd(dev, &a, B);                     /* reads nothing that forward left */
}

static void images_have_the_gradients_of_the_plain_loops(void **state)
{
    static const image_size sizes[] = {
        { 3, 64, 64, 4, 60, false, { 60, 64, 60 }, "the last columns quiet in all windows" },
        { 5, 17, 24, 2, 24, false, { 24, 7, 0, 1, 30 }, "exact, short, empty, one frame, too many; a bin past a task" },
        { 5, 33, 40, 4, 40, true, { 40, 39, 13, 1, 55 }, "stretched, but for the first and the last" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const image_size *z = &sizes[i];
        image m;

        make_image(&m, z);
        ref_image_bwd(m.dweight, m.dbias, &m.a, m.B);
        check_gradients(&(back_case){ run_image, &m, z->B,
            { { "dweight", (size_t)z->F, PARAMETER, m.dweight }, { "dbias", (size_t)z->F, PARAMETER, m.dbias } }, { .k = 1 }, "image", z->reason });
        free_image(&m);
    }
}

/* ---------------------------------------------------------------- tokens */

typedef struct tokens_size { int B, H, W, C, fold; bool is_columns; const char *reason; } tokens_size;

typedef struct tokens { em_tokens a; int B; float *x, *scale, *shift, *dy; double *dx, *dweight, *dshift; } tokens;

static size_t inputs_of(const tokens *t) { return (size_t)(t->a.H * t->a.W) * (size_t)t->a.C; }
static size_t outputs_of(const tokens *t) { return inputs_of(t) / (size_t)(t->a.is_columns ? t->a.H : 1); }

static tokens make_tokens(const tokens_size *z)
{
    const size_t C = (size_t)z->C, n = (size_t)(z->B * z->H * z->W) * C;
    tokens t = {
        .B = z->B, .x = numbers(n, 3), .scale = numbers(C, 1), .shift = numbers(C, 1), .dy = numbers(n, 1),
        .dx = doubles(n), .dweight = doubles(C), .dshift = doubles(C),
    };

    t.a = (em_tokens){ .x = t.x, .H = z->H, .W = z->W, .C = z->C, .fold = z->fold, .is_columns = z->is_columns,
                       .norm = { .weight = t.scale, .bias = t.shift }, .dy = t.dy };
    return t;
}

static void free_tokens(tokens *t)
{
    free(t->x), free(t->scale), free(t->shift), free(t->dy), free(t->dx), free(t->dweight), free(t->dshift);
}

static double tokens_loss(const void *args)
{
    const tokens *t = args;
    const size_t n = (size_t)t->B * outputs_of(t);
    double *y = doubles(n), loss;

    ref_tokens(y, &t->a, t->B);
    loss = inner_product(y, t->dy, n);
    free(y);
    return loss;
}

static void the_tokens_plain_loops_agree_with_differences(void **state)
{
    static const tokens_size sizes[] = { { 2, 4, 2, 5, 2, false, "" }, { 2, 3, 2, 5, 1, true, "" } };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        tokens t = make_tokens(&sizes[i]);
        const size_t C = (size_t)t.a.C;

        ref_tokens_bwd(t.dx, t.dweight, t.dshift, &t.a, t.B);
        check_differences(tokens_loss, &t, (moved[]){
            { "dx", t.x, t.dx, (size_t)t.B * inputs_of(&t), false }, { "norm's dweight", t.scale, t.dweight, C, false },
            { "norm's dbias", t.shift, t.dshift, C, false }, { 0 } });
        free_tokens(&t);
    }
}

static void run_tokens(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    const tokens *t = args;
    em_tokens a = t->a;
    const size_t y = (size_t)B * outputs_of(t), latent = (size_t)(B * a.C);
    const size_t C = (size_t)a.C, n = (size_t)B * inputs_of(t);

    a.y = lay_room(dev, y * sizeof(float)), a.latent = lay_room(dev, latent * sizeof(float));
    a.x = lay(dev, a.x + (size_t)first * inputs_of(t), n), a.dy = lay(dev, a.dy + (size_t)first * outputs_of(t), y);
    a.norm.weight = lay(dev, a.norm.weight, C), a.norm.bias = lay(dev, a.norm.bias, C);
    a.dx = grads[0], a.norm.dweight = grads[1], a.norm.dbias = grads[2];
    em_back_ops->tokens_fwd(dev, &a, B);
    em_back_ops->tokens_bwd(dev, &a, B);
}

static void tokens_have_the_gradients_of_the_plain_loops(void **state)
{
    static const tokens_size sizes[] = {
        { 3, 8, 8, 40, 4, false, "regrouped for the head: two bands, four times as many slots" },
        { 3, 6, 5, 33, 2, false, "three bands; one lane past vectors" },
        { 3, 7, 5, 31, 1, true, "means of columns" },
        { 1, 1, 1, 1, 1, true, "the smallest" },
    };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(sizes); i++) {
        const tokens_size *z = &sizes[i];
        const size_t C = (size_t)z->C;
        tokens t = make_tokens(z);

        ref_tokens_bwd(t.dx, t.dweight, t.dshift, &t.a, t.B);
        check_gradients(&(back_case){ run_tokens, &t, z->B,
            { { "dx", inputs_of(&t), SET, t.dx }, { "norm's dweight", C, PARAMETER, t.dweight }, { "norm's dbias", C, PARAMETER, t.dshift } },
            { .k = z->C, .rows = (size_t)(z->H * z->W * ((z->C + 63) / 64 * 64)) }, "tokens", z->reason });
        free_tokens(&t);
    }
}

/* ---------------------------------------------------------------- mean */

static void run_mean(em_dev *dev, const void *args, float *const *grads, int first, int B)
{
    em_mean a = *(const em_mean *)args;

    a.dy = lay(dev, a.dy + (size_t)(first * a.C), (size_t)(B * a.C));
    a.own = a.own ? lay(dev, a.own + (size_t)(first * a.S * a.C), (size_t)(B * a.S * a.C)) : NULL;
    a.dx = grads[0];
    em_back_ops->mean_bwd(dev, &a, B);
}

/* Each of the slots has an equal share, which needs no loops to compare with. */
static void means_hand_out_equal_shares(void **state)
{
    enum { B = 3, S = 7, C = 33 };
    float *dy = numbers(B * C, 1), *own = numbers(B * S * C, 1);
    double *want = doubles(B * S * C);

    (void)state;
    for (int i = 0; i < B * S * C; i++)
        want[i] = (double)dy[i / (S * C) * C + i % C] / S;
    check_gradients(&(back_case){ run_mean, &(em_mean){ .S = S, .C = C, .dy = dy }, B, { { "dx", S * C, SET, want } }, { .k = 1 }, "mean", "odd" });
    for (int i = 0; i < B * S * C; i++)
        want[i] += (double)own[i];
    check_gradients(&(back_case){ run_mean, &(em_mean){ .S = S, .C = C, .dy = dy, .own = own }, B, { { "dx", S * C, SET, want } }, { .k = 2 }, "mean",
                                  "with gradients of their own" });
    free(dy);
    free(own);
    free(want);
}

int backward_ends(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_images_plain_loops_agree_with_differences),
        cmocka_unit_test(images_have_the_gradients_of_the_plain_loops),
        cmocka_unit_test(the_tokens_plain_loops_agree_with_differences),
        cmocka_unit_test(tokens_have_the_gradients_of_the_plain_loops),
        cmocka_unit_test(means_hand_out_equal_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
