/* states.c - see states.h. */
#include "states.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static float number(int64_t step, size_t i)
{
    return (float)(step * 31 % 1009) + (float)(i % 8191) / 8192;
}

static void text_of(char text[64], int64_t step)
{
    snprintf(text, 64, "{\"epoch\":%lld,\"rng\":\"%llx\"}", (long long)step / 7, (unsigned long long)step * 0x9e3779b97f4a7c15u);
}

em_status state_write(const em_saved_place *place, int64_t step, size_t n, em_err *err)
{
    static float x[STATE_MOST];
    const em_saved_block blocks[] = { { "weights", x, n }, { "moments", x + n - n / 2, n / 2 } };
    char text[64];

    for (size_t i = 0; i < n; i++)
        x[i] = number(step, i);
    text_of(text, step);
    return em_saved_write(place, &(em_saved_facts){ step, step % 100 == 0, (uint64_t)step * 10, text }, blocks, 2, err);
}

const char *state_fault(em_saved *s, size_t n)
{
    static float x[STATE_MOST];
    const em_saved_facts *facts = em_saved_tell(s);
    char text[64];

    if (em_saved_read(s, "weights", x, n, NULL) != EM_OK)
        return "weights cannot be read";
    for (size_t i = 0; i < n; i++)
        if (x[i] != number(facts->step, i))
            return "weights of another step";
    if (em_saved_read(s, "moments", x, n / 2, NULL) != EM_OK)
        return "moments cannot be read";
    for (size_t i = 0; i < n / 2; i++)
        if (x[i] != number(facts->step, n - n / 2 + i))
            return "moments of another step";
    text_of(text, facts->step);
    if (strcmp(facts->json, text) || facts->log_bytes != (uint64_t)facts->step * 10 || facts->is_finished != (facts->step % 100 == 0))
        return "facts of another step";
    return NULL;
}

static FILE *file_open(const char *dir, const char *name, const char *mode)
{
    char path[512];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return fopen(path, mode);
}

unsigned char *file_read(const char *dir, const char *name, size_t *n)
{
    enum { MOST = 4 << 20 };
    FILE *f = file_open(dir, name, "rb");
    unsigned char *bytes = f ? malloc(MOST) : NULL;

    *n = bytes ? fread(bytes, 1, MOST, f) : 0;
    if (f)
        fclose(f);
    return bytes;
}

void file_write(const char *dir, const char *name, const void *bytes, size_t n)
{
    FILE *f = file_open(dir, name, "wb");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f) != 0) {
        perror(name);
        exit(1);
    }
}

int file_count(const char *dir, const char *part)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    int n = 0;

    while (d && (entry = readdir(d)))
        n += entry->d_name[0] != '.' && strstr(entry->d_name, part);
    if (d)
        closedir(d);
    return n;
}

void folder_remove(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;

    while (d && (entry = readdir(d)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(dir);
}
