/* text.h - names from models, label files and devices are hostile text; here they are made harmless. */
#ifndef EM_BASE_TEXT_H
#define EM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character at s (1 to 4), 0 when it is not strict UTF-8 (overlong, surrogate, above
 * U+10FFFF, cut off). s is NUL-terminated; the NUL itself answers 1. */
size_t em_utf8_length(const char *s);

/* Strict UTF-8 throughout and no NUL among the n bytes. */
bool em_utf8_valid(const char *s, size_t n);

/* Copies s into out without control characters (C0, DEL, C1: terminals obey them) and without broken UTF-8,
 * each replaced by one '?'; cuts at a character. Always NUL-terminated. Returns out. */
char *em_text_clean(char *out, size_t room, const char *s);

/* Lower case, each run of other than [a-z0-9] becomes one '_', trimmed at both ends. Returns out. */
char *em_slug(char *out, size_t room, const char *s);

/* What one level of a topic or address can be called: letters, digits and '-' stay, each run of others is one '_'; "" where nothing is
 * left. Cut to room - 1. Returns out. */
char *em_text_level(char *out, size_t room, const char *s);

/* Edit distance of two strings, neighbours changed about being one edit, letters compared without case; for "did you mean". At most 127 characters
 * of each are looked at. */
int em_text_distance(const char *a, const char *b);

/* Whether `name` is nearer to what was wanted than all that were asked about before, and near enough to be meant. *best is 0 at first. */
bool em_text_is_nearer(int *best, const char *wanted, const char *name);

#endif
