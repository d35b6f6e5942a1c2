/* listing.c - counts by class and by column (a fold or a split), then the sounds: see listing.h. */
#include "train/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FOLDS = 12, MOST_COLUMNS = MOST_FOLDS + 4 };

/* A column counts the clips of one split or of one fold. */
typedef struct column { char title[16]; em_split split; int fold; } column;

typedef struct columns { column at[MOST_COLUMNS]; int n; } columns;

static const struct split_title { em_split split; const char *title; } splits[] = {
    { EM_SPLIT_TRAIN, "train" }, { EM_SPLIT_VALID, "valid" }, { EM_SPLIT_TEST, "test" },
};

static bool is_in(const em_clip *clip, const column *c)
{
    return c->fold > 0 ? clip->fold == c->fold : clip->split == c->split;
}

static bool has_any(const em_dataset *set, const column *c)
{
    for (int i = 0; i < set->n_clips; i++)
        if (is_in(&set->clips[i], c))
            return true;
    return false;
}

/* Only columns with something in them. */
static columns find_columns(const em_dataset *set)
{
    columns found = { .n = 0 };

    for (size_t i = 0; i < EM_COUNT(splits); i++) {
        column c = { .split = splits[i].split };

        snprintf(c.title, sizeof c.title, "%s", splits[i].title);
        if (has_any(set, &c))
            found.at[found.n++] = c;
    }
    for (int fold = 1; fold <= MOST_FOLDS; fold++) {
        column c = { .fold = fold };

        snprintf(c.title, sizeof c.title, "fold %d", fold);
        if (has_any(set, &c))
            found.at[found.n++] = c;
    }
    return found;
}

/* counts[1 + columns->n] of the clips whose labels have this class; the last class stands for clips of none. */
static void count_clips(const em_dataset *set, const columns *cols, long *counts)
{
    const size_t width = 1 + (size_t)cols->n;

    for (int i = 0; i < set->n_clips; i++) {
        const em_clip *clip = &set->clips[i];

        for (int k = 0; k < clip->n_labels || k == 0; k++) {
            long *row = counts + width * (size_t)(clip->n_labels > 0 ? clip->labels[k] : set->n_classes);

            row[0]++;
            for (int c = 0; c < cols->n; c++)
                row[1 + c] += is_in(clip, &cols->at[c]);
        }
    }
}

static void print_row(FILE *out, const char *name, const long *counts, int n)
{
    fprintf(out, "%-40s", name);
    for (int c = 0; c < n; c++)
        fprintf(out, " %8ld", counts[c]);
    fprintf(out, "\n");
}

static em_status list_classes(FILE *out, const em_dataset *set, em_err *err)
{
    const columns cols = find_columns(set);
    const size_t width = 1 + (size_t)cols.n;
    long *counts = calloc(((size_t)set->n_classes + 1) * width, sizeof *counts);
    int n_empty = 0;

    if (!counts)
        return em_fail(err, EM_ENOMEM, "no memory to count %d classes", set->n_classes);
    count_clips(set, &cols, counts);
    fprintf(out, "%-40s %8s", "class", "clips");
    for (int c = 0; c < cols.n; c++)
        fprintf(out, " %8s", cols.at[c].title);
    fprintf(out, "\n");
    for (int k = 0; k <= set->n_classes; k++) {
        const long *row = counts + width * (size_t)k;

        if (row[0] > 0)
            print_row(out, k < set->n_classes ? set->classes[k] : "(no class)", row, 1 + cols.n);
        else if (k < set->n_classes)
            n_empty++;
    }
    if (n_empty > 0)
        fprintf(out, "%d more classes have no clip\n", n_empty);
    free(counts);
    return EM_OK;
}

static void print_time(FILE *out, double seconds)
{
    const long s = seconds < 3.6e9 ? (long)(seconds + 0.5) : 3600000000;

    fprintf(out, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

/* What decoding all of them says. is_usable[i] is set. */
static void list_sounds(FILE *out, const em_dataset *set, em_features *features, char *is_usable)
{
    long n_unreadable = 0, n_lost = 0, n_cut = 0;
    double seconds = 0;

    for (int i = 0; i < set->n_clips; i++) {
        const em_clip_frames got = em_features_get(features, i);

        is_usable[i] = got.n_frames > 0;
        seconds += got.n_frames > 0 ? got.seconds : 0;
        n_cut += got.is_cut;
        n_lost += got.is_lost;
        if (got.n_frames == 0 && !got.is_lost) {
            fprintf(out, "%s%s\n", n_unreadable++ == 0 ? "cannot be used:\n  " : "  ", got.why);
        }
        em_features_done(features, i);
    }
    fprintf(out, "sound: ");
    print_time(out, seconds);
    fprintf(out, " in %ld clips; %ld cannot be used\n", set->n_clips - n_unreadable - n_lost, n_unreadable + n_lost);
    if (n_lost > 0)
        fprintf(out, "lost: %ld clips of the packs are all zero\n", n_lost);
    if (n_cut > 0)
        fprintf(out, "cut: %ld files are longer than a minute, of which the first is used\n", n_cut);
}

static void list_plan(FILE *out, const em_listing_plan *plan, const char *is_usable)
{
    long n = 0;

    for (int i = 0; i < plan->n_clips; i++)
        n += is_usable[plan->clips[i]];
    fprintf(out, "training: %ld windows an epoch, %d epochs", n, plan->n_epochs);
    if (plan->seconds_per_window > 0) {
        fprintf(out, ", %.3g s a window: about ", plan->seconds_per_window);
        print_time(out, (double)n * plan->n_epochs * plan->seconds_per_window);
    }
    fprintf(out, "\n");
    if (plan->n_valid > 0)
        fprintf(out, "validation: %d clips\n", plan->n_valid);
}

em_status em_dataset_list(FILE *out, const em_dataset *set, em_features *features, const em_listing_plan *plan, em_err *err)
{
    char *is_usable = malloc((size_t)set->n_clips);
    em_status status = EM_OK;

    if (!is_usable)
        return em_fail(err, EM_ENOMEM, "no memory to list %d clips", set->n_clips);
    memset(is_usable, 1, (size_t)set->n_clips);
    fprintf(out, "%s: %d clips, %d classes%s\n", set->layout, set->n_clips, set->n_classes, set->is_single ? ", one a clip" : "");
    status = list_classes(out, set, err);
    if (set->n_missing > 0)
        fprintf(out, "missing: %d clips that the labels name (the first: %s)\n", set->n_missing, set->missing);
    if (features)
        list_sounds(out, set, features, is_usable);
    if (plan)
        list_plan(out, plan, is_usable);
    free(is_usable);
    if (features && status == EM_OK)
        status = em_features_fault(features, err);
    if (status == EM_OK && (fflush(out) != 0 || ferror(out)))
        status = em_fail(err, EM_EIO, "the listing could not be written: %s", strerror(errno));
    return status;
}
