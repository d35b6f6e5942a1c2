/* hush.h - keeps ALSA and JACK from talking on stderr; what they said before opening failed can be asked for (-v).
 *
 * Both libraries print dozens of lines for every device that is not there. Their handlers belong to the
 * process, so what is kept is one text for all sources: the last 2 kB. Any thread but the audio callback. */
#ifndef EM_AUDIO_HUSH_H
#define EM_AUDIO_HUSH_H

typedef void em_hush_function(void);        /* of any type: to be cast */

/* Installs the handlers of the library that `function` is of, and of those that it brings along; forgets what was kept. Before every
 * first call into a sound library: PortAudio replaces JACK's handler by its own. */
void em_hush(em_hush_function *function);

/* PortAudio as Debian builds it prints "Expression '...' failed" by fprintf(stderr) and has no handler: four lines
 * for every failed call, for ever while a lost device is looked for. This puts a filter into `stderr` that keeps
 * them like the rest and passes everything else to descriptor 2. For good: fileno(stderr) is -1 from then on. */
void em_hush_stderr(void);

/* Logs what was kept, a line each, at level DEBUG: the error itself is one sentence. */
void em_hush_replay(void);

#endif
