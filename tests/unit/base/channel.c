/* One channel out of several: picked, or their mean. */
#include "check.h"

#include "base/channel.h"

static void pick_copies_one_channel_and_mix_is_the_mean(void **state)
{
    enum { N = 5, CHANNELS = 3 };
    float x[N * CHANNELS], got[N];

    (void)state;
    for (int i = 0; i < N * CHANNELS; i++)
        x[i] = (float)(i * i);
    for (int c = 0; c < CHANNELS; c++) {
        em_channel_pick(got, x, N, CHANNELS, c);
        for (int t = 0; t < N; t++)
            CHECK(got[t] == x[t * CHANNELS + c], "channel %d, frame %d", c, t);
    }
    em_channel_mix(got, x, N, CHANNELS);
    for (int t = 0; t < N; t++)
        CHECK(got[t] == (x[t * CHANNELS] + x[t * CHANNELS + 1] + x[t * CHANNELS + 2]) / 3.0f, "frame %d: %g", t, (double)got[t]);
}

static void mixing_one_channel_or_equal_ones_changes_no_bit(void **state)
{
    const float x[4] = { -0.0f, 1e-45f, 0.1f, -1.0f };
    float wide[4 * 64], got[4];

    (void)state;
    em_channel_mix(got, x, 4, 1);
    assert_memory_equal(got, x, sizeof x);
    for (int i = 0; i < 4 * 64; i++)
        wide[i] = x[i / 64] + 0.0f;
    em_channel_mix(got, wide, 4, 64);
    for (int t = 0; t < 4; t++)
        CHECK(got[t] == x[t], "frame %d", t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pick_copies_one_channel_and_mix_is_the_mean),
        cmocka_unit_test(mixing_one_channel_or_equal_ones_changes_no_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
