/* libFuzzer target of all that reads a checkpoint of torch.save: archive, pickle, storages, views.
 *
 * The first byte of an input says what the rest is, because a fuzzer cannot compute a CRC-32:
 *   'f' a whole file    'p' a pickle: it is put into an archive with three storages of 64, 16 and 8 bytes
 * Run by ctest -L fuzz for a minute; seeds in seeds/torch, words in torch.dict. */
#include "model/checkpoint.h"
#include "model/pickle.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Values in values end, and every number of a value is one. A budget, because the same value may be met often. */
static void walk(const em_pickle *p, uint32_t value, int depth, int *budget)
{
    const em_pickle_value *v = &p->values[value];

    if (value >= p->n_values || depth > EM_PICKLE_MAX_DEPTH)
        abort();
    if (v->kind != EM_PICKLE_TUPLE && v->kind != EM_PICKLE_LIST && v->kind != EM_PICKLE_DICT)
        return;
    for (uint32_t i = 0; i < v->n && --*budget > 0; i++)
        walk(p, v->as.items[i], depth + 1, budget);
}

static void use_pickle(const uint8_t *bytes, size_t n)
{
    em_err err = { 0 };
    int budget = 10000;
    em_pickle p;

    if (em_pickle_run(&p, bytes, n, "p", &err) == EM_OK)
        walk(&p, p.root, 1, &budget);
    else if (!err.msg[0])
        abort();
    em_pickle_deinit(&p);
}

static void use_tensor(em_checkpoint *c, const em_checkpoint_tensor *t)
{
    float *x = malloc((t->n + 1) * sizeof *x);          /* no more numbers than the file has: views do not overlap */
    em_err err;

    if (!x || t->name[0] == '\0')
        abort();
    if (em_checkpoint_read(c, t, x, &err) == EM_OK)
        for (size_t i = 0; i < t->n; i++)
            if (!isfinite(x[i]))
                abort();
    free(x);
}

static void use_file(const void *bytes, size_t n)
{
    em_err err = { 0 };
    em_checkpoint *c;

    if (em_checkpoint_open_bytes(&c, bytes, n, "m.pth", &err) != EM_OK) {
        if (c || !err.msg[0])
            abort();
        return;
    }
    for (int i = 0; i < em_checkpoint_count(c); i++)
        use_tensor(c, em_checkpoint_get(c, i));
    em_checkpoint_close(c);
}

typedef struct zip { uint8_t *file, *directory; size_t n_file, n_directory; int n; } zip;

static void put(uint8_t *to, size_t *at, uint64_t x, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        to[(*at)++] = (uint8_t)(i < 8 ? x >> 8 * i : 0);
}

static uint32_t crc_of(const uint8_t *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void add(zip *z, const char *name, const uint8_t *bytes, size_t n)
{
    size_t begin = z->n_file, n_name = strlen(name);

    put(z->file, &z->n_file, 0x04034b50, 4);
    put(z->file, &z->n_file, 0, 10);                    /* version, flags, method, time, date */
    put(z->file, &z->n_file, crc_of(bytes, n), 4);
    put(z->file, &z->n_file, n, 4);
    put(z->file, &z->n_file, n, 4);
    put(z->file, &z->n_file, n_name, 4);
    put(z->directory, &z->n_directory, 0x02014b50, 4);
    put(z->directory, &z->n_directory, 0, 2);
    memcpy(z->directory + z->n_directory, z->file + begin + 4, 26);      /* all of the above */
    z->n_directory += 26;
    put(z->directory, &z->n_directory, 0, 8);
    put(z->directory, &z->n_directory, 0, 2);
    put(z->directory, &z->n_directory, begin, 4);
    memcpy(z->directory + z->n_directory, name, n_name);
    z->n_directory += n_name;
    memcpy(z->file + z->n_file, name, n_name);
    z->n_file += n_name;
    memcpy(z->file + z->n_file, bytes, n);
    z->n_file += n;
    z->n++;
}

static void use_in_archive(const uint8_t *pickle, size_t n)
{
    static const uint8_t numbers[64] = { 0, 0, 128, 63, 0, 0, 0, 64, 1, 2, 3, 4, 5, 6, 7, 8 };
    zip z = { malloc(n + 2048), malloc(512), 0, 0, 0 };

    if (!z.file || !z.directory)
        abort();
    add(&z, "x/data.pkl", pickle, n);
    add(&z, "x/data/0", numbers, 64);
    add(&z, "x/data/1", numbers, 16);
    add(&z, "x/data/2", numbers, 8);
    memcpy(z.file + z.n_file, z.directory, z.n_directory);
    n = z.n_file;
    z.n_file += z.n_directory;
    put(z.file, &z.n_file, 0x06054b50, 4);
    put(z.file, &z.n_file, 0, 4);
    put(z.file, &z.n_file, (uint64_t)z.n, 2);
    put(z.file, &z.n_file, (uint64_t)z.n, 2);
    put(z.file, &z.n_file, z.n_directory, 4);
    put(z.file, &z.n_file, n, 4);
    put(z.file, &z.n_file, 0, 2);
    use_file(z.file, z.n_file);
    free(z.file);
    free(z.directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    if (bytes[0] == 'f') {
        use_file(bytes + 1, n - 1);
    } else if (bytes[0] == 'p') {
        use_pickle(bytes + 1, n - 1);
        use_in_archive(bytes + 1, n - 1);
    }
    return 0;
}
