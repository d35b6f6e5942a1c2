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
    { .name = "replay", .kind = EM_OPTION_TEXT, .at = AT(replay), .arg = "FILE",
      .help = "make the events again from what --store kept, without sound and model" },
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
      .max = 10000, .help = "classes to list a result, lines of obs" },
    { .name = "threshold", .letter = 't', .kind = EM_OPTION_REAL, .at = AT(threshold), .arg = "P", .fallback = "0", .min = 0,
      .max = 1, .help = "events begin at P, text leaves out scores below; 0: at the model's own thresholds, and none is left out" },
    { .name = "watch", .kind = EM_OPTION_TEXTS, .at = AT(watch), .arg = "CLASS[=P]",
      .help = "list and tell only this class, with its own threshold; repeatable" },
    { .name = "ignore", .kind = EM_OPTION_TEXTS, .at = AT(ignore), .arg = "CLASS",
      .help = "never list or tell this class; repeatable" },
    { .name = "all-classes", .kind = EM_OPTION_FLAG, .at = AT(all_classes),
      .help = "list and tell classes too that the model was not trained on" },
};

static const em_option event_rows[] = {
    { .name = "hysteresis", .kind = EM_OPTION_REAL, .at = AT(hysteresis), .arg = "P", .fallback = "0.15", .min = 0, .max = 1,
      .help = "an event lasts down to P below its threshold, half the threshold at the lowest" },
    { .name = "min-on", .kind = EM_OPTION_REAL, .at = AT(min_on), .arg = "SEC", .fallback = "0.4", .min = 0, .max = 86400,
      .help = "shorter events are not told" },
    { .name = "min-off", .kind = EM_OPTION_REAL, .at = AT(min_off), .arg = "SEC", .fallback = "2", .min = 0, .max = 86400,
      .help = "events of a class that lie no further apart are one" },
    { .name = "group", .kind = EM_OPTION_TEXTS, .at = AT(groups), .arg = "NAME=CLASS", .is_valid = em_is_group,
      .wanted = "NAME=CLASS", .help = "events of NAME while this class or one below it sounds; repeatable" },
    { .name = "tune", .kind = EM_OPTION_TEXTS, .at = AT(tunes), .arg = "NAME:KEY=VALUE", .is_valid = em_is_tuning,
      .wanted = "NAME:KEY=VALUE with a threshold (0.001 to 1), hysteresis (0 to 1), min-on or min-off (0 to 86400 s) or gate (yes, no)",
      .help = "for one class or group: threshold, hysteresis, min-on, min-off, gate; repeatable" },
    { .name = "explain", .kind = EM_OPTION_TEXTS, .at = AT(explain), .arg = "NAME",
      .help = "tell at each result why this class or group is told or not; repeatable" },
};

#define EVENT_FORMATS "audacity, dcase, sed-eval, audioset, vtt, srt, raven, csv or obs"

static const em_option output_rows[] = {
    { .name = "format", .letter = 'f', .kind = EM_OPTION_TEXTS, .at = AT(formats), .arg = "FORMAT", .fallback = NULL,
      .is_valid = em_is_format, .wanted = "text, jsonl, " EVENT_FORMATS,
      .help = "text (default), jsonl, or events alone: " EVENT_FORMATS "; with -o repeatable as pairs" },
    { .name = "output", .letter = 'o', .kind = EM_OPTION_TEXTS, .at = AT(outputs), .arg = "FILE",
      .help = "write there instead of standard output (-)" },
    { .name = "scores", .kind = EM_OPTION_CHOICE, .at = AT(scores), .arg = "[none|top|all]", .fallback = "auto", .bare = "top",
      .choices = "auto|none|top|all", .help = "one record or line a result, with the top classes or all (jsonl); auto: text top, jsonl none" },
    { .name = "slots", .kind = EM_OPTION_FLAG, .at = AT(slots), .help = "scores records hold the time slots of the window too" },
    { .name = "embeddings", .kind = EM_OPTION_FLAG, .at = AT(embeddings), .help = "scores records hold the latent vector too" },
    { .name = "summary", .kind = EM_OPTION_FLAG, .at = AT(summary), .help = "one record a file at its end, in place of scores" },
    { .name = "store", .kind = EM_OPTION_TEXT, .at = AT(store), .arg = "FILE", .help = "keep all scores there, for --replay" },
    { .name = "out-dir", .kind = EM_OPTION_TEXT, .at = AT(out_dir), .arg = "DIR", .help = "one output a file, in this folder" },
    { .name = "time-format", .letter = 'T', .kind = EM_OPTION_CHOICE, .at = AT(time_format), .arg = "FORMAT", .fallback = "clock",
      .choices = "clock|seconds|ms|samples|utc", .help = "text, csv: times as h:mm:ss (csv: seconds), seconds, ms, samples or utc" },
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
    { .name = "rewrite", COMMAND(EM_COMMAND_REWRITE), .arg = "MODEL",
      .help = "write a model file again, -o OUT, with --half, --name, --provenance, --licence, --metrics" },
    { .name = "half", .kind = EM_OPTION_FLAG, .at = AT(half), .help = "--rewrite: matrices as 16-bit floats, half the size" },
    { .name = "metrics", .kind = EM_OPTION_TEXT, .at = AT(metrics), .arg = "JSON", .help = "--rewrite: its figures, in its file" },
    { .name = "bench", COMMAND(EM_COMMAND_BENCH), .help = "measure how fast this machine tags" },
    { .name = "training", .kind = EM_OPTION_FLAG, .at = AT(training), .help = "--bench: a step of training, with --train's options" },
    { .name = "json", .kind = EM_OPTION_FLAG, .at = AT(json), .help = "--bench, --eval: JSON lines" },
    { .name = "train", COMMAND(EM_COMMAND_TRAIN), .help = "train a model on --data, into --out" },
    { .name = "eval", COMMAND(EM_COMMAND_EVAL), .help = "measure a model on --data" },
    { .name = "help", .letter = 'h', COMMAND(EM_COMMAND_HELP), .help = "print this help" },
    { .name = "version", .letter = 'V', COMMAND(EM_COMMAND_VERSION), .help = "print the version and what is built in" },
};

#define TRAIN(field) AT(train.field)
#define FLAG .kind = EM_OPTION_FLAG
#define TEXT .kind = EM_OPTION_TEXT
#define COUNT(least, most) .kind = EM_OPTION_INT, .arg = "N", .min = least, .max = most
#define REAL(least, most) .kind = EM_OPTION_REAL, .arg = "X", .min = least, .max = most

static const em_option train_rows[] = {
    { .name = "data", TEXT, .at = TRAIN(data), .arg = "DIR", .help = "--train, --eval: the data set" },
    { .name = "layout", TEXT, .at = TRAIN(layout), .arg = "NAME", .help = "how the data set is laid out; unset: found out" },
    { .name = "label-set", .kind = EM_OPTION_CHOICE, .at = TRAIN(label_set), .arg = "SET", .fallback = "own", .choices = "own|audioset",
      .help = "classes of the model: the data's own, or AudioSet's 527" },
    { .name = "fold", COUNT(0, 1000), .at = TRAIN(fold), .fallback = "0",
      .help = "--train: the fold that is held out; --eval: the fold to measure; 0: none, all" },
    { .name = "split", .kind = EM_OPTION_CHOICE, .at = TRAIN(split), .arg = "NAME", .fallback = "test", .choices = "test|valid|train",
      .help = "--eval: which clips, where the data names their splits" },
    { .name = "val-split", REAL(0, 0.9), .at = TRAIN(val_split), .fallback = "0",
      .help = "share of the clips to validate on, where the data names none" },
    { .name = "preset", TEXT, .at = AT(preset), .arg = "NAME",
      .help = "--bench, --train: a preset with random weights, not a model file [nano]" },
    { .name = "d-state", COUNT(0, 256), .at = TRAIN(d_state), .fallback = "0", .help = "states of a channel; 0: the preset's" },
    { .name = "gate", FLAG, .at = TRAIN(gate), .help = "gated SS blocks" },
    { .name = "transformer-block", FLAG, .at = TRAIN(transformer_block), .help = "window attention after every SS block" },
    { .name = "init", TEXT, .at = TRAIN(init), .arg = "FILE", .help = "begin with the weights of a model file or a public checkpoint" },
    { .name = "head", .kind = EM_OPTION_CHOICE, .at = TRAIN(head), .arg = "HOW", .fallback = "replace", .choices = "replace|append",
      .help = "--init: a new head for the data's classes, or their classes behind the old ones" },
    { .name = "head-bias", .kind = EM_OPTION_CHOICE, .at = TRAIN(head_bias), .arg = "HOW", .fallback = "random", .choices = "random|prior",
      .help = "a new head's biases: small random numbers, or the log-odds of the classes in the data" },
    { .name = "freeze", FLAG, .at = TRAIN(freeze), .help = "only the head learns" },
    { .name = "out", TEXT, .at = TRAIN(out), .arg = "DIR", .help = "--train: the run's folder" },
    { .name = "resume", FLAG, .at = TRAIN(resume), .help = "go on from the run's last saved state" },
    { .name = "dry-run", FLAG, .at = TRAIN(dry_run), .help = "list classes, counts, unusable files and the time it would take" },
    { .name = "seed", COUNT(0, 2147483647), .at = TRAIN(seed), .fallback = "1", .help = "of all that is random" },
    { .name = "epochs", COUNT(1, 1000000), .at = TRAIN(epochs), .fallback = "60", .help = "how often the data are gone through" },
    { .name = "draws", COUNT(0, 100000000), .at = TRAIN(draws), .fallback = "0", .help = "clips of an epoch; 0: all" },
    { .name = "sampling", .kind = EM_OPTION_CHOICE, .at = TRAIN(sampling), .arg = "HOW", .fallback = "shuffle",
      .choices = "shuffle|htsat|panns|ast|passt", .help = "order of the clips: shuffled, or balanced by class as others do it" },
    { .name = "batch", COUNT(1, 65536), .at = TRAIN(batch), .fallback = "16", .help = "windows of a step, of all processes together" },
    { .name = "micro-batch", COUNT(1, 4096), .at = TRAIN(micro_batch), .fallback = "16", .help = "of them at once in memory; gradients add up" },
    { .name = "train-window", REAL(0, 160), .at = TRAIN(train_window), .fallback = "0", .help = "seconds of a window while training, and for --eval; 0: the model's" },
    { .name = "lr", REAL(0, 10), .at = TRAIN(lr), .fallback = "0.0012", .help = "highest learning rate" },
    { .name = "schedule", .kind = EM_OPTION_CHOICE, .at = TRAIN(schedule), .arg = "HOW", .fallback = "cosine", .choices = "constant|cosine|htsat|audio-mamba",
      .help = "learning rate after the warm-up" },
    { .name = "lr-floor", REAL(0, 10), .at = TRAIN(lr_floor), .fallback = "0", .help = "cosine: learning rate at the end" },
    { .name = "warmup", COUNT(0, 10000000), .at = TRAIN(warmup), .fallback = "100", .help = "steps of the warm-up, a tenth of the run at most" },
    { .name = "weight-decay", REAL(0, 10), .at = TRAIN(weight_decay), .fallback = "0.05", .help = "AdamW's" },
    { .name = "decay-all", FLAG, .at = TRAIN(decay_all), .help = "all parameters decay, as in HTS-AT; else not norms, biases, A, D, dt" },
    { .name = "layer-decay", REAL(0.01, 1), .at = TRAIN(layer_decay), .fallback = "1", .help = "a layer learns slower than the next by this factor" },
    { .name = "clip-norm", REAL(0, 1e9), .at = TRAIN(clip_norm), .fallback = "1", .help = "largest norm of a step's gradient; 0: any" },
    { .name = "ema", REAL(0, 0.999999), .at = TRAIN(ema), .fallback = "0.999", .help = "what the running average of the weights keeps; 0: none" },
    { .name = "average", COUNT(0, 1000), .at = TRAIN(average), .fallback = "0", .help = "the result is the mean of the last N epochs' weights" },
    { .name = "drop-path", REAL(0, 0.9), .at = TRAIN(drop_path), .fallback = "0.1", .help = "chance that the last block is left out; falls to 0 at the first" },
    { .name = "loss", .kind = EM_OPTION_CHOICE, .at = TRAIN(loss), .arg = "KIND", .fallback = "bce", .choices = "bce|ce",
      .help = "each class for itself, or one class a clip: the model's scores are then a softmax" },
    { .name = "label-smoothing", REAL(0, 0.9), .at = TRAIN(label_smoothing), .fallback = "0", .help = "how far targets move towards not knowing" },
    { .name = "kd", TEXT, .at = TRAIN(kd), .arg = "FILE", .help = "a teacher's logits, as --eval --save-logits writes them" },
    { .name = "kd-share", REAL(0, 1), .at = TRAIN(kd_share), .fallback = "0.5", .help = "--kd: share of the loss that is the teacher's" },
    { .name = "place", .kind = EM_OPTION_CHOICE, .at = TRAIN(place), .arg = "WHERE", .fallback = "any", .choices = "any|inside|start|end",
      .help = "where in the window a clip is: anywhere, also cut off; wholly inside; at an end" },
    { .name = "trim", FLAG, .at = TRAIN(trim), .fallback = "yes", .help = "digital silence around a clip is cut off" },
    { .name = "roll", FLAG, .at = TRAIN(roll), .help = "clips are turned round on themselves" },
    { .name = "gain", REAL(0, 60), .at = TRAIN(gain), .fallback = "8", .help = "dB by which clips are louder or quieter" },
    { .name = "empty", REAL(0, 1), .at = TRAIN(empty), .fallback = "0.1", .help = "share of windows without a clip" },
    { .name = "neighbours", REAL(0, 1), .at = TRAIN(neighbours), .fallback = "0.25", .help = "chance of another clip before, and after" },
    { .name = "bed", REAL(0, 1), .at = TRAIN(bed), .fallback = "0.5", .help = "chance of noise under it all" },
    { .name = "bed-high", REAL(-100, 40), .at = TRAIN(bed_high), .fallback = "-20", .help = "the loudest noise, dB in every band" },
    { .name = "alone", .kind = EM_OPTION_TEXTS, .at = TRAIN(alone), .arg = "CLASS",
      .help = "clips of this class are never mixed, joined or put over noise, as silence must not be; repeatable" },
    { .name = "mixup", REAL(0, 1), .at = TRAIN(mixup), .fallback = "0.5", .help = "chance that two windows are mixed" },
    { .name = "mixup-alpha", REAL(0.001, 100), .at = TRAIN(mixup_alpha), .fallback = "0.4", .help = "of the Beta distribution of shares" },
    { .name = "mixup-form", .kind = EM_OPTION_CHOICE, .at = TRAIN(mixup_form), .arg = "FORM", .fallback = "linear", .choices = "linear|power",
      .help = "levels are mixed, or powers as between-class learning does" },
    { .name = "mixup-labels", .kind = EM_OPTION_CHOICE, .at = TRAIN(mixup_labels), .arg = "HOW", .fallback = "mix", .choices = "mix|keep",
      .help = "labels are mixed too, or kept as HTS-AT does" },
    { .name = "mixup-partners", .kind = EM_OPTION_CHOICE, .at = TRAIN(partners), .arg = "HOW", .fallback = "random", .choices = "random|mirror",
      .help = "who is mixed with whom in a batch: anyone, or first with last as HTS-AT does" },
    { .name = "cutmix", REAL(0, 1), .at = TRAIN(cutmix), .fallback = "0", .help = "chance that a window that is not mixed up gets a box of another" },
    { .name = "cutmix-alpha", REAL(0.001, 100), .at = TRAIN(cutmix_alpha), .fallback = "1", .help = "of the Beta distribution of areas" },
    { .name = "cutmix-time", FLAG, .at = TRAIN(cutmix_time), .help = "boxes have all bands" },
    { .name = "mask-time", COUNT(0, 100000), .at = TRAIN(mask_time), .fallback = "64", .help = "SpecAugment: two stripes of less than N frames; 0: none" },
    { .name = "mask-mel", COUNT(0, 512), .at = TRAIN(mask_mel), .fallback = "8", .help = "SpecAugment: two stripes of less than N bands; 0: none" },
    { .name = "unknown", REAL(0, 1), .at = TRAIN(unknown), .fallback = "1", .help = "weight of classes that a clip's labels do not name" },
    { .name = "save-steps", COUNT(0, 100000000), .at = TRAIN(save_steps), .fallback = "0", .help = "a state every N steps, not only after epochs" },
    { .name = "keep", COUNT(1, 1000), .at = TRAIN(keep), .fallback = "2", .help = "states that are kept" },
    { .name = "validate", COUNT(0, 1000000), .at = TRAIN(valid_epochs), .fallback = "1", .help = "validate every N epochs; 0: never" },
    { .name = "cache-mb", COUNT(0, 100000000), .at = TRAIN(cache_mb), .fallback = "0", .help = "memory for frames; 0: as much as they need" },
    { .name = "name", TEXT, .at = TRAIN(name), .arg = "TEXT", .help = "--train, --rewrite: of the model, in its file" },
    { .name = "provenance", TEXT, .at = TRAIN(provenance), .arg = "TEXT", .help = "--train, --rewrite: what it was trained on, in its file" },
    { .name = "licence", TEXT, .at = TRAIN(licence), .arg = "TEXT", .help = "--train, --rewrite: of the model, in its file" },
    { .name = "predictions", TEXT, .at = TRAIN(predictions), .arg = "FILE", .help = "--eval: every clip's scores, as JSON Lines" },
    { .name = "save-logits", TEXT, .at = TRAIN(save_logits), .arg = "FILE", .help = "--eval: logits for --kd" },
    { .name = "plot", TEXT, .at = TRAIN(plot), .arg = "PREFIX", .help = "pictures, .svg and .png; --eval: PREFIX-pr, PREFIX-confusion; --train: PREFIX-training" },
    { .name = "thresholds", TEXT, .at = TRAIN(thresholds), .arg = "OUT", .help = "--eval: the model with thresholds of this data, as a new file" },
    { .name = "wanted-precision", REAL(0, 1), .at = TRAIN(wanted_precision), .fallback = "0", .help = "--thresholds: the lowest that is so precise; 0: the best F1" },
};

#define SECTION(title, rows, has_keys) { title, rows, (int)EM_COUNT(rows), has_keys }

static const em_option_section sections[] = {
    SECTION("Input", input_rows, true),       SECTION("Model", model_rows, true),
    SECTION("Selection", choice_rows, true),  SECTION("Events", event_rows, true),
    SECTION("Output", output_rows, true),     SECTION("Training", train_rows, true),
    SECTION("Commands", command_rows, false),
};

const em_option_section *em_options_section(int i)
{
    return i >= 0 && (size_t)i < EM_COUNT(sections) ? &sections[i] : NULL;
}
