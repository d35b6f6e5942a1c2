/* tag.c - `tag MODEL FILE` prints what sounds in a file, from when to when, as a label track of Audacity. Built with
 *     cc tag.c -o tag $(pkg-config --cflags --libs earmark sndfile) */
#include <earmark.h>
#include <sndfile.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    static float frames[4096 * 64];
    SF_INFO info = { 0 };
    SNDFILE *file = argc == 3 ? sf_open(argv[2], SFM_READ, &info) : NULL;
    earmark_listener_options options;
    earmark_error error = { 0, "tag MODEL FILE: tells the sounds of a file" };
    earmark_model *model = NULL;
    earmark_listener *l = NULL;
    size_t n = 0, at = 0, taken = 0;
    int has_failed, is_done = 0;

    earmark_listener_options_init(&options, sizeof options);
    options.rate_hz = info.samplerate;
    options.channels = info.channels;
    has_failed = !file || earmark_model_open(&model, argv[1], NULL, &error) || earmark_listener_new(&l, model, &options, &error);
    for (; !has_failed && !is_done; at += taken) {
        if (at == n) {
            n = (size_t)sf_readf_float(file, frames, 4096);
            at = taken = 0;
        }
        has_failed = n ? earmark_push_float(l, frames + at * (size_t)info.channels, n - at, &taken, &error) != EARMARK_OK
                       : earmark_finish(l, &is_done, &error) != EARMARK_OK;
        for (const earmark_event *e; !has_failed && (e = earmark_next_event(l));)
            if (e->type == EARMARK_OFFSET)
                printf("%.6f\t%.6f\t%s %.2f\n", e->onset_s, e->offset_s, e->label, e->score);
    }
    if (has_failed)
        fprintf(stderr, "%s\n", error.message);
    earmark_listener_free(l);
    earmark_model_close(model);
    sf_close(file);
    return has_failed;
}
