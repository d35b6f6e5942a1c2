/* names.c - open addressing over FNV-1a (Fowler, Noll and Vo): see names.h. */
#include "train/names.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *text)
{
    uint64_t h = 14695981039346656037u;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h ^ h >> 32;                             /* the low bits of FNV alone are its weak ones */
}

/* Where text is, or the free slot where it belongs. */
static size_t slot_of(const em_names *names, const char *text)
{
    size_t at = (size_t)hash_of(text) & (names->n_slots - 1);

    while (names->slots[at] != 0 && strcmp(names->text[names->slots[at] - 1], text) != 0)
        at = (at + 1) & (names->n_slots - 1);
    return at;
}

int em_names_find(const em_names *names, const char *text)
{
    return names->n_slots == 0 ? -1 : names->slots[slot_of(names, text)] - 1;
}

static int grow(em_names *names)
{
    const int room = names->room ? 2 * names->room : 64;
    const char **text = room < INT_MAX / 4 ? realloc(names->text, (size_t)room * sizeof *text) : NULL;
    int *slots;

    if (!text)
        return -1;
    names->text = text;
    slots = calloc(4 * (size_t)room, sizeof *slots);
    if (!slots)
        return -1;
    free(names->slots);
    names->slots = slots;
    names->n_slots = 4 * (size_t)room;
    names->room = room;
    for (int i = 0; i < names->n; i++)
        slots[slot_of(names, text[i])] = i + 1;
    return 0;
}

int em_names_add(em_names *names, em_store *store, const char *text)
{
    int i = em_names_find(names, text);

    if (i >= 0)
        return i;
    if (names->n == names->room && grow(names) != 0)
        return -1;
    names->text[names->n] = em_store_text(store, text, strlen(text));
    if (!names->text[names->n])
        return -1;
    names->slots[slot_of(names, text)] = names->n + 1;
    return names->n++;
}

void em_names_deinit(em_names *names)
{
    free(names->text);
    free(names->slots);
    *names = (em_names){ 0 };
}
