#include "cuda_runtime.h"

#include "fibre.h"
#include "hw.cuh"

#include <vector>

// ---------------------------------------------------------------- a warp as one

namespace {
struct shuffle { float x; int mask; };
struct matrix { const void *row; uint32_t r[4]; };
struct product { float d[4]; uint32_t a[4], b[2]; };
}

template <typename Slot>
static Slot get(unsigned char slots[EMU_WARP][EMU_SLOT], int lane)
{
    Slot s;

    memcpy(&s, slots[lane], sizeof s);
    return s;
}

template <typename Slot>
static void set(unsigned char slots[EMU_WARP][EMU_SLOT], int lane, const Slot &s) { memcpy(slots[lane], &s, sizeof s); }

static void exchange(unsigned char slots[EMU_WARP][EMU_SLOT])
{
    shuffle all[EMU_WARP];

    for (int i = 0; i < EMU_WARP; i++)
        all[i] = get<shuffle>(slots, i);
    for (int i = 0; i < EMU_WARP; i++)
        set(slots, i, shuffle{ all[i ^ all[i].mask].x, all[i].mask });
}

float em_shuffle_xor(float x, int mask)
{
    shuffle s = { x, mask };

    emu_together(&s, sizeof s, exchange);
    return s.x;
}

void em_warp_wait()
{
    int nothing = 0;

    emu_together(&nothing, sizeof nothing, [](unsigned char (*)[EMU_SLOT]) {});
}

// A kernel here begins when the one before it has ended; that each asks for it is checked (emu.cc).
extern int emu_waits;
void em_wait_for_previous() { emu_waits++; }

static void load_matrices(unsigned char slots[EMU_WARP][EMU_SLOT])
{
    const void *rows[EMU_WARP];

    for (int i = 0; i < EMU_WARP; i++)
        rows[i] = get<matrix>(slots, i).row;
    for (int i = 0; i < EMU_WARP; i++) {
        matrix m = { rows[i], {} };

        for (int q = 0; q < 4; q++)
            memcpy(&m.r[q], (const char *)rows[8 * q + i / 4] + 4 * (i % 4), 4);
        set(slots, i, m);
    }
}

void em_ldmatrix4(uint32_t r[4], const void *shared)
{
    matrix m = { shared, {} };

    emu_together(&m, sizeof m, load_matrices);
    memcpy(r, m.r, sizeof m.r);
}

// Lane i gets row i / 4 of the turned matrix, two numbers of it: a column of what lies there.
static void load_turned(unsigned char slots[EMU_WARP][EMU_SLOT])
{
    const void *rows[EMU_WARP];

    for (int i = 0; i < EMU_WARP; i++)
        rows[i] = get<matrix>(slots, i).row;
    for (int i = 0; i < EMU_WARP; i++) {
        matrix m = { rows[i], {} };

        for (int q = 0; q < 4; q++) {
            uint16_t pair[2];

            for (int j = 0; j < 2; j++)
                memcpy(&pair[j], (const char *)rows[8 * q + i % 4 * 2 + j] + 2 * (i / 4), 2);
            memcpy(&m.r[q], pair, 4);
        }
        set(slots, i, m);
    }
}

void em_ldmatrix4_turned(uint32_t r[4], const void *shared)
{
    matrix m = { shared, {} };

    emu_together(&m, sizeof m, load_turned);
    memcpy(r, m.r, sizeof m.r);
}

static float widen_half(uint16_t bits) { return em_widen(em_half{ bits }); }

static float widen_bf16(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float x;

    memcpy(&x, &wide, sizeof x);
    return x;
}

template <float widen(uint16_t)>
static void unpack(float *at, uint32_t pair)
{
    at[0] = widen((uint16_t)pair);
    at[1] = widen((uint16_t)(pair >> 16));
}

// Lane 4g + t holds rows g and g + 8 of a and d, column g of b, at columns (rows of b) 2t, 2t + 1, 2t + 8, 2t + 9.
template <float widen(uint16_t)>
static void multiply(unsigned char slots[EMU_WARP][EMU_SLOT])
{
    float a[16][16], b[8][16];

    for (int i = 0; i < EMU_WARP; i++) {
        const product p = get<product>(slots, i);
        const int g = i / 4, t = i % 4;

        unpack<widen>(&a[g][2 * t], p.a[0]), unpack<widen>(&a[g + 8][2 * t], p.a[1]);
        unpack<widen>(&a[g][2 * t + 8], p.a[2]), unpack<widen>(&a[g + 8][2 * t + 8], p.a[3]);
        unpack<widen>(&b[g][2 * t], p.b[0]), unpack<widen>(&b[g][2 * t + 8], p.b[1]);
    }
    for (int i = 0; i < EMU_WARP; i++) {
        product p = get<product>(slots, i);

        for (int q = 0; q < 4; q++) {
            const float *row = a[i / 4 + q / 2 * 8], *column = b[i % 4 * 2 + q % 2];
            float sum = 0.f;

            for (int k = 0; k < 16; k++)
                sum += row[k] * column[k];
            p.d[q] += sum;
        }
        set(slots, i, p);
    }
}

template <float widen(uint16_t)>
static void mma(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1)
{
    product p = { { d[0], d[1], d[2], d[3] }, { a[0], a[1], a[2], a[3] }, { b0, b1 } };

    emu_together(&p, sizeof p, multiply<widen>);
    memcpy(d, p.d, sizeof p.d);
}

void em_mma(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1) { mma<widen_half>(d, a, b0, b1); }
void em_mma_bf16(float d[4], const uint32_t a[4], uint32_t b0, uint32_t b1) { mma<widen_bf16>(d, a, b0, b1); }

// ---------------------------------------------------------------- copies behind a thread's back

namespace {
struct copy { void *dst; const void *src; int n; };
typedef std::vector<std::vector<copy>> groups;          // the last one is still open
}

static groups pending[1024];

static groups &mine()
{
    groups &g = pending[emu_current];

    if (g.empty())
        g.emplace_back();
    return g;
}

void em_copy16(void *shared, const void *global, int n)
{
    memset(shared, 0xff, 16);
    mine().back().push_back({ shared, global, n });
}

void em_copy_commit() { mine().emplace_back(); }

void emu_copy_wait(int n_newest)
{
    groups &g = mine();

    while ((int)g.size() - 1 > n_newest) {
        for (const copy &c : g.front()) {
            memset(c.dst, 0, 16);
            memcpy(c.dst, c.src, (size_t)c.n);
        }
        g.erase(g.begin());
    }
}

void emu_forget_copies(int thread) { pending[thread].clear(); }
