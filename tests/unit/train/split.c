/* Clips to validate on where a data set names none: a share of each class, whole recordings, the same ones each time. */
#include "check.h"

#include "made.h"
#include "train/dataset.h"
#include "train/split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 400, MOST_LABELS = 2 };

/* A set by hand: what a clip is, where it is from. */
typedef struct hand {
    em_dataset set;
    em_clip clips[MOST];
    char    names[MOST][24], recordings[MOST][24];
    int     labels[MOST][MOST_LABELS];
    bool    may[MOST], is_valid[MOST];
} hand;

static hand *hand_new(int n_classes)
{
    hand *h = calloc(1, sizeof *h);

    h->set = (em_dataset){ .clips = h->clips, .n_classes = n_classes };
    return h;
}

/* Labels below 0 are none. */
static void add(hand *h, int recording, int first, int second)
{
    const int i = h->set.n_clips++;

    snprintf(h->names[i], sizeof h->names[i], "clip-%d.wav", i);
    snprintf(h->recordings[i], sizeof h->recordings[i], "recording-%d", recording);
    h->clips[i] = (em_clip){ .name = h->names[i], .recording = recording >= 0 ? h->recordings[i] : NULL, .labels = h->labels[i] };
    h->labels[i][0] = first;
    h->labels[i][1] = second;
    h->clips[i].n_labels = (first >= 0) + (second >= 0);
    h->may[i] = true;
}

static int draw(hand *h, double share)
{
    int n_without = -1;
    em_err err;

    CHECK_OK(em_split_draw(h->is_valid, &n_without, &h->set, h->may, share, &err));
    return n_without;
}

static int count(const hand *h, int class, bool is_valid)
{
    int n = 0;

    for (int i = 0; i < h->set.n_clips; i++)
        for (int k = 0; k < h->clips[i].n_labels; k++)
            n += h->is_valid[i] == is_valid && h->clips[i].labels[k] == class;
    return n;
}

/* No recording is on both sides. */
static void check_whole(const hand *h)
{
    for (int i = 0; i < h->set.n_clips; i++)
        for (int k = 0; k < i; k++)
            if (h->clips[i].recording && h->clips[k].recording && !strcmp(h->clips[i].recording, h->clips[k].recording))
                CHECK(h->is_valid[i] == h->is_valid[k], "%s is torn: clips %d and %d", h->clips[i].recording, k, i);
}

static void each_class_gives_its_share(void **state)
{
    static const int sizes[] = { 100, 40, 10, 5, 2 };
    static const double shares[] = { .1, .2, .5, .9 };

    for (size_t s = 0; s < EM_COUNT(shares); s++) {
        hand *h = hand_new((int)EM_COUNT(sizes));

        for (int c = 0; c < (int)EM_COUNT(sizes); c++)
            for (int i = 0; i < sizes[c]; i++)
                add(h, -1, c, -1);
        CHECK(draw(h, shares[s]) == 0, "every class has something to validate on");
        for (int c = 0; c < (int)EM_COUNT(sizes); c++) {
            const int wanted = (int)fmin(sizes[c] - 1, fmax(1, nearbyint(shares[s] * sizes[c])));

            CHECK(count(h, c, true) == wanted, "%g of %d: %d, not %d", shares[s], sizes[c], count(h, c, true), wanted);
        }
        free(h);
    }
    (void)state;
}

static void a_recording_stays_whole(void **state)
{
    hand *h = hand_new(3);

    for (int i = 0; i < 300; i++)
        add(h, i / (1 + i % 3 + i / 100), i / 100, -1);
    draw(h, .2);
    check_whole(h);
    for (int c = 0; c < 3; c++)
        CHECK(abs(count(h, c, true) - 20) <= 3, "class %d: %d of 100", c, count(h, c, true));
    free(h);
    (void)state;
}

/* The large recordings of a small class: one of them, not none and not all. */
static void a_class_keeps_something_to_learn_from(void **state)
{
    hand *h = hand_new(4);

    for (int i = 0; i < 24; i++)
        add(h, i / 8, 0, -1);           /* three of eight clips                 */
    for (int i = 0; i < 6; i++)
        add(h, 100, 1, -1);             /* one recording alone                  */
    add(h, 200, 2, 3);                  /* of 3, there is no other              */
    add(h, 201, 2, -1);
    CHECK(draw(h, .1) == 2, "classes 1 and 3 have nothing to validate on");
    CHECK(count(h, 0, true) == 8, "class 0: %d", count(h, 0, true));
    CHECK(count(h, 1, true) == 0, "class 1: %d", count(h, 1, true));
    CHECK(count(h, 2, true) == 1 && count(h, 3, true) == 0, "class 3 is learnt from");
    check_whole(h);
    free(h);
    (void)state;
}

/* Of each pair of classes the first has two recordings, and in one of them lies all that there is of the second. */
static void what_is_of_one_recording_is_learnt_from(void **state)
{
    enum { PAIRS = 16 };
    hand *h = hand_new(2 * PAIRS);

    for (int p = 0; p < PAIRS; p++) {
        add(h, 2 * p, 2 * p, 2 * p + 1);
        add(h, 2 * p, 2 * p + 1, -1);
        add(h, 2 * p, 2 * p + 1, -1);
        add(h, 2 * p + 1, 2 * p, -1);
    }
    CHECK(draw(h, .5) == PAIRS, "the second of each pair has nothing to validate on");
    for (int p = 0; p < PAIRS; p++)
        CHECK(count(h, 2 * p, true) == 1 && count(h, 2 * p + 1, true) == 0, "pair %d", p);
    free(h);
    (void)state;
}

/* 12 of 100 in recordings of five: 10 are nearer than 15. */
static void the_nearest_to_the_share_is_taken(void **state)
{
    hand *h = hand_new(1);

    for (int i = 0; i < 100; i++)
        add(h, i / 5, 0, -1);
    draw(h, .12);
    CHECK(count(h, 0, true) == 10, "%d", count(h, 0, true));
    free(h);
    (void)state;
}

static void clips_of_no_class_and_of_two_have_their_share(void **state)
{
    hand *h = hand_new(2);
    int n_none = 0;

    for (int i = 0; i < 300; i++)
        add(h, -1, i < 100 ? -1 : i < 200 ? 0 : 1, i >= 250 ? 0 : -1);
    draw(h, .2);
    for (int i = 0; i < 100; i++)
        n_none += h->is_valid[i];
    CHECK(n_none == 20, "%d of 100 clips of no class", n_none);
    CHECK(abs(count(h, 0, true) - 30) <= 1 && abs(count(h, 1, true) - 20) <= 1, "%d of 150, %d of 100", count(h, 0, true), count(h, 1, true));
    free(h);
    (void)state;
}

/* Whatever the order of the clips, and only those that may. */
static void the_draw_is_by_name(void **state)
{
    hand *h = hand_new(2), *back = hand_new(2);

    for (int i = 0; i < 100; i++)
        add(h, i / 2, i / 50, -1);
    for (int i = 99; i >= 0; i--)
        add(back, i / 2, i / 50, -1);
    for (int i = 0; i < 10; i++)
        h->may[i] = back->may[99 - i] = false;
    draw(h, .3);
    draw(back, .3);
    for (int i = 0; i < 100; i++) {
        CHECK(h->is_valid[i] == back->is_valid[99 - i], "clip %d", i);
        CHECK(i >= 10 || !h->is_valid[i], "clip %d may not", i);
    }
    CHECK(count(h, 0, true) == 12 && count(h, 1, true) == 16, "%d of 40 and %d of 50, in pairs", count(h, 0, true), count(h, 1, true));
    free(h);
    free(back);
    (void)state;
}

/* What ESC-50's names, its src_file, and a csv's group say. */
static void layouts_tell_recordings(void **state)
{
    static const struct { const char *file, *text, *sounds[2], *wanted; } sets[] = {
        { "meta.csv", "filename,fold,target,category\n1-100-A-0.wav,1,0,dog\n1-100-B-0.wav,1,0,dog\n",
          { "audio/1-100-A-0.wav", "audio/1-100-B-0.wav" }, "100" },
        { "meta.csv", "filename,fold,target,category,src_file\na.wav,1,0,dog,77\nb.wav,1,0,dog,77\n", { "audio/a.wav", "audio/b.wav" }, "77" },
        { "set.csv", "filename,labels,group\n1-2-A-3.wav,dog,g\nb.wav,dog,g\n", { "1-2-A-3.wav", "b.wav" }, "g" },
        { "set.csv", "filename,labels\n1-2-A-3.wav,dog\n1-2-B-3.wav,dog\n", { "1-2-A-3.wav", "1-2-B-3.wav" }, NULL },
    };

    for (size_t i = 0; i < EM_COUNT(sets); i++) {
        char *folder = made_folder();
        em_dataset *set;
        em_err err;

        made_text(folder, sets[i].file, sets[i].text);
        for (int k = 0; k < 2; k++)
            made_sound(folder, sets[i].sounds[k], 8000, 800);
        CHECK_OK(em_dataset_open(&set, folder, NULL, NULL, 0, &err));
        for (int k = 0; k < 2; k++) {
            const char *is = set->clips[k].recording;

            CHECK(sets[i].wanted ? is && !strcmp(is, sets[i].wanted) : !is, "set %zu: %s", i, is ? is : "none");
        }
        em_dataset_free(set);
        made_remove(folder);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_gives_its_share),
        cmocka_unit_test(a_recording_stays_whole),
        cmocka_unit_test(a_class_keeps_something_to_learn_from),
        cmocka_unit_test(what_is_of_one_recording_is_learnt_from),
        cmocka_unit_test(the_nearest_to_the_share_is_taken),
        cmocka_unit_test(clips_of_no_class_and_of_two_have_their_share),
        cmocka_unit_test(the_draw_is_by_name),
        cmocka_unit_test(layouts_tell_recordings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
