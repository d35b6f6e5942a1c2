/* libFuzzer target of the reader of files of scores: the head's JSON and every kind of record.
 *
 * The first byte of an input says what the rest is, because a fuzzer cannot keep a length in step with a text:
 *   'f' a whole file    'r' records behind a head that is right: two classes, three slots
 * Run by ctest -L fuzz for a minute; seeds in seeds/stored, words in stored.dict. */
#include "sinks/stored.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_scores(const em_event *e, int n_classes)
{
    int sum = 0;

    for (int i = 0; i < n_classes; i++)
        if (!(e->u.scores.scores[i] >= 0 && e->u.scores.scores[i] <= 1))
            abort();
    for (int i = 0; i < n_classes * e->u.scores.n_slots; i++)
        if (!(e->u.scores.slots[i] >= 0 && e->u.scores.slots[i] <= 1))
            abort();
    for (int i = 0; i < e->u.scores.n_levels; i++)
        sum += e->u.scores.levels[i];
    if (sum > 255 * EM_EVENT_LEVELS || e->u.scores.first_level < 0)
        abort();
}

static void use_file(const void *bytes, size_t n)
{
    em_err err = { 0 };
    em_stored *s;
    bool has_one = true;
    em_event e;

    if (em_stored_open_bytes(&s, bytes, n, "s", &err) != EM_OK) {
        if (s || !err.msg[0])
            abort();
        return;
    }
    while (em_stored_next(s, &e, &has_one, &err) == EM_OK && has_one) {
        if (strlen(e.source) >= EM_STORED_NAME || !(e.time >= 0))
            abort();
        if (e.type == EM_EVENT_SCORES)
            check_scores(&e, em_stored_head_of(s)->classes.n);
        if (e.type == EM_EVENT_MARK && (strlen(e.u.mark.id) != EM_EVENT_ID_CHARS - 1 || strlen(e.u.mark.text) >= EM_MARK_BYTES))
            abort();
    }
    em_stored_close(s);
}

static void use_records(const uint8_t *records, size_t n)
{
    static const char json[] = "{\"version\":\"1\",\"model\":\"m\",\"sha256\":\"a\",\"backend\":\"cpu\",\"utc_ms\":-1,\"rate\":32000,"
                               "\"step\":1,\"window\":1,\"window_samples\":32000,\"slots\":3,\"slot\":0.4,\"classes\":["
                               "{\"label\":\"Dog\",\"mid\":\"\",\"trained\":true},{\"label\":\"Cat\",\"mid\":\"\",\"trained\":true}]}";
    const size_t n_mark = strlen(EM_STORED_MARK), n_json = sizeof json - 1;
    uint8_t *file = malloc(n_mark + 4 + n_json + n);

    if (!file)
        abort();
    memcpy(file, EM_STORED_MARK, n_mark);
    for (int i = 0; i < 4; i++)
        file[n_mark + (size_t)i] = (uint8_t)(n_json >> 8 * i);
    memcpy(file + n_mark + 4, json, n_json);
    memcpy(file + n_mark + 4 + n_json, records, n);
    use_file(file, n_mark + 4 + n_json + n);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n > 1 && bytes[0] == 'f')
        use_file(bytes + 1, n - 1);
    else if (n > 0 && bytes[0] == 'r')
        use_records(bytes + 1, n - 1);
    return 0;
}
