/* peer.h - sound servers of a test's own: started and stopped by it, under private names and in a private folder.
 *
 * Every wait has a limit; at the end of the program everything that was started is killed and the folder is gone. */
#ifndef EM_TESTS_PEER_H
#define EM_TESTS_PEER_H

#include "audio/source.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes the private folder and points HOME, XDG_RUNTIME_DIR, the PulseAudio and the JACK environment to it, so
 * that no server of the machine is ever touched. Exit 77 when a program is missing. */
void peer_begin(const char *const *programs, int n_programs);
const char *peer_folder(void);
const char *peer_jack_name(void);           /* private server name                              */

/* Starts argv with its output in FOLDER/<argv[0]>.log; its pid. peer_kill waits for its end. */
pid_t peer_start(const char *const *argv);
void  peer_kill(pid_t pid, int signal);
int   peer_run(const char *const *argv);    /* to its end, at most 10 s; exit status            */

/* JACK: the dummy driver; returns when the server answers. */
pid_t peer_jackd(int rate_hz, int period);

/* PulseAudio with a null sink "em" at 48 kHz; returns when it answers. The default ALSA device becomes its
 * default source, the sink's monitor. */
pid_t peer_pulse(void);

/* Polls and takes until the source is in that state (its frames are thrown away); seconds waited, or
 * negative after limit_s. */
double peer_wait_state(em_source *s, em_source_state state, double limit_s);

int peer_count_threads(void);
int peer_count_fds(void);

/* Threads of a program that does nothing; a sanitizer has one of its own, which comes with the first other. */
int peer_count_threads_alone(void);

#endif
