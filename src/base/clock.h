/* clock.h - monotonic and wall time, and polite waiting. Any thread but the audio callback. */
#ifndef EM_BASE_CLOCK_H
#define EM_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t em_now_ns(void);           /* monotonic; never jumps                                   */
int64_t  em_wall_ms(void);          /* Unix time in ms; may jump                                */
void     em_sleep_ms(double ms);    /* whole sleep, also across signals                         */

enum { EM_UTC_CHARS = 25 };

/* YYYY-MM-DDThh:mm:ss.sssZ and a NUL. Times outside the years 0 to 9999 are written as the nearest inside. */
void em_utc_text(char out[EM_UTC_CHARS], int64_t wall_ms);

#endif
