/* arena.c - measuring and allocating are the same walk, and no size from outside can wrap around. */
#include "check.h"

#include "base/arena.h"

enum { N_PIECES = 7 };
static const size_t sizes[N_PIECES] = { 0, 1, 63, 64, 65, 4096, 100 };

static void walk(em_arena *arena, char *pieces[N_PIECES])
{
    for (int i = 0; i < N_PIECES; i++)
        pieces[i] = em_arena_alloc(arena, sizes[i]);
}

static void what_was_measured_fits_exactly(void **state)
{
    em_arena measured = { 0 }, arena = { 0 };
    char *pieces[N_PIECES];

    (void)state;
    walk(&measured, pieces);
    for (int i = 0; i < N_PIECES; i++)
        CHECK(!pieces[i], "measuring handed out piece %d", i);
    arena.size = measured.high;
    arena.base = em_alloc(arena.size);
    assert_non_null(arena.base);
    walk(&arena, pieces);
    CHECK(arena.used == measured.used && arena.high == measured.high, "%zu and %zu bytes", arena.used, measured.used);
    for (int i = 0; i < N_PIECES; i++) {
        CHECK((uintptr_t)pieces[i] % EM_ALIGN == 0, "piece %d is not aligned", i);
        if (sizes[i] > 0)
            memset(pieces[i], i + 1, sizes[i]);
    }
    for (int i = 0; i < N_PIECES; i++)
        for (size_t b = 0; b < sizes[i]; b++)
            CHECK(pieces[i][b] == i + 1, "piece %d overlaps another at byte %zu", i, b);
    free(arena.base);
}

static void a_rewound_piece_is_handed_out_again(void **state)
{
    char block[1024];
    em_arena arena = { .base = block, .size = sizeof block };
    size_t mark;
    void *first;

    (void)state;
    em_arena_alloc(&arena, 100);
    mark = arena.used;
    first = em_arena_alloc(&arena, 300);
    em_arena_rewind(&arena, mark);
    CHECK(em_arena_alloc(&arena, 10) == first, " ");
    CHECK(arena.high == 128 + 320, "the highest mark is kept: %zu", arena.high);
}

static void sizes_that_would_wrap_end_as_no_memory(void **state)
{
    static const size_t huge[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - EM_ALIGN, SIZE_MAX - EM_ALIGN + 1 };

    (void)state;
    for (size_t i = 0; i < EM_COUNT(huge); i++) {
        em_arena arena = { 0 };

        em_arena_alloc(&arena, 1000);
        em_arena_alloc(&arena, huge[i]);
        em_arena_alloc(&arena, 1000);
        CHECK(arena.high > SIZE_MAX - 2 * EM_ALIGN, "case %zu: %zu bytes asked for, %zu measured", i, huge[i], arena.high);
        CHECK(!em_alloc(arena.high), "case %zu", i);
        CHECK(!em_alloc(huge[i]), "case %zu", i);
    }
}

static void allocated_memory_is_aligned_and_zero(void **state)
{
    (void)state;
    for (size_t n = 0; n < 300; n += 37) {
        unsigned char *p = em_alloc(n);

        CHECK(p && (uintptr_t)p % EM_ALIGN == 0, "%zu bytes", n);
        for (size_t i = 0; i < n; i++)
            CHECK(p[i] == 0, "byte %zu of %zu", i, n);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_measured_fits_exactly),
        cmocka_unit_test(a_rewound_piece_is_handed_out_again),
        cmocka_unit_test(sizes_that_would_wrap_end_as_no_memory),
        cmocka_unit_test(allocated_memory_is_aligned_and_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
