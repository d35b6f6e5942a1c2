/* examine.h - what a piece of sound says of the device that it came from: level, clipping, hum of the mains, rate.
 * Plain functions of what they are given; any thread. */
#ifndef EM_AUDIO_EXAMINE_H
#define EM_AUDIO_EXAMINE_H

#include <stddef.h>
#include <stdint.h>

/* dBFS, 0 being a full-scale square wave; both -INFINITY for digital silence and for no sample. */
typedef struct em_level { double rms_dbfs, peak_dbfs; } em_level;

em_level em_examine_level(const float *x, size_t n);

/* Share of the samples, 0..1, that stand in a row of three or more at full scale: one or two a loud sound may have. */
double   em_examine_clipping(const float *x, size_t n);

/* Hum of 50 or 60 Hz, whichever is louder: what stands out at that frequency and its multiples up to the tenth, above what lies beside
 * them, in the median second. A tone at one of the upper ones alone is none. */
typedef struct em_hum {
    double hz;                      /* 50, 60; 0: less than a second of sound, or digital silence         */
    double share;                   /* of the sound's power without its mean, 0..1                        */
    double dbfs;                    /* of the hum                                                         */
} em_hum;

em_hum   em_examine_hum(const float *x, size_t n, int rate_hz);

/* When how many frames had been captured, on one clock. */
typedef struct em_rate_point { uint64_t ns, n_frames; } em_rate_point;

/* Frames a second, by the line of least squares through n points; 0: there is none. Blocks of some hundredths of a second and late looks at
 * them come out in the mean. */
double   em_examine_rate(const em_rate_point *points, int n);

#endif
