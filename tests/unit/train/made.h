/* made.h - small data sets made for a test: a temporary folder, text files and short sounds in it. */
#ifndef EM_TESTS_UNIT_TRAIN_MADE_H
#define EM_TESTS_UNIT_TRAIN_MADE_H

#include <stddef.h>

/* A new empty folder under /tmp; made_remove takes it away with all that is in it. */
char *made_folder(void);
void  made_remove(char *folder);

/* folder/name, valid until the next eight calls. */
const char *made_path(const char *folder, const char *name);

/* A file with this text; folders on its way are made. */
void made_text(const char *folder, const char *name, const char *text);

/* A mono 16-bit WAV of a tone, n samples at rate_hz. */
void made_sound(const char *folder, const char *name, int rate_hz, size_t n);

/* A float WAV of these frames. */
void made_wave(const char *folder, const char *name, int rate_hz, int n_channels, const float *frames, size_t n);

#endif
