/* demo.c - what the demo promises: the program, as it is run, on the bundled clip with the bundled model. Every true
 * sound of demo.tsv is first or second among the model's trained classes (but those that are more general) in at least half
 * of the windows that hold it whole; every one is an event within half a second at both ends, beside which there is one false
 * one at most; and tagging keeps within the memory that is promised for nano. Run as: test_cli_demo PROGRAM CONFIG_DIR. */
#include "check.h"

#include "model/config.h"
#include "model/labels.h"
#include "model/ontology.h"
#include "model/safetensors.h"

#include <jansson.h>

#include <math.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_S = 90, MOST_SOUNDS = 64, MOST_EVENTS = 256, MOST_KB = 40 * 1024, MOST_FALSE = 1 };

static const double collar_s = .5;

typedef struct sound { double onset, offset; char label[256]; int index, n_held, n_found; } sound;

typedef struct event { double onset, offset; int index; } event;

static const char *program;
static char model_path[4096], clip_path[4096], truth_path[4096];
static sound sounds[MOST_SOUNDS];
static int n_sounds;

static int (*above)[2];             /* { specific, general } of AudioSet's classes, whose order the model's is */
static int n_above;

static bool is_above(int general, int specific)
{
    for (int i = 0; i < n_above; i++)
        if (above[i][0] == specific && above[i][1] == general)
            return true;
    return false;
}

static int read_ontology(void **state)
{
    em_labels labels;
    em_err err;
    em_status status = em_labels_audioset(&labels, &err);

    (void)state;
    if (!status)
        status = em_ontology_above(&above, &n_above, (const char *const *)labels.mids, labels.n, &err);
    em_labels_deinit(&labels);
    return status;
}

static int drop_ontology(void **state)
{
    (void)state;
    free(above);
    return 0;
}

static void read_truth(const em_config *cfg, const em_card *card)
{
    FILE *f = fopen(truth_path, "r");
    char line[512];

    n_sounds = 0;
    CHECK(f && fgets(line, sizeof line, f), "%s: no heading", truth_path);
    while (fgets(line, sizeof line, f)) {
        sound *s = &sounds[n_sounds];

        CHECK(n_sounds < MOST_SOUNDS, "%s: too many rows", truth_path);
        CHECK(sscanf(line, "%lf\t%lf\t%255[^\n]", &s->onset, &s->offset, s->label) == 3, "%s: %s", truth_path, line);
        s->index = -1;
        s->n_held = s->n_found = 0;
        for (int i = 0; i < card->n_trained; i++)
            if (!strcmp(card->labels[card->trained[i]], s->label))
                s->index = card->trained[i];
        CHECK(s->index >= 0 && s->index < cfg->n_classes, "%s: %s is none of the model's trained classes", truth_path, s->label);
        n_sounds++;
    }
    fclose(f);
    CHECK(n_sounds > 0, "%s: no rows", truth_path);
}

/* How many trained classes score higher, but for those above it in the ontology: a bark is a dog and an animal, too. */
static int place_of(const json_t *scores, int index, const em_card *card)
{
    double own = json_number_value(json_array_get(scores, (size_t)index));
    int n = 0;

    for (int i = 0; i < card->n_trained; i++) {
        const int c = card->trained[i];

        n += c != index && !is_above(c, index) && json_number_value(json_array_get(scores, (size_t)c)) >= own;
    }
    return n;
}

static void take_line(const char *line, double *window_s, const em_config *cfg, const em_card *card)
{
    json_error_t why;
    json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, &why);
    const char *type = json_string_value(json_object_get(record, "type"));
    const json_t *scores = json_object_get(record, "scores");
    double time = json_number_value(json_object_get(record, "time"));

    CHECK(type, "%s: %.100s", why.text, line);
    if (!strcmp(type, "start"))
        *window_s = json_number_value(json_object_get(record, "window"));
    if (!strcmp(type, "scores")) {
        CHECK(json_array_size(scores) == (size_t)cfg->n_classes, "%zu scores at %g s", json_array_size(scores), time);
        for (sound *s = sounds; s < sounds + n_sounds; s++)
            if (s->onset >= time - *window_s && s->offset <= time) {
                s->n_held++;
                s->n_found += place_of(scores, s->index, card) < 2;
            }
    }
    json_decref(record);
}

/* Runs the program on the clip; its output is *out. */
static pid_t run_program(FILE **out, const char *scores)
{
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        setenv("XDG_CONFIG_HOME", "/dev/null", 1);
        alarm(LIMIT_S);                                 /* outlives exec */
        execl(program, program, "-m", model_path, "-f", "jsonl", "--threads", "2", scores, clip_path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    *out = fdopen(ends[0], "r");
    assert_non_null(*out);
    return pid;
}

static struct rusage end_program(pid_t pid)
{
    struct rusage used;
    int status;

    assert_int_equal(wait4(pid, &status, 0, &used), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the program ended with status %d", status);
    return used;
}

static void every_true_sound_is_first_or_second_of_the_trained_classes(void **state)
{
    em_config cfg;
    em_card card;
    em_st *st;
    em_err err;
    FILE *out;
    pid_t pid;
    char *line = NULL;
    size_t room = 0;
    double window_s = 0;

    (void)state;
    CHECK_OK(em_st_open(&st, model_path, &err));
    CHECK_OK(em_config_parse(&cfg, &card, em_st_metadata(st, "earmark"), model_path, &err));
    read_truth(&cfg, &card);
    pid = run_program(&out, "--scores=all");
    while (getline(&line, &room, out) > 0)
        take_line(line, &window_s, &cfg, &card);
    fclose(out);
    end_program(pid);
    for (const sound *s = sounds; s < sounds + n_sounds; s++) {
        printf("%-28s in %d of %d windows\n", s->label, s->n_found, s->n_held);
        CHECK(s->n_held > 0, "%s: no window holds it whole", s->label);
    }
    for (const sound *s = sounds; s < sounds + n_sounds; s++)
        CHECK(2 * s->n_found >= s->n_held, "%s at %g s: first or second in %d of %d windows", s->label, s->onset, s->n_found, s->n_held);
    free(line);
    em_card_deinit(&card);
    em_st_close(st);
}

/* The events of a run: its offset records. */
static int read_events(event *events)
{
    FILE *out;
    pid_t pid = run_program(&out, "--scores=none");
    char *line = NULL;
    size_t room = 0;
    int n = 0;

    while (getline(&line, &room, out) > 0) {
        json_error_t why;
        json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, &why);
        const char *type = json_string_value(json_object_get(record, "type"));

        CHECK(type, "%s: %.100s", why.text, line);
        if (!strcmp(type, "offset")) {
            CHECK(n < MOST_EVENTS, "more than %d events", MOST_EVENTS);
            events[n++] = (event){ json_number_value(json_object_get(record, "onset")), json_number_value(json_object_get(record, "offset")),
                                   (int)json_integer_value(json_object_get(record, "index")) };
        }
        json_decref(record);
    }
    free(line);
    fclose(out);
    end_program(pid);
    return n;
}

static bool is_of(const event *e, const sound *s)
{
    return e->index == s->index && e->onset < s->offset && e->offset > s->onset;
}

/* Whether it is told as one event with its times; *n_events: how many there are of it. */
static bool is_timely(const sound *s, const event *events, int n, int *n_events)
{
    bool is_right = false;

    *n_events = 0;
    for (const event *e = events; e < events + n; e++)
        if (is_of(e, s)) {
            (*n_events)++;
            is_right = fabs(e->onset - s->onset) <= collar_s && fabs(e->offset - s->offset) <= collar_s;
            printf("%-28s %.3f-%.3f s, told as %.3f-%.3f (%+.3f, %+.3f)%s\n", s->label, s->onset, s->offset, e->onset, e->offset,
                   e->onset - s->onset, e->offset - s->offset, is_right ? "" : " *");
        }
    return is_right && *n_events == 1;
}

static bool is_false(const event *e)
{
    for (const sound *s = sounds; s < sounds + n_sounds; s++)
        if (is_of(e, s))
            return false;
    return true;
}

static void every_true_sound_is_an_event_and_one_other_at_most(void **state)
{
    static event events[MOST_EVENTS];
    int n, n_timely = 0, n_false = 0;
    em_config cfg;
    em_card card;
    em_st *st;
    em_err err;

    (void)state;
    CHECK_OK(em_st_open(&st, model_path, &err));
    CHECK_OK(em_config_parse(&cfg, &card, em_st_metadata(st, "earmark"), model_path, &err));
    read_truth(&cfg, &card);
    n = read_events(events);
    for (const sound *s = sounds; s < sounds + n_sounds; s++) {
        int n_of_it;

        n_timely += is_timely(s, events, n, &n_of_it);
        CHECK(n_of_it > 0, "%s at %g s is no event", s->label, s->onset);
    }
    for (const event *e = events; e < events + n; e++)
        if (is_false(e)) {
            printf("false: %s %.3f-%.3f s\n", card.labels[e->index], e->onset, e->offset);
            n_false++;
        }
    CHECK(n_false <= MOST_FALSE, "%d false events", n_false);
    CHECK(n_timely == n_sounds, "%d of %d within %g s of the truth", n_timely, n_sounds, collar_s);
    em_card_deinit(&card);
    em_st_close(st);
}

static void tagging_with_nano_on_two_threads_stays_within_40_mib(void **state)
{
    char rest[4096];
    FILE *out;
    pid_t pid;
    struct rusage used;

    (void)state;
#ifdef CANNOT_MEASURE_MEMORY
    printf("SKIPPED: a sanitizer's memory is not the program's\n");
    skip();
#endif
    pid = run_program(&out, "--scores=all");
    while (fread(rest, 1, sizeof rest, out) > 0)
        ;
    fclose(out);
    used = end_program(pid);
    printf("most resident memory: %ld KiB\n", used.ru_maxrss);
    CHECK(used.ru_maxrss <= MOST_KB, "%ld KiB resident at most, and %d are promised", used.ru_maxrss, MOST_KB);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tagging_with_nano_on_two_threads_stays_within_40_mib),         /* first: a child counts what its parent held */
        cmocka_unit_test(every_true_sound_is_first_or_second_of_the_trained_classes),
        cmocka_unit_test(every_true_sound_is_an_event_and_one_other_at_most),
    };

    if (argc != 3)
        return 2;
    program = argv[1];
    snprintf(model_path, sizeof model_path, "%s/models/nano.safetensors", argv[2]);
    snprintf(clip_path, sizeof clip_path, "%s/demo/demo.flac", argv[2]);
    snprintf(truth_path, sizeof truth_path, "%s/demo/demo.tsv", argv[2]);
    return cmocka_run_group_tests(tests, read_ontology, drop_ontology);
}
