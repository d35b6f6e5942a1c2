/* Checkpoints of torch.save that torch_files.py writes: the good ones give their numbers, each hostile one is refused with
 * its own sentence. argv[1] is that script. */
#include "check.h"

#include "model/checkpoint.h"

#include <ctype.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/earmark-torch-XXXXXX";
static const char *script;

/* A path in the test's folder, valid until the next call. */
static const char *in_folder(const char *name)
{
    static char path[160];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* The next line of a file, without its end, cut at tabs into n_fields; false at the end. */
static bool next_line(FILE *f, char **line, char *fields[], int n_fields)
{
    size_t room = 0;
    char *rest;

    free(*line);
    *line = NULL;
    if (getline(line, &room, f) < 0) {
        free(*line);
        return false;
    }
    rest = *line;
    rest[strcspn(rest, "\n")] = '\0';
    for (int i = 0; i < n_fields; i++)
        CHECK((fields[i] = strsep(&rest, "\t")), "field %d of %s", i, *line);
    return true;
}

/* Reads every tensor of a checkpoint. */
static em_status read_all(const char *path, em_err *err)
{
    em_checkpoint *c = (em_checkpoint *)(void *)err;        /* must become NULL on error */
    em_status status = em_checkpoint_open(&c, path, err);

    CHECK((status == EM_OK) == (c != NULL), "%s", path);
    for (int i = 0; status == EM_OK && i < em_checkpoint_count(c); i++) {
        float *x = malloc((em_checkpoint_get(c, i)->n + 1) * sizeof *x);

        assert_non_null(x);
        status = em_checkpoint_read(c, em_checkpoint_get(c, i), x, err);
        free(x);
    }
    em_checkpoint_close(c);
    return status;
}

static const em_checkpoint_tensor *find(const em_checkpoint *c, const char *name)
{
    for (int i = 0; i < em_checkpoint_count(c); i++)
        if (!strcmp(em_checkpoint_get(c, i)->name, name))
            return em_checkpoint_get(c, i);
    return NULL;
}

static void check_tensor(em_checkpoint *c, const em_checkpoint_tensor *t, char *sizes, char *numbers, const char *what)
{
    float *x = malloc((t->n + 1) * sizeof *x);
    int rank = 0;
    size_t n = 0;
    em_err err;

    assert_non_null(x);
    for (char *size; (size = strsep(&sizes, " "));)
        if (*size)
            CHECK(rank < t->rank && t->shape[rank++] == atoll(size), "%s: %s: size %s", what, t->name, size);
    CHECK(rank == t->rank, "%s: %s: rank %d", what, t->name, t->rank);
    CHECK_OK(em_checkpoint_read(c, t, x, &err));
    for (char *number; (number = strsep(&numbers, " "));)
        if (*number) {
            CHECK(n < t->n && x[n] == strtof(number, NULL),
                  "%s: %s: number %zu is %g, not %s", what, t->name, n, n < t->n ? (double)x[n] : 0., number);
            n++;
        }
    CHECK(n == t->n, "%s: %s: %zu numbers of %zu", what, t->name, n, t->n);
    free(x);
}

static void good_files_give_their_numbers(void **state)
{
    FILE *f = fopen(in_folder("good.txt"), "r");
    char *line = NULL, *fields[4];
    int n = 0;
    (void)state;

    assert_non_null(f);
    for (; next_line(f, &line, fields, 4); n++) {
        em_checkpoint *c;
        em_err err;

        CHECK_OK(em_checkpoint_open(&c, in_folder(fields[0]), &err));
        CHECK(find(c, fields[1]), "%s: %s", fields[0], fields[1]);
        check_tensor(c, find(c, fields[1]), fields[2], fields[3], fields[0]);
        em_checkpoint_close(c);
    }
    CHECK(n >= 50, "%d lines", n);
    fclose(f);
}

/* What stands beside the weights (the optimizer's moments among it) is no weight. */
static void only_the_state_dict_is_listed(void **state)
{
    static const char *const files[] = { "protocol2.pth", "lightning2.ckpt", "lightning4.ckpt", "model.pth", "parameters.pth" };
    (void)state;

    for (size_t i = 0; i < EM_COUNT(files); i++) {
        em_checkpoint *c;
        em_err err;

        CHECK_OK(em_checkpoint_open(&c, in_folder(files[i]), &err));
        CHECK(em_checkpoint_count(c) == 3 && !strcmp(em_checkpoint_get(c, 0)->name, "a.weight") && !em_checkpoint_is_model(c), "%s: %d tensors",
              files[i], em_checkpoint_count(c));
        CHECK(!em_checkpoint_get(c, 3) && !em_checkpoint_get(c, -1), "%s", files[i]);
        em_checkpoint_close(c);
    }
}

static void hostile_files_are_refused_each_with_its_sentence(void **state)
{
    FILE *f = fopen(in_folder("hostile.txt"), "r");
    char *line = NULL, *fields[3];
    int n = 0;
    (void)state;

    assert_non_null(f);
    for (; next_line(f, &line, fields, 3); n++) {
        em_checkpoint *c;
        em_err err = { 0 };

        CHECK(read_all(in_folder(fields[0]), &err) != EM_OK, "%s is taken", fields[0]);
        CHECK(strstr(err.msg, fields[2]) && strstr(err.msg, fields[0]), "%s: %s; not: %s", fields[0], err.msg, fields[2]);
        for (const char *s = err.msg; *s; s++)
            CHECK(!iscntrl((unsigned char)*s), "%s: a control character in %s", fields[0], err.msg);
        if (!strcmp(fields[1], "open"))
            CHECK(em_checkpoint_open(&c, in_folder(fields[0]), &err) != EM_OK, "%s opens", fields[0]);
    }
    CHECK(n >= 160, "%d lines", n);
    CHECK(access("owned", F_OK), "a pickle was executed");
    fclose(f);
}

static unsigned char *slurp(const char *name, size_t *n)
{
    unsigned char *bytes = malloc(1 << 20);
    FILE *f = fopen(in_folder(name), "rb");

    assert_true(f && bytes);
    *n = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    size_t n_file;
    unsigned char *bytes = slurp("protocol2.pth", &n_file);
    em_checkpoint *c;
    em_err err;
    (void)state;

    for (size_t n = 0; n < n_file; n++)
        CHECK(em_checkpoint_open_bytes(&c, bytes, n, "m", &err) != EM_OK && !c, "%zu of %zu bytes", n, n_file);
    CHECK_OK(em_checkpoint_open_bytes(&c, bytes, n_file, "m", &err));
    em_checkpoint_close(c);
    free(bytes);
}

/* Whatever bit flips: an error, or the numbers that were there (in a field that nobody reads, such as a date). */
static void a_flipped_bit_never_changes_a_number(void **state)
{
    static const float want[] = { 0, 1, 2, 3, 4, 5, 1.5f, -2.25f, 3, 4, 5 };
    size_t n_file;
    unsigned char *bytes = slurp("protocol2.pth", &n_file);
    int n_taken = 0;
    (void)state;

    for (size_t bit = 0; bit < 8 * n_file; bit++) {
        em_checkpoint *c;
        float got[EM_COUNT(want)];
        size_t n = 0;
        em_err err;
        em_status status;

        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        status = em_checkpoint_open_bytes(&c, bytes, n_file, "m", &err);
        for (int i = 0; status == EM_OK && i < em_checkpoint_count(c); n += em_checkpoint_get(c, i++)->n) {
            CHECK(em_checkpoint_get(c, i)->n <= EM_COUNT(got) - n, "bit %zu", bit);
            status = em_checkpoint_read(c, em_checkpoint_get(c, i), got + n, &err);
        }
        CHECK(status != EM_OK || (n == EM_COUNT(want) && !memcmp(got, want, sizeof want)), "bit %zu of byte %zu", bit % 8, bit / 8);
        n_taken += status == EM_OK;
        em_checkpoint_close(c);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    CHECK(n_taken > 0, "the dates of entries are nobody's business");
    free(bytes);
}

static void a_file_cut_while_open_is_an_error(void **state)
{
    em_checkpoint *c;
    float x[6];
    em_err err;
    (void)state;

    CHECK_OK(em_checkpoint_open(&c, in_folder("older.pth"), &err));
    CHECK(truncate(in_folder("older.pth"), 100) == 0, "truncate");
    CHECK(em_checkpoint_read(c, em_checkpoint_get(c, 0), x, &err) == EM_EIO && strstr(err.msg, "shorter"), "%s", err.msg);
    em_checkpoint_close(c);
}

static int write_files(void **state)
{
    int code;
    pid_t child;
    (void)state;

    if (!mkdtemp(folder))
        return -1;
    child = fork();
    if (child == 0) {
        execlp("python3", "python3", script, folder, (char *)NULL);
        _exit(77);
    }
    if (child < 0 || waitpid(child, &code, 0) != child || !WIFEXITED(code))
        return -1;
    if (WEXITSTATUS(code) == 77)
        SKIP_ALL("python3 is not at hand");
    return WEXITSTATUS(code);
}

static int remove_files(void **state)
{
    char command[160];
    (void)state;

    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_give_their_numbers),
        cmocka_unit_test(only_the_state_dict_is_listed),
        cmocka_unit_test(hostile_files_are_refused_each_with_its_sentence),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_flipped_bit_never_changes_a_number),
        cmocka_unit_test(a_file_cut_while_open_is_an_error),
    };

    if (argc != 2)
        return 2;
    script = argv[1];
    return cmocka_run_group_tests(tests, write_files, remove_files);
}
