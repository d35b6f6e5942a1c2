/* tag.c - prints what sounds in a file, from when to when, as a label track of Audacity. Built with
 *     cc tag.c -o tag $(pkg-config --cflags --libs earmark sndfile)
 * and run as ./tag MODEL FILE. */
#include <earmark.h>
#include <sndfile.h>
#include <stdio.h>

static void print_events(earmark_listener *l)
{
    const earmark_event *e;

    while ((e = earmark_next_event(l)))
        if (e->type == EARMARK_OFFSET)
            printf("%.6f\t%.6f\t%s %.2f\n", e->onset_s, e->offset_s, e->label, e->score);
}

int main(int argc, char **argv)
{
    SF_INFO info = { 0 };
    SNDFILE *file = argc == 3 ? sf_open(argv[2], SFM_READ, &info) : NULL;
    earmark_listener_options options;
    earmark_error error = { 0, "tag MODEL FILE: tells the sounds of a file" };
    earmark_model *model = NULL;
    earmark_listener *l = NULL;
    static float frames[4096 * 64];
    size_t n, at, taken;
    int is_done = 0;

    earmark_listener_options_init(&options, sizeof options);
    options.rate_hz = info.samplerate;
    options.channels = info.channels;
    if (!file || earmark_model_open(&model, argv[1], NULL, &error) || earmark_listener_new(&l, model, &options, &error))
        goto done;
    while ((n = (size_t)sf_readf_float(file, frames, 4096)) > 0)
        for (at = 0; at < n; at += taken, print_events(l))
            if (earmark_push_float(l, frames + at * (size_t)info.channels, n - at, &taken, &error))
                goto done;
    for (; !is_done; print_events(l))
        if (earmark_finish(l, &is_done, &error))
            goto done;
done:
    if (!is_done)
        fprintf(stderr, "%s\n", error.message);
    earmark_listener_free(l);
    earmark_model_close(model);
    sf_close(file);
    return is_done ? 0 : 1;
}
