/* gemm_shapes.c - the presets' widths and depths written out as (m, n, k, how often): see gemm_shapes.h. */
#include "gemm_shapes.h"

#include <stdio.h>
#include <string.h>

/* All have ratio 2, one state, an MLP of 4, 64 x 64 tokens in stage 0 and 527 classes. */
typedef struct preset { const char *name; int d0, depths[4]; } preset;

static const preset presets[] = {
    { "tiny",  96, { 2, 2, 9, 2 } },
    { "micro", 56, { 2, 2, 6, 2 } },
    { "nano",  40, { 2, 2, 2, 2 } },
};

static int add(shape shapes[MOST_SHAPES], int at, int stage, const char *what, int m, int n, int k, int times)
{
    shapes[at] = (shape){ .m = m, .n = n, .k = k, .times = times };
    if (stage < 0)
        snprintf(shapes[at].what, sizeof shapes[at].what, "%s", what);
    else
        snprintf(shapes[at].what, sizeof shapes[at].what, "stage %d %s", stage, what);
    return at + 1;
}

int gemm_shapes(shape shapes[MOST_SHAPES], const char *name)
{
    const preset *p = NULL;
    int at = 0;

    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0)
            p = &presets[i];
    if (!p)
        return 0;
    at = add(shapes, at, -1, "embed conv 1", 128 * 128, p->d0 / 2, 9, 1);
    at = add(shapes, at, -1, "embed conv 2", 4096, p->d0, 9 * p->d0 / 2, 1);
    for (int i = 0; i < 4; i++) {
        int tokens = 4096 >> 2 * i, d = p->d0 << i, rank = (d + 15) / 16, times = p->depths[i];

        at = add(shapes, at, i, "in_proj", tokens, 2 * d, d, times);
        at = add(shapes, at, i, "x_proj", tokens, 4 * (rank + 2), 2 * d, times);
        at = add(shapes, at, i, "out_proj", tokens, d, 2 * d, times);
        at = add(shapes, at, i, "fc1", tokens, 4 * d, d, times);
        at = add(shapes, at, i, "fc2", tokens, d, 4 * d, times);
        if (i < 3)
            at = add(shapes, at, i, "downsample", tokens / 4, 2 * d, 9 * d, 1);
    }
    return add(shapes, at, -1, "head", 32, 527, 6 * (p->d0 << 3), 1);
}
