/* The one place that knows which kinds of source are in this build. */
#include "audio/sources.h"

#include <stdio.h>
#include <string.h>

extern const em_source_ops em_source_file_ops, em_source_stdin_ops, em_source_url_ops, em_source_synth_ops;

#ifdef EM_HAVE_PORTAUDIO
extern const em_source_ops em_source_portaudio_ops;
#define PORTAUDIO_OPS &em_source_portaudio_ops
#else
#define PORTAUDIO_OPS NULL
#endif

#ifdef EM_HAVE_JACK
extern const em_source_ops em_source_jack_ops;
#define JACK_OPS &em_source_jack_ops
#else
#define JACK_OPS NULL
#endif

const em_source_row em_source_rows[] = {
    { "file",      &em_source_file_ops,  NULL                },
    { "stdin",     &em_source_stdin_ops, NULL                },
    { "url",       &em_source_url_ops,   NULL                },
    { "portaudio", PORTAUDIO_OPS,        "EARMARK_PORTAUDIO" },
    { "jack",      JACK_OPS,             "EARMARK_JACK"      },
    { "synth",     &em_source_synth_ops, NULL                },
};
const int em_source_n_rows = (int)EM_COUNT(em_source_rows);

const em_source_row *em_source_find(const char *kind, em_err *err)
{
    char kinds[120] = "";
    size_t n = 0;

    for (int i = 0; i < em_source_n_rows; i++) {
        const em_source_row *row = &em_source_rows[i];

        if (kind && strcmp(row->kind, kind) == 0) {
            if (row->ops)
                return row;
            em_fail(err, EM_EUNSUPPORTED, "%s is not in this build: configure with -D%s=ON", kind, row->option);
            return NULL;
        }
        if (n < sizeof kinds)
            n += (size_t)snprintf(kinds + n, sizeof kinds - n, "%s%s", i ? ", " : "", row->kind);
    }
    em_fail(err, EM_EINVAL, "no kind of source is called \"%s\": there are %s", kind ? kind : "", kinds);
    return NULL;
}

em_status em_source_list_devices(em_device_visit *visit, void *ctx, em_err *err)
{
    em_status first = EM_OK;
    em_err mine = { EM_OK, "" };

    /* A row that cannot look (no JACK server, say) must not hide the devices of the others. */
    for (int i = 0; i < em_source_n_rows; i++) {
        const em_source_ops *ops = em_source_rows[i].ops;

        if (ops && ops->list && ops->list(visit, ctx, &mine) != EM_OK && first == EM_OK) {
            first = mine.code;
            em_fail(err, mine.code, "%s", mine.msg);
        }
    }
    return first;
}
