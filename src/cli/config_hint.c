/* config_hint.c - see config_hint.h. */
#include "cli/config_hint.h"

#include "base/text.h"
#include "lib/settings.h"

#include <stdio.h>
#include <string.h>

enum { KEY_BYTES = 64 };

bool em_config_has_key(const em_option *row)
{
    const em_option_section *section;

    for (int s = 0; (section = em_options_section(s)); s++)
        if (section->has_keys && row >= section->rows && row < section->rows + section->n)
            return true;
    return false;
}

const char *em_config_main_key(const char *part)
{
    return strcmp(part, "http") == 0 ? "address" : strcmp(part, "jack") == 0 ? "client" : "url";
}

/* That of `names` which is nearest, "" when none is near. */
static const char *nearest_of(const char *const *names, size_t n, const char *name)
{
    const char *nearest = "";
    int best = 0;

    for (size_t i = 0; i < n; i++)
        if (em_text_is_nearer(&best, name, names[i]))
            nearest = names[i];
    return nearest;
}

/* Of the keys that a part's section has, without its name; "": none is near. */
static const char *nearest_of_part(const char *part, const char *key)
{
    const char *nearest = "";
    const em_option_section *section;
    const size_t n = strlen(part);
    int best = 0;

    for (int s = 0; (section = em_options_section(s)); s++)
        for (int i = 0; section->has_keys && i < section->n; i++) {
            const char *name = section->rows[i].name;
            const char *inside = strcmp(name, part) == 0 ? em_config_main_key(part)
                               : strncmp(name, part, n) == 0 && name[n] == '-' ? name + n + 1 : NULL;

            if (inside && em_text_is_nearer(&best, key, inside))
                nearest = inside;
        }
    return nearest;
}

/* "; the nearest is 'x'", or what there is in its place. */
static void put_nearest(char *out, size_t room, const char *nearest, const char *others)
{
    const size_t n = strlen(out);

    snprintf(out + n, room - n, *nearest ? "; the nearest is '%s'" : "; %s", *nearest ? nearest : others);
}

char *em_config_hint_key(char *out, size_t room, const char *key, const char *part, const char *section)
{
    const em_option *row = em_options_find(key), *near = em_options_find(em_options_nearest(key));
    const size_t n_part = part ? strlen(part) : 0;
    char clean[KEY_BYTES];

    em_text_clean(clean, sizeof clean, key);
    if (row && !em_config_has_key(row))
        snprintf(out, room, "'%s' is for the command line alone", clean);
    else if (row && part && strcmp(key, part) == 0)
        snprintf(out, room, "in [%s] '%s' is called '%s'", part, clean, em_config_main_key(part));
    else if (row && part && strncmp(key, part, n_part) == 0 && key[n_part] == '-')
        snprintf(out, room, "in [%s] '%s' is called '%s'", part, clean, key + n_part + 1);
    else if (row)
        snprintf(out, room, "'%s' is not of [%s]: it belongs before the first section", clean, section);
    else {
        snprintf(out, room, part ? "unknown key '%s' in [%s]" : "unknown key '%s'", clean, part);
        put_nearest(out, room, part ? nearest_of_part(part, key) : near && em_config_has_key(near) ? near->name : "",
                    "--print-config lists them all");
    }
    return out;
}

char *em_config_hint_tuning(char *out, size_t room, const char *key, bool is_group, const char *section)
{
    const char *names[8];
    char clean[KEY_BYTES];
    size_t n = 0;

    if (em_options_find(key) && em_config_has_key(em_options_find(key)))
        return em_config_hint_key(out, room, key, NULL, section);
    while (n + 1 < EM_COUNT(names) && (names[n] = em_tuning_key((int)n, NULL)))
        n++;
    if (is_group)
        names[n++] = "class";
    snprintf(out, room, "unknown key '%s' in [%s]", em_text_clean(clean, sizeof clean, key), section);
    put_nearest(out, room, nearest_of(names, n, key), is_group ? "there are threshold, hysteresis, min-on, min-off, gate, class"
                                                               : "there are threshold, hysteresis, min-on, min-off, gate");
    return out;
}

char *em_config_hint_section(char *out, size_t room, const char *kind)
{
    static const char *const all[] = { "class", "group", "mqtt", "osc", "http", "source", "jack", "midi" };
    const char *nearest = nearest_of(all, EM_COUNT(all), kind);
    char clean[KEY_BYTES];

    em_text_clean(clean, sizeof clean, kind);
    if (*nearest)
        snprintf(out, room, "unknown section [%s]; the nearest is [%s]", clean, nearest);
    else
        snprintf(out, room, "unknown section [%s]; there are [class \"NAME\"], [group \"NAME\"], [jack], [midi], [mqtt], [osc] and [http]", clean);
    return out;
}
