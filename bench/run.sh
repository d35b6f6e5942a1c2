#!/usr/bin/env bash
# bench/run.sh [part...] - measures this machine, earmark and its peers, and prints one table (bench/table.py).
#
# Parts, all unless named: gemm earmark torch onnx train sinks. Every measurement is one JSON line in bench/results/PART.jsonl, which a run
# of that part replaces. Needs a build with -DEARMARK_BENCH=ON, as `make bench` makes it; nothing else should be running.
# EARMARK, GEMM, RESULTS and RECORD name another program, another gemm, another folder and another page.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
earmark=${EARMARK:-build/earmark}
gemm=${GEMM:-build/bench/gemm}
results=${RESULTS:-bench/results}
python=build/peers-venv/bin/python
presets=(tiny micro nano dass-small)
mkdir -p "$results"

describe_machine() {
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    printf '{"machine":"%s","cpus":%s,"memory_mb":%s,"kernel":"%s","commit":"%s","date":"%s"}\n' "${cpu:-$(uname -m)}" "$(nproc)" \
        "$(($(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo) / 1024))" "$(uname -r)" \
        "$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" "$(date -u +%F)"
}

# One measurement that fails is reported and does not stop the others.
measure() {
    timeout 300 "$@" || echo "bench/run.sh: failed: $*" >&2
}

# The fastest of three runs, by their median window: on shared machines whole minutes are slow.
fastest() {
    for _ in 1 2 3; do
        measure "$@"
    done | python3 -c 'import json, sys
runs = [json.loads(line) for line in sys.stdin]
if runs:
    print(json.dumps(min(runs, key=lambda r: r["window_ms"]), separators=(",", ":")))'
}

run_gemm() {
    measure "$gemm"
}

run_earmark() {
    for preset in "${presets[@]}"; do
        for threads in 1 2; do
            fastest "$earmark" --bench --preset "$preset" --threads "$threads" --json
        done
    done
    for seconds in 20 40 80 160; do
        measure "$earmark" --bench --preset nano --threads 2 --window "$seconds" --json
    done
}

# The best variant with one thread and with two; the others, which lose, with two. VARIANTS: only these, with two.
run_torch() {
    for preset in "${presets[@]}"; do
        measure "$python" bench/peers/torch_audiomamba.py --preset "$preset" --threads 1 --variant cpp-jit
        for variant in ${VARIANTS:-cpp-jit compile cpp chunked}; do
            measure "$python" bench/peers/torch_audiomamba.py --preset "$preset" --threads 2 --variant "$variant" 2>/dev/null
        done
    done
}

# Steps of training: windows of 10 s and of 5 s (WINDOWS: others), one thread and two; the peer that loses, with two.
run_train() {
    for preset in nano tiny; do
        batch=$([ $preset = nano ] && echo 16 || echo 4)
        for seconds in ${WINDOWS:-10 5}; do
            for threads in 1 2; do
                fastest "$earmark" --bench --training --preset "$preset" --batch "$batch" --train-window "$seconds" --threads "$threads" --json
                measure "$python" bench/peers/torch_training.py --preset "$preset" --batch "$batch" --window "$seconds" --threads "$threads" \
                    --variant compile 2>/dev/null
            done
            measure "$python" bench/peers/torch_training.py --preset "$preset" --batch "$batch" --window "$seconds" --threads 2 \
                --variant cpp 2>/dev/null
        done
    done
}

run_onnx() {
    for network in ort_mn10 ort_yamnet; do
        for threads in 1 2; do
            measure "$python" "bench/peers/$network.py" --threads "$threads"
        done
    done
}

# Hops with no output and with all of them, two hung; 10 minutes.
run_sinks() {
    python3 bench/sinks.py --blocks 5 --seconds 60
}

parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(gemm earmark torch onnx train sinks)
describe_machine > "$results/machine.jsonl"
for part in "${parts[@]}"; do
    case $part in
        gemm | earmark | sinks) ;;
        torch | onnx | train)
            if ! bench/peers/setup.sh; then
                echo "bench/run.sh: no $part: its packages could not be installed from PyPI" >&2
                continue
            fi ;;
        *)
            echo "bench/run.sh: no part \"$part\": gemm, earmark, torch, onnx, train or sinks" >&2
            exit 2 ;;
    esac
    echo "measuring: $part" >&2
    "run_$part" > "$results/$part.jsonl"
done
python3 bench/table.py "$results" ${RECORD:-bench/RESULTS.md}
