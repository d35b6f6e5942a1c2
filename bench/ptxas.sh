#!/usr/bin/env bash
# bench/ptxas.sh [RESULTS [ARCH]] - registers, spilled bytes and fixed shared memory of every kernel of gpu/, as ptxas tells
# them: JSON lines in RESULTS/ptxas.jsonl (default bench/results), and those that spill on the screen. Needs nvcc, no GPU.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
results=${1:-bench/results}
arch=${2:-90}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for source in gpu/*.cu; do
    "${NVCC:-nvcc}" -std=c++20 -O3 "-arch=sm_$arch" -Xptxas=-v -Isrc -Igpu -cubin -o "$out/cubin" "$source" 2>&1 | c++filt |
        awk -v file="$(basename "$source")" -v arch="$arch" '
            /Compiling entry function/ { match($0, /\047.*\047 for/); name = substr($0, RSTART + 1, RLENGTH - 6)
                                         sub(/^void /, "", name); sub(/\(.*/, "", name) }
            /spill stores/             { for (i = 2; i <= NF; i++) if ($i == "spill") spilled[$(i + 1)] = $(i - 2) }
            /Used [0-9]+ registers/    { match($0, /Used [0-9]+/); registers = substr($0, RSTART + 5, RLENGTH - 5)
                                         printf "{\"what\":\"ptxas\",\"arch\":%d,\"file\":\"%s\",\"kernel\":\"%s\",", arch, file, name
                                         printf "\"registers\":%d,\"spill_stores\":%d,\"spill_loads\":%d}\n",
                                                registers, spilled["stores,"], spilled["loads"] }'
done > "$results/ptxas.jsonl"
grep -v '"spill_stores":0,' "$results/ptxas.jsonl" || echo "no kernel spills"
echo "$(wc -l < "$results/ptxas.jsonl") kernels in $results/ptxas.jsonl"
