/* signal.c - noise and tones that are the same everywhere, and malloc and friends with a counter in front. */
#include "stream/signal.h"

#include "check.h"

#include <math.h>
#include <stdatomic.h>

const size_t signal_chunks[] = { 1, 7, 255, 256, 257, 319, 320, 321, 1023, 1024, 1025, 4096, 4097, 65536 };
const size_t signal_n_chunks = EM_COUNT(signal_chunks);

float *signal_noise(uint32_t seed, size_t n)
{
    float *x = malloc(n * sizeof *x + 1);

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / 16777216.f - 0.5f;
    }
    return x;
}

float *signal_tone(double hz, double rate_hz, size_t n)
{
    float *x = malloc(n * sizeof *x + 1);

    for (size_t i = 0; i < n; i++)
        x[i] = (float)(0.5 * sin(2.0 * M_PI * fmod(hz * (double)i / rate_hz, 1.0)));
    return x;
}

static atomic_uint_fast64_t n_allocations;

/* A program's own malloc goes before the C library's, for the shared libraries it uses as well. A sanitizer
 * does the same and must not be in the way of itself. */
#ifdef SIGNAL_CANNOT_COUNT
bool signal_can_count(void)
{
    return false;
}
#else
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);
void *memalign(size_t alignment, size_t n);

void *malloc(size_t n)
{
    atomic_fetch_add(&n_allocations, 1);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add(&n_allocations, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    atomic_fetch_add(&n_allocations, 1);
    return __libc_realloc(p, n);
}

void *memalign(size_t alignment, size_t n)
{
    atomic_fetch_add(&n_allocations, 1);
    return __libc_memalign(alignment, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return memalign(alignment, n);
}

int posix_memalign(void **out, size_t alignment, size_t n)
{
    *out = memalign(alignment, n);
    return *out ? 0 : 12;
}

bool signal_can_count(void)
{
    return true;
}
#endif

uint64_t signal_allocations(void)
{
    return atomic_load(&n_allocations);
}
