/* ranking.c - one class's clips by falling score, and what is read off that list: average precision, AUC, thresholds. */
#include "train/metrics.h"

#include <math.h>
#include <stdlib.h>

typedef struct scored_clip { float score; int is_positive; } scored_clip;

static int by_falling_score(const void *a, const void *b)
{
    const float x = ((const scored_clip *)a)->score, y = ((const scored_clip *)b)->score;

    return (x < y) - (x > y);
}

/* Rows of the sorted clips: clips of equal score share one. */
static void fill_rows(em_ranking *r, const scored_clip *clips)
{
    for (int i = 0; i < r->n; i++) {
        if (r->n_rows == 0 || clips[i].score != r->rows[r->n_rows - 1].score)
            r->rows[r->n_rows++].score = clips[i].score;
        r->n_positives += clips[i].is_positive;
        r->rows[r->n_rows - 1].n_hits = r->n_positives;
        r->rows[r->n_rows - 1].n_said = i + 1;
    }
}

em_status em_ranking_init(em_ranking *out, const em_scored *set, int i_class, em_err *err)
{
    const size_t n = (size_t)set->n, n_classes = (size_t)set->n_classes;
    scored_clip *clips = calloc(n + 1, sizeof *clips);
    em_status status = EM_OK;

    *out = (em_ranking){ .rows = calloc(n + 1, sizeof *out->rows), .n = set->n };
    if (!clips || !out->rows) {
        status = em_fail(err, EM_ENOMEM, "no memory to rank %d clips", set->n);
    } else {
        for (size_t i = 0; i < n; i++) {
            const size_t at = i * n_classes + (size_t)i_class;
            clips[i] = (scored_clip){ set->scores[at], set->targets[at] };
        }
        qsort(clips, n, sizeof *clips, by_falling_score);
        fill_rows(out, clips);
    }
    free(clips);
    return status;
}

void em_ranking_deinit(em_ranking *r)
{
    free(r->rows);
    *r = (em_ranking){ 0 };
}

static double precision_of(const em_rank_row *row)
{
    return (double)row->n_hits / row->n_said;
}

double em_ranking_ap(const em_ranking *r)
{
    double sum = 0;
    int before = 0;

    for (int i = 0; i < r->n_rows; i++) {
        sum += (r->rows[i].n_hits - before) * precision_of(&r->rows[i]);
        before = r->rows[i].n_hits;
    }
    return r->n_positives > 0 ? sum / r->n_positives : NAN;
}

/* Each negative is below the hits of earlier rows, and ties with those of its own. */
double em_ranking_auc(const em_ranking *r)
{
    const double n_pairs = (double)r->n_positives * (r->n - r->n_positives);
    double twice = 0;
    em_rank_row before = { 0 };

    for (int i = 0; i < r->n_rows; i++) {
        const em_rank_row row = r->rows[i];
        const int n_hits = row.n_hits - before.n_hits, n_negatives = row.n_said - before.n_said - n_hits;

        twice += (double)n_negatives * (2.0 * before.n_hits + n_hits);
        before = row;
    }
    return n_pairs > 0 ? twice / 2 / n_pairs : NAN;
}

double em_ranking_precision(const em_ranking *r, double recall)
{
    const double n_wanted = fmax(recall * r->n_positives - 1e-9, 1);        /* .3 * 10 is 3; no recall is that of the first hit */
    int least = 0, most = r->n_rows - 1;

    if (r->n_positives == 0)
        return NAN;
    while (least < most) {
        const int middle = least + (most - least) / 2;

        if (r->rows[middle].n_hits < n_wanted)
            least = middle + 1;
        else
            most = middle;
    }
    return precision_of(&r->rows[least]);
}

static em_choice choice_of(const em_ranking *r, int i)
{
    const em_rank_row *row = &r->rows[i];

    return (em_choice){ row->score, 2.0 * row->n_hits / (row->n_said + r->n_positives), precision_of(row),
                        (double)row->n_hits / r->n_positives };
}

static const em_choice no_choice = { NAN, NAN, NAN, NAN };

em_choice em_ranking_best_f1(const em_ranking *r)
{
    int best = 0;

    if (r->n_positives == 0)
        return no_choice;
    for (int i = 1; i < r->n_rows; i++)
        if (choice_of(r, i).f1 >= choice_of(r, best).f1)
            best = i;
    return choice_of(r, best);
}

em_choice em_ranking_at_precision(const em_ranking *r, double precision)
{
    if (r->n_positives == 0)
        return no_choice;
    for (int i = r->n_rows - 1; i >= 0; i--)
        if (r->rows[i].n_hits > 0 && precision_of(&r->rows[i]) >= precision)
            return choice_of(r, i);
    return no_choice;
}
