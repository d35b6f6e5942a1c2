/* transcript.h - all that a listener of libearmark tells of a sound, byte after byte, so that two may be compared. */
#ifndef EM_TESTS_TRANSCRIPT_H
#define EM_TESTS_TRANSCRIPT_H

#include "lib/earmark.h"

typedef struct transcript {
    char  *bytes;                   /* doubles, floats and strings in the order in which they were told; ends with free() */
    size_t n, room;
    int    n_hops, n_onsets, n_offsets;
    double last_s;                  /* time of the last hop                                          */
} transcript;

typedef struct sound {              /* either floats or integers                                     */
    const float   *floats;
    const int16_t *integers;
    size_t         n_frames;
    int            n_channels;
} sound;

/* Pushes the sound in chunks, then finishes, with the listener freed. False: a call failed, which *error tells. */
int  transcript_of(transcript *out, earmark_model *model, const earmark_listener_options *o, const sound *s, size_t chunk, earmark_error *error);

/* What of a hop's scores a transcript has. */
void transcript_add(transcript *t, const void *bytes, size_t n);

#endif
