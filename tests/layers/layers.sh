#!/bin/sh
# layers.sh ROOT - reads the #include "..." lines of ringbuf/, src/ and gpu/ under ROOT against the list of DESIGN.md:
# who may include whom, downwards only. Prints each line that breaks it; exit 1 if there is one.
set -eu
cd "$1"
files=$(find ringbuf src gpu -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' 2>/dev/null) || true
[ -n "$files" ] || { echo "no sources under $1"; exit 1; }

# shellcheck disable=SC2086
awk '
BEGIN {
    n = split("ringbuf: | base: | ops: | gpu: ops | backend: ops gpu | mel: | audio: | model: ops | sinks: |" \
              "listener: audio/resample.h mel | engine: audio listener model sinks | train: audio mel ops model |" \
              "lib: backend model listener |" \
              "cli: audio backend engine lib listener mel model ops sinks train | src: cli", rows, "|")
    for (i = 1; i <= n; i++) {
        m = split(rows[i], words, " ")
        folder = words[1]; sub(/:$/, "", folder)
        known[folder] = 1
        may[folder, folder] = 1
        if (folder != "ringbuf" && folder != "base")     # what everybody may use
            may[folder, "ringbuf"] = may[folder, "base"] = 1
        for (w = 2; w <= m; w++)
            may[folder, words[w]] = 1
    }
}
FNR == 1 {
    folder = FILENAME; sub(/^src\//, "", folder)
    if (!sub(/\/.*/, "", folder)) folder = "src"         # src/main.c itself
    if (!(folder in known)) { print FILENAME ": no folder of the list"; bad = 1 }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    header = $0; sub(/^[^"]*"/, "", header); sub(/".*/, "", header)
    if (header !~ /\//) next                             # its own folder
    target = header; sub(/\/.*/, "", target)
    if (!((folder, target) in may) && !((folder, header) in may)) {
        print FILENAME ":" FNR ": " folder " may not include " header
        bad = 1
    }
}
END { exit bad }
' $files
