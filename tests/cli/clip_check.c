/* clip_check.c - CLIP SOURCE CHANNEL BEGIN END: is CLIP one channel of 24 bits that holds the samples [BEGIN, END) of SOURCE's CHANNEL (1..)
 * and nothing else, at its rate? Says what is not so. */
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>

static int *read_all(const char *path, SF_INFO *info)
{
    SNDFILE *file;
    int *x;

    *info = (SF_INFO){ 0 };
    if (!(file = sf_open(path, SFM_READ, info))) {
        printf("%s: %s\n", path, sf_strerror(NULL));
        exit(1);
    }
    x = malloc((size_t)(info->frames * info->channels + 1) * sizeof *x);
    if (!x || sf_readf_int(file, x, info->frames) != info->frames)
        exit(1);
    sf_close(file);
    return x;
}

int main(int argc, char **argv)
{
    SF_INFO clip_info, source_info;
    const int *clip, *source;
    long channel, begin, end;

    if (argc != 6)
        return 2;
    clip = read_all(argv[1], &clip_info);
    source = read_all(argv[2], &source_info);
    channel = atol(argv[3]) - 1;
    begin = atol(argv[4]);
    end = atol(argv[5]) < source_info.frames ? atol(argv[5]) : (long)source_info.frames;
    if (clip_info.channels != 1 || clip_info.samplerate != source_info.samplerate || clip_info.format != (SF_FORMAT_FLAC | SF_FORMAT_PCM_24) ||
        clip_info.frames != end - begin) {
        printf("%s: %d channels at %d Hz, %ld samples, not %ld\n", argv[1], clip_info.channels, clip_info.samplerate, (long)clip_info.frames,
               end - begin);
        return 1;
    }
    for (long i = begin; i < end; i++)
        if (clip[i - begin] != source[i * source_info.channels + channel]) {
            printf("%s: sample %ld is %d, not %d\n", argv[1], i, clip[i - begin], source[i * source_info.channels + channel]);
            return 1;
        }
    return 0;
}
