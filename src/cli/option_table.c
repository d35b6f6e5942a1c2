/* option_table.c - the options. Only what works is here; the order is that of --help. */
#include "cli/options.h"

#include "cli/option_text.h"

#include <stddef.h>

#define AT(field) offsetof(em_options, field)

static const em_option input_rows[] = {
    { .name = "input", .letter = 'i', .kind = EM_OPTION_TEXTS, .at = AT(inputs), .arg = "FILE",
      .help = "sound file, or - for standard input; same as an operand; repeatable" },
    { .name = "raw", .kind = EM_OPTION_CHOICE, .at = AT(raw), .arg = "FORMAT", .choices = "s16le|f32le",
      .help = "standard input is raw samples: s16le or f32le (otherwise WAV, or s16le without a header)" },
    { .name = "rate", .kind = EM_OPTION_INT, .at = AT(rate), .arg = "HZ", .fallback = "32000", .min = 1000, .max = 768000,
      .help = "sample rate of raw input" },
    { .name = "channels", .kind = EM_OPTION_INT, .at = AT(channels), .arg = "N", .fallback = "1", .min = 1, .max = 64,
      .help = "channels of raw input; ports of the JACK client" },
    { .name = "device", .letter = 'D', .kind = EM_OPTION_TEXT, .at = AT(device), .arg = "NAME",
      .help = "microphone: part of its name, or its number (see --list-devices)" },
    { .name = "channel", .kind = EM_OPTION_TEXT, .at = AT(channel), .arg = "N|mix|each", .fallback = "1",
      .is_valid = em_is_channel, .wanted = "a channel from 1 to 64, mix or each",
      .help = "which channel to hear: one, their mean, or each for itself" },
    { .name = "jack", .letter = 'j', .kind = EM_OPTION_FLAG, .at = AT(jack), .help = "be a JACK client" },
    { .name = "jack-name", .kind = EM_OPTION_TEXT, .at = AT(jack_name), .arg = "NAME", .fallback = "earmark",
      .is_valid = em_is_jack_name, .wanted = "1 to 63 characters without ':'", .help = "name of the JACK client" },
    { .name = "jack-server", .kind = EM_OPTION_TEXT, .at = AT(jack_server), .arg = "NAME",
      .help = "JACK server to connect to; none is ever started" },
    { .name = "connect", .kind = EM_OPTION_TEXTS, .at = AT(connect), .arg = "GLOB",
      .help = "JACK ports to listen to; repeatable (default: the physical captures)" },
    { .name = "no-connect", .kind = EM_OPTION_FLAG, .at = AT(no_connect), .help = "leave the JACK ports unconnected" },
    { .name = "jack-wait", .kind = EM_OPTION_WAIT, .at = AT(jack_wait), .arg = "[SEC]", .fallback = "no", .bare = "yes",
      .help = "wait for the JACK server, at most SEC seconds" },
    { .name = "wait", .kind = EM_OPTION_WAIT, .at = AT(wait), .arg = "[SEC]", .fallback = "no", .bare = "yes",
      .help = "wait for an absent device or server, at most SEC seconds" },
    { .name = "realtime", .kind = EM_OPTION_FLAG, .at = AT(realtime), .help = "play files at their own pace" },
    { .name = "live", .kind = EM_OPTION_FLAG, .at = AT(live), .help = "treat a pipe as a device that cannot wait" },
    { .name = "duration", .kind = EM_OPTION_REAL, .at = AT(duration), .arg = "SEC", .fallback = "0", .min = 0, .max = 1e9,
      .help = "stop after SEC seconds of sound; 0: never" },
    { .name = "start-time", .kind = EM_OPTION_TEXT, .at = AT(start_time), .arg = "UTC", .is_valid = em_is_utc,
      .wanted = "a time like 2026-05-01T04:30:00Z", .help = "wall clock at a file's first sample (YYYY-MM-DDThh:mm:ss[.sss]Z)" },
    { .name = "shard", .kind = EM_OPTION_TEXT, .at = AT(shard), .arg = "I/N", .is_valid = em_is_shard,
      .wanted = "I/N with 1 <= I <= N <= 1000000", .help = "of the files given, only every N-th, beginning with the I-th" },
};

static const em_option model_rows[] = {
    { .name = "model", .letter = 'm', .kind = EM_OPTION_TEXT, .at = AT(model), .arg = "FILE|NAME", .fallback = "nano",
      .help = "model file, or the name of an installed one" },
    { .name = "labels", .kind = EM_OPTION_TEXT, .at = AT(labels), .arg = "CSV",
      .help = "class names in place of the model's: index,mid,display_name" },
    { .name = "backend", .kind = EM_OPTION_CHOICE, .at = AT(backend), .arg = "NAME", .fallback = "auto",
      .choices = "auto|cpu|cuda", .help = "what computes: auto, cpu or cuda" },
    { .name = "precision", .kind = EM_OPTION_CHOICE, .at = AT(precision), .arg = "TYPE", .fallback = "auto",
      .choices = "auto|fp32|fp16", .help = "numbers in matrix products: fp32, fp16 (GPU), or auto: what the backend does best" },
    { .name = "threads", .kind = EM_OPTION_INT, .at = AT(threads), .arg = "N", .fallback = "0", .min = 0, .max = 256,
      .help = "threads that compute; 0: one a processor" },
    { .name = "step", .kind = EM_OPTION_REAL, .at = AT(step), .arg = "SEC", .fallback = "1", .min = 0.01, .max = 3600,
      .is_valid = em_is_step, .wanted = "a multiple of 0.01 from 0.01 to 3600", .help = "seconds from one result to the next" },
    { .name = "window", .kind = EM_OPTION_REAL, .at = AT(window), .arg = "SEC", .fallback = "0", .min = 0, .max = 160,
      .help = "seconds that one result looks back; 0: as the model was made" },
};

static const em_option choice_rows[] = {
    { .name = "top-k", .letter = 'k', .kind = EM_OPTION_INT, .at = AT(top_k), .arg = "N", .fallback = "5", .min = 1,
      .max = 10000, .help = "classes to list a result" },
    { .name = "threshold", .letter = 't', .kind = EM_OPTION_REAL, .at = AT(threshold), .arg = "P", .fallback = "0", .min = 0,
      .max = 1, .help = "text: leave out scores below P" },
    { .name = "watch", .kind = EM_OPTION_TEXTS, .at = AT(watch), .arg = "CLASS[=P]",
      .help = "list only this class, with its own threshold; repeatable" },
    { .name = "ignore", .kind = EM_OPTION_TEXTS, .at = AT(ignore), .arg = "CLASS",
      .help = "never list this class; repeatable" },
};

static const em_option output_rows[] = {
    { .name = "format", .letter = 'f', .kind = EM_OPTION_TEXTS, .at = AT(formats), .arg = "FORMAT", .fallback = NULL,
      .is_valid = em_is_format, .wanted = "text or jsonl", .help = "text (default) or jsonl; with -o repeatable as pairs" },
    { .name = "output", .letter = 'o', .kind = EM_OPTION_TEXTS, .at = AT(outputs), .arg = "FILE",
      .help = "write there instead of standard output (-)" },
    { .name = "scores", .kind = EM_OPTION_CHOICE, .at = AT(scores), .arg = "[top|all]", .fallback = "none", .bare = "top",
      .choices = "none|top|all", .help = "jsonl: one scores record a result, with the top classes or all" },
    { .name = "slots", .kind = EM_OPTION_FLAG, .at = AT(slots), .help = "scores records hold the time slots of the window too" },
    { .name = "embeddings", .kind = EM_OPTION_FLAG, .at = AT(embeddings), .help = "scores records hold the latent vector too" },
    { .name = "summary", .kind = EM_OPTION_FLAG, .at = AT(summary), .help = "one record a file at its end, in place of scores" },
    { .name = "out-dir", .kind = EM_OPTION_TEXT, .at = AT(out_dir), .arg = "DIR", .help = "one output a file, in this folder" },
    { .name = "time-format", .letter = 'T', .kind = EM_OPTION_CHOICE, .at = AT(time_format), .arg = "FORMAT", .fallback = "clock",
      .choices = "clock|seconds|ms|samples|utc", .help = "text: times as h:mm:ss, seconds, ms, samples or utc" },
    { .name = "color", .kind = EM_OPTION_CHOICE, .at = AT(color), .arg = "WHEN", .fallback = "auto",
      .choices = "auto|always|never", .help = "colour: auto (on a terminal, unless NO_COLOR), always or never" },
    { .name = "progress", .kind = EM_OPTION_CHOICE, .at = AT(progress), .arg = "HOW", .fallback = "auto",
      .choices = "auto|jsonl|never", .help = "how far files are, on stderr: auto (a line), jsonl (records) or never" },
    { .name = "quiet", .letter = 'q', .kind = EM_OPTION_FLAG, .at = AT(quiet), .help = "no messages but errors" },
    { .name = "verbose", .letter = 'v', .kind = EM_OPTION_COUNT, .at = AT(verbose), .help = "tell more of a run; twice: where all comes from, too" },
};

#define COMMAND(number) .kind = EM_OPTION_COMMAND, .at = AT(subject), .min = number

static const em_option command_rows[] = {
    { .name = "config", .letter = 'c', .kind = EM_OPTION_TEXT, .at = AT(config), .arg = "FILE", .help = "read this configuration file too" },
    { .name = "print-config", COMMAND(EM_COMMAND_PRINT_CONFIG), .help = "print every option with the value it has" },
    { .name = "list-devices", COMMAND(EM_COMMAND_LIST_DEVICES), .help = "list the microphones and JACK ports" },
    { .name = "list-classes", COMMAND(EM_COMMAND_LIST_CLASSES), .help = "list the model's classes as CSV" },
    { .name = "inspect", COMMAND(EM_COMMAND_INSPECT), .arg = "MODEL", .help = "print what a model file says of itself" },
    { .name = "import", COMMAND(EM_COMMAND_IMPORT), .arg = "FILE", .help = "turn a checkpoint (safetensors, .pth, .ckpt) into a model file, -o OUT" },
    { .name = "mean-embed", .kind = EM_OPTION_FLAG, .at = AT(mean_embed), .help = "--import: average three input planes, not sum them" },
    { .name = "bench", COMMAND(EM_COMMAND_BENCH), .help = "measure how fast this machine tags" },
    { .name = "preset", .kind = EM_OPTION_TEXT, .at = AT(preset), .arg = "NAME", .help = "--bench: a preset with random weights, not a model file" },
    { .name = "json", .kind = EM_OPTION_FLAG, .at = AT(json), .help = "--bench: JSON lines" },
    { .name = "help", .letter = 'h', COMMAND(EM_COMMAND_HELP), .help = "print this help" },
    { .name = "version", .letter = 'V', COMMAND(EM_COMMAND_VERSION), .help = "print the version and what is built in" },
};

#define SECTION(title, rows, has_keys) { title, rows, (int)EM_COUNT(rows), has_keys }

static const em_option_section sections[] = {
    SECTION("Input", input_rows, true),       SECTION("Model", model_rows, true),
    SECTION("Selection", choice_rows, true),  SECTION("Output", output_rows, true),
    SECTION("Commands", command_rows, false),
};

const em_option_section *em_options_section(int i)
{
    return i >= 0 && (size_t)i < EM_COUNT(sections) ? &sections[i] : NULL;
}
