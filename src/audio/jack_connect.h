/* jack_connect.h - which outputs of a JACK graph are connected to our inputs, and when. Private to src/audio.
 *
 *   no globs    the k-th physical capture port feeds in_k; those beyond our last input stay away
 *   globs       the k-th port that fits (glob by glob, then by JACK's order) feeds in_((k-1) mod n + 1), so
 *               that one input hears all of them
 *
 * At first all are connected; later only ports that were registered since, so that what a person has taken
 * apart stays apart. */
#ifndef EM_AUDIO_JACK_CONNECT_H
#define EM_AUDIO_JACK_CONNECT_H

#include <jack/jack.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { EM_JACK_NEWS = 256 };

/* Ports that appeared: written by the notification thread, read by the helper. */
typedef struct em_jack_news {
    jack_port_id_t   ids[EM_JACK_NEWS];
    _Atomic uint32_t n_written;
    uint32_t         n_read;
} em_jack_news;

void em_jack_news_add(em_jack_news *news, jack_port_id_t id);
bool em_jack_news_waits(const em_jack_news *news);

/* Helper thread, client active. Reads the news. */
void em_jack_connect(jack_client_t *client, jack_port_t *const *inputs, uint32_t n_inputs, const char *const *globs,
                     int n_globs, em_jack_news *news, bool is_first);

#endif
