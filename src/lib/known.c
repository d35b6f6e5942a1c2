/* known.c - watch, ignore, all_classes and threshold: see known.h. */
#include "lib/known.h"

#include "base/log.h"
#include "model/labels.h"

#include <stdlib.h>
#include <string.h>

static em_status find(const em_known *known, const char *name, int *c, em_err *err)
{
    return em_labels_resolve(c, known->classes.labels, known->classes.mids, known->classes.n, name, err);
}

/* "Dog" or "Dog=0.5"; a name may hold '=' itself, so only a number behind the last one counts. */
static em_status find_watched(const em_known *known, const char *text, int *c, double *threshold, em_err *err)
{
    const char *equals = strrchr(text, '=');
    em_status status;
    char *name;

    *threshold = -1;
    if (!equals || !em_parse_real(threshold, equals + 1))
        return find(known, text, c, err);
    if (*threshold < 0 || *threshold > 1)
        return em_fail(err, EM_EINVAL, "'%.60s': the threshold is not from 0 to 1", text);
    if (!(name = strndup(text, (size_t)(equals - text))))
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    status = find(known, name, c, err);
    free(name);
    return status;
}

static em_status watch(em_selection *out, const em_known *known, const em_settings *o, const char *text, em_err *err)
{
    double threshold;
    int c;
    em_status status = find_watched(known, text, &c, &threshold, err);

    if (status)
        return status;
    out->is_shown[c] = true;
    if (!known->is_trained[c])
        em_log(EM_LOG_WARNING, "%swatch: the model was not trained on %s", o->dashes, known->classes.labels[c]);
    if (threshold >= 0)
        out->thresholds[c] = (float)threshold;
    return EM_OK;
}

em_status em_selection_make(em_selection *out, const em_known *known, const em_settings *o, em_err *err)
{
    const size_t n = (size_t)known->classes.n;
    em_status status = EM_OK;
    int c;

    *out = (em_selection){ calloc(n + 1, sizeof *out->is_shown), calloc(n + 1, sizeof *out->thresholds) };
    if (!out->is_shown || !out->thresholds)
        return em_fail(err, EM_ENOMEM, "no memory for the classes");
    for (size_t i = 0; i < n; i++) {
        out->is_shown[i] = o->watch.n == 0 && (o->all_classes || known->is_trained[i]);
        out->thresholds[i] = (float)o->threshold;
    }
    for (int i = 0; i < o->watch.n && !status; i++)
        status = em_settings_at(watch(out, known, o, o->watch.list[i], err), o, &o->watch, i, "watch", err);
    for (int i = 0; i < o->ignore.n && !status; i++)
        if (!(status = em_settings_at(find(known, o->ignore.list[i], &c, err), o, &o->ignore, i, "ignore", err)))
            out->is_shown[c] = false;
    return status;
}

void em_selection_deinit(em_selection *c)
{
    free(c->is_shown);
    free(c->thresholds);
    *c = (em_selection){ 0 };
}
