/* chatter.c - a sound library that talks: by ALSA's handler, and by JACK's two. */
#include <stddef.h>

typedef void alsa_handler(const char *file, int line, const char *function, int code, const char *fmt, ...);
typedef void jack_handler(const char *line);

int  snd_lib_error_set_handler(alsa_handler *handler);
void jack_set_error_function(jack_handler *handler);
void jack_set_info_function(jack_handler *handler);
void chatter_talk(void);

static alsa_handler *on_alsa;
static jack_handler *on_error, *on_info;

int snd_lib_error_set_handler(alsa_handler *handler)
{
    on_alsa = handler;
    return 0;
}

void jack_set_error_function(jack_handler *handler)
{
    on_error = handler;
}

void jack_set_info_function(jack_handler *handler)
{
    on_info = handler;
}

void chatter_talk(void)
{
    if (on_alsa)
        on_alsa("pcm.c", 1, "snd_pcm_open", 0, "alsa: no card %d", 0);
    if (on_error)
        on_error("jack: no server");
    if (on_info)
        on_info("jack: all is well");
}
