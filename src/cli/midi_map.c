/* midi_map.c - see midi_map.h. */
#include "cli/midi_map.h"

#include "model/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const em_midi_key usual = { .note = EM_MIDI_USUAL_NOTE, .control = -1 };

/* " note 36 channel 10" */
static bool parse_words(em_midi_key *key, const char *text)
{
    static const struct { const char *word; int least, most; } words[] = { { "note", 0, 127 }, { "channel", 1, 16 }, { "cc", 0, 119 } };
    unsigned seen = 0;
    char word[16];
    int value, n;

    for (*key = usual; sscanf(text, " %15s %d%n", word, &value, &n) == 2; text += n) {
        size_t k = 0;

        while (k < EM_COUNT(words) && strcmp(word, words[k].word) != 0)
            k++;
        if (k == EM_COUNT(words) || value < words[k].least || value > words[k].most || (seen & 1u << k) || !strchr(" \t", text[n]))
            return false;
        seen |= 1u << k;
        if (k == 0)
            key->note = (unsigned char)value;
        else if (k == 1)
            key->channel = (unsigned char)(value - 1);
        else
            key->control = (signed char)value;
    }
    return seen != 0 && text[strspn(text, " \t")] == '\0';
}

bool em_parse_midi_map(size_t *n_name, em_midi_key *key, const char *text)
{
    const char *equals = strrchr(text, '=');

    if (!equals || equals == text)
        return false;
    *n_name = (size_t)(equals - text);
    return parse_words(key, equals + 1);
}

bool em_is_midi_map(const char *text)
{
    em_midi_key key;
    size_t n;

    return em_parse_midi_map(&n, &key, text);
}

static em_status set_key(em_midi_key *keys, const char *name, em_midi_key key, const em_known *known, const em_rules *rules, em_err *err)
{
    const em_classes *classes = &known->classes;
    em_status status;
    int c;

    for (int g = 0; g < rules->n_groups; g++)
        if (strcmp(rules->groups[g].name, name) == 0) {
            keys[classes->n + g] = key;
            return EM_OK;
        }
    if (!(status = em_labels_resolve(&c, classes->labels, classes->mids, classes->n, name, err)))
        keys[c] = key;
    return status;
}

em_status em_midi_keys_make(em_midi_key **out, const em_options *o, const em_known *known, const em_rules *rules, em_err *err)
{
    const size_t n = (size_t)known->classes.n + (size_t)rules->n_groups;
    em_status status = EM_OK;

    if (!(*out = malloc((n + 1) * sizeof **out)))
        return em_fail(err, EM_ENOMEM, "no memory for the notes of classes");
    for (size_t i = 0; i < n; i++)
        (*out)[i] = usual;
    for (int i = 0; i < o->midi_map.n && !status; i++) {
        em_midi_key key;
        size_t n_name;
        char *name;

        em_parse_midi_map(&n_name, &key, o->midi_map.list[i]);
        if (!(name = strndup(o->midi_map.list[i], n_name)))
            return em_fail(err, EM_ENOMEM, "no memory for the notes of classes");
        status = set_key(*out, name, key, known, rules, err);
        free(name);
    }
    return status;
}
