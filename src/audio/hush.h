/* hush.h - keeps ALSA and JACK from talking on stderr, and repeats what they said when opening fails.
 *
 * Both libraries print dozens of lines for every device that is not there. Their handlers belong to the
 * process, so what is kept is one text for all sources: the last 2 kB. Any thread but the audio callback. */
#ifndef EM_AUDIO_HUSH_H
#define EM_AUDIO_HUSH_H

/* Installs the handlers of the libraries that are linked; forgets what was kept. Before every first call into
 * a sound library: PortAudio replaces JACK's handler by its own. */
void em_hush(void);

/* Logs what was kept, a line each, at level INFO. */
void em_hush_replay(void);

#endif
