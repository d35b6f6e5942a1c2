/* report.c - an evaluation as a page of text: see report.h. */
#include "train/report.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum {
    NAME_COLS = 36,                 /* longer names are cut                                     */
    NAME_BYTES = 1024,
    MATRIX_CLASSES = 20,            /* more would not fit on a terminal                         */
    MOST_CONFUSIONS = 20,
};

static int columns_of(const char *s)
{
    int n = 0;

    for (size_t step; *s && (step = em_utf8_length(s)) > 0; s += step)
        n++;
    return n;
}

/* A name cut to NAME_COLS columns, filled up to `cols`; a character counts as one. */
static void put_name(FILE *to, const char *name, int cols)
{
    char clean[NAME_BYTES];
    const char *s = em_text_clean(clean, sizeof clean, name);
    const int n = columns_of(s), n_put = n > NAME_COLS ? NAME_COLS - 1 : n;

    for (int i = 0; i < n_put; i++) {
        const size_t step = em_utf8_length(s);

        fprintf(to, "%.*s", (int)step, s);
        s += step;
    }
    fprintf(to, "%s%*s", n > n_put ? "…" : "", n < cols ? cols - n : 0, "");
}

/* x with three decimals in seven columns, "-" where it is undefined. */
static void put_number(FILE *to, double x)
{
    if (isnan(x))
        fprintf(to, "%7s", "-");
    else
        fprintf(to, "%7.3f", x);
}

static bool is_in_truth(const em_eval_report *r, int c)
{
    return r->metrics->classes[c].n_positives > 0;
}

static int name_columns(const em_eval_report *r)
{
    int cols = (int)strlen("class");

    for (int c = 0; c < r->metrics->n_classes; c++) {
        char clean[NAME_BYTES];
        const int n = columns_of(em_text_clean(clean, sizeof clean, r->classes[c]));

        cols = is_in_truth(r, c) && n > cols ? n : cols;
    }
    return cols < NAME_COLS ? cols : NAME_COLS;
}

/* ------------------------------------------------------------------ summary */

static void put_line(FILE *to, const char *name, double value, const char *remark)
{
    fprintf(to, "%-14s", name);
    if (isnan(value))
        fprintf(to, "%8s", "-");
    else
        fprintf(to, "%8.4f", value);
    fprintf(to, "%s%s\n", remark[0] ? "   " : "", remark);
}

static void put_f1(FILE *to, const char *micro, const char *macro, const em_counts *counts, int n_classes, const char *remark)
{
    em_f1_means f1;

    if (!counts)
        return;
    f1 = em_f1_of(counts, n_classes, true);
    put_line(to, micro, f1.micro, remark);
    put_line(to, macro, f1.macro, "");
}

static void put_summary(FILE *to, const em_eval_report *r)
{
    const em_metrics *m = r->metrics;
    char title[NAME_BYTES], of[80], at[128];

    fprintf(to, "%s: %d clips, %d classes", em_text_clean(title, sizeof title, r->title), m->n, m->n_classes);
    if (m->n_ap < m->n_classes)
        fprintf(to, ", %d of them without a clip and left out", m->n_classes - m->n_ap);
    fputs("\n\n", to);
    if (m->is_single)
        put_line(to, "accuracy", m->accuracy, "");
    snprintf(of, sizeof of, "mean of %d classes", m->n_ap);
    put_line(to, "mAP", m->map, of);
    snprintf(of, sizeof of, "mean of %d classes", m->n_auc);
    put_line(to, "mAUC", m->mauc, of);
    put_line(to, "d'", m->dprime, "of mAUC");
    if (!isnan(m->dprime_moments))
        put_line(to, "d' (moments)", m->dprime_moments, "of the logits");
    snprintf(at, sizeof at, "thresholds: %s", r->thresholds ? r->thresholds : "0.5");
    put_line(to, "micro F1", m->f1.micro, m->is_single ? "one answer a clip" : at);
    put_line(to, "macro F1", m->f1.macro, "");
    put_f1(to, "segments F1", "  macro", r->segments, m->n_classes, "micro, on a grid");
    put_f1(to, "events F1", "  macro", r->events, m->n_classes, "micro, with collars");
    fputc('\n', to);
}

/* ------------------------------------------------------------------ classes */

static void put_class(FILE *to, const em_eval_report *r, int c, int cols)
{
    const em_class_metrics *one = &r->metrics->classes[c];

    put_name(to, r->classes[c], cols);
    fprintf(to, "%8d ", one->n_positives);
    put_number(to, one->ap);
    put_number(to, one->auc);
    put_number(to, em_f1_of_counts(one->counts));
    if (!r->metrics->is_single)
        put_number(to, (double)one->threshold);
    fprintf(to, "  ");
    put_number(to, one->best.f1);
    put_number(to, (double)one->best.threshold);
    if (r->segments)
        put_number(to, em_f1_of_counts(r->segments[c]));
    if (r->events)
        put_number(to, em_f1_of_counts(r->events[c]));
    fputc('\n', to);
}

static void put_classes(FILE *to, const em_eval_report *r)
{
    const int cols = name_columns(r);

    put_name(to, "class", cols);
    fprintf(to, "%8s %7s%7s%7s", "clips", "AP", "AUC", "F1");
    fprintf(to, "%s  %7s%7s%s%s\n", r->metrics->is_single ? "" : "     at", "best F1", "at", r->segments ? " seg F1" : "",
            r->events ? "  ev F1" : "");
    for (int c = 0; c < r->metrics->n_classes; c++)
        if (is_in_truth(r, c))
            put_class(to, r, c, cols);
}

/* ------------------------------------------------------------------ confusions */

static int confusion(const em_metrics *m, int truth, int answer)
{
    return m->confusion[(size_t)truth * (size_t)m->n_classes + (size_t)answer];
}

static bool occurs(const em_metrics *m, int c)
{
    return m->classes[c].n_positives + m->classes[c].counts.n_false > 0;
}

static void put_count(FILE *to, int count)
{
    if (count > 0)
        fprintf(to, "%5d", count);
    else
        fprintf(to, "%5s", ".");
}

static void put_matrix(FILE *to, const em_eval_report *r)
{
    const em_metrics *m = r->metrics;
    const int cols = name_columns(r);

    fprintf(to, "\nconfusions, truth by answer\n%*s", cols + 3, "");
    for (int c = 0; c < m->n_classes; c++)
        if (occurs(m, c))
            fprintf(to, "%5d", c);
    fputc('\n', to);
    for (int t = 0; t < m->n_classes; t++) {
        if (!occurs(m, t))
            continue;
        fprintf(to, "%2d ", t);
        put_name(to, r->classes[t], cols);
        for (int a = 0; a < m->n_classes; a++)
            if (occurs(m, a))
                put_count(to, confusion(m, t, a));
        fputc('\n', to);
    }
}

/* The next largest confusion after *truth, *answer, which had `count`; 0 when there is none. Of equals the first. */
static int next_confusion(const em_metrics *m, int *truth, int *answer, int count)
{
    const size_t n_classes = (size_t)m->n_classes, before = (size_t)*truth * n_classes + (size_t)*answer;
    size_t best = before;
    int largest = 0;

    for (size_t i = 0; i < n_classes * n_classes; i++) {
        const bool comes_later = m->confusion[i] < count || (m->confusion[i] == count && i > before);

        if (i % (n_classes + 1) != 0 && comes_later && m->confusion[i] > largest) {
            largest = m->confusion[i];
            best = i;
        }
    }
    *truth = (int)(best / n_classes);
    *answer = (int)(best % n_classes);
    return largest;
}

static void put_largest(FILE *to, const em_eval_report *r)
{
    const em_metrics *m = r->metrics;
    const int cols = name_columns(r);
    int truth = 0, answer = 0, count = m->n + 1;

    fprintf(to, "\nlargest confusions\n");
    put_name(to, "truth", cols);
    fprintf(to, "   of clips  answer\n");
    for (int i = 0; i < MOST_CONFUSIONS && (count = next_confusion(m, &truth, &answer, count)) > 0; i++) {
        put_name(to, r->classes[truth], cols);
        fprintf(to, "%5d %5d  ", count, m->classes[truth].n_positives);
        put_name(to, r->classes[answer], 0);
        fputc('\n', to);
    }
}

static void put_confusions(FILE *to, const em_eval_report *r)
{
    int n = 0;

    if (!r->metrics->confusion)
        return;
    for (int c = 0; c < r->metrics->n_classes; c++)
        n += occurs(r->metrics, c);
    if (n <= MATRIX_CLASSES)
        put_matrix(to, r);
    else
        put_largest(to, r);
}

em_status em_eval_report_print(FILE *to, const em_eval_report *report, em_err *err)
{
    put_summary(to, report);
    put_classes(to, report);
    put_confusions(to, report);
    if (fflush(to) != 0 || ferror(to))
        return em_fail(err, EM_EIO, "the report cannot be written: %s", strerror(errno));
    return EM_OK;
}
