#!/usr/bin/env bash
# bench/gpu.sh [--list | --step NAME] [RESULTS] - everything that needs a GPU, in under nine minutes: builds for the card, runs the tests
# labelled gpu, measures, lets the PyTorch peer run the same model, and then compute-sanitizer over the tests. Each step has a limit of
# its own and prints as it goes, so that what a kill cuts off is only what had not begun. Ends with one table (gpu_table.py).
# --list prints the steps and their limits and runs nothing; --step runs one of them, in what a run before has built.
#
# Needs nvcc, CMake, Ninja and a C++ compiler; torch for the peer, compute-sanitizer for its steps. GPU_DEPS: a folder that
# bench/gpu_deps.sh has filled, where the libraries that the program needs are not installed. RESULTS: default bench/results.
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit

# NAME SECONDS COMMAND...; the seconds add up to less than nine minutes (tests/gpu/list.sh).
steps=(
    "build 120 configure_and_build"
    "tests 80 run_tests"
    "measure 40 measure"
    "ladder 25 climb"
    "training 40 train"
    "streams 30 serve"
    "events 25 hear_demo"
    "peer-check 20 check_peer"
    "peer-tiny 35 peer --preset tiny"
    "peer-nano 35 peer --preset nano"
    "memcheck 30 sanitize memcheck"
    "racecheck 30 sanitize racecheck"
    "initcheck 25 sanitize initcheck"
)
only=
if [ "${1:-}" = --list ]; then
    printf '%s\n' "${steps[@]}"
    exit 0
elif [ "${1:-}" = --step ]; then
    only=${2:?--step wants a name: --list shows them}
    shift 2
fi
results=${1:-bench/results}
build=build/gpu
demo=config/demo/demo.flac
started=$SECONDS
mkdir -p "$results"
if [ -z "$only" ]; then
    : > "$results/gpu.jsonl"
    : > "$results/gpu_steps.txt"
fi

options=()
if [ -n "${GPU_DEPS:-}" ]; then
    deps=$(realpath -- "$GPU_DEPS")
    lib=$deps/usr/lib/x86_64-linux-gnu
    export PATH="$PATH:$deps/usr/bin" LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" LIBRARY_PATH="$lib"
    export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$deps
    [ ! -d "$deps/shared" ] || options+=("-DEARMARK_SHARED=$deps/shared")
fi
for library in PORTAUDIO JACK MPI HDF5 CAIRO MQTT OSC HTTP; do
    options+=("-DEARMARK_$library=OFF")
done

# What a step says of itself by its exit code: 77 is a test's for "skipped", which is not passed.
verdict() {
    case $1 in
        0)   echo passed ;;
        77)  echo "NOT PASSED (something was skipped)" ;;
        124) echo "FAILED (its time was over)" ;;
        *)   echo "FAILED ($1)" ;;
    esac
}

# step NAME SECONDS COMMAND...
step() {
    local name=$1 limit=$2 begun=$SECONDS code
    shift 2
    echo "== $name (at $((begun - started)) s)"
    timeout "$limit" bash -c 'set -o pipefail; "$@"' - "$@"
    code=$?
    echo "$name: $(verdict $code), $((SECONDS - begun)) s" | tee -a "$results/gpu_steps.txt"
    return $code
}

configure_and_build() {
    local arch targets
    arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DEARMARK_CUDA=ON "-DEARMARK_CUDA_ARCHS=${arch:-90}" $cmake_options || return
    targets=$(ninja -C "$build" -t targets all | sed -n 's/^\(test_gpu_[a-z]*\): phony$/\1/p' | grep -v '^test_gpu_emu')
    cmake --build "$build" --target earmark bench_gpu bench_ladder $targets 2>&1 | grep -v '^ptxas'
}

# A test that says of a part of itself that it was skipped has not passed either.
run_tests() {
    ctest --test-dir "$build" -L '^gpu$' -V --no-tests=error > "$results/gpu_tests.txt" 2>&1 || { cat "$results/gpu_tests.txt"; return 1; }
    tail -n 20 "$results/gpu_tests.txt"
    ! grep -i skipped "$results/gpu_tests.txt" || return 77
}

# The kernels only: random weights of three presets.
measure() {
    "$build/bench/gpu" --preset tiny --preset micro --preset nano | tee -a "$results/gpu.jsonl"
}

# Every version of a kernel that was tried, and what the card could do at best.
climb() {
    nvidia-smi --query-gpu=name,clocks.max.sm --format=csv,noheader,nounits | head -n 1 |
        sed 's/^\(.*\), \([0-9]*\)$/{"what":"card","name":"\1","sm_mhz":\2}/' >> "$results/gpu.jsonl"
    "$build/bench/ladder/ladder" | tee -a "$results/gpu.jsonl"
}

# A step of training as it is trained, and many live streams.
train() {
    "$build/earmark" --bench --training --json --backend cuda --preset tiny --batch 64 --micro-batch 64 |
        sed 's/^{/{"what":"training",/' | tee -a "$results/gpu.jsonl"
}

serve() {
    "$build/earmark" --bench --streams 64 --json --backend cuda --preset nano | sed 's/^{/{"what":"streams",/' | tee -a "$results/gpu.jsonl"
}

# The whole demo clip: the same events as the CPU's.
hear_demo() {
    local backend
    for backend in cpu cuda; do
        "$build/earmark" --backend "$backend" -m config/models/nano.safetensors -f jsonl "$demo" > "$results/gpu_demo_$backend.jsonl" || return
    done
    python3 tests/gpu/same_events.py "$results/gpu_demo_cpu.jsonl" "$results/gpu_demo_cuda.jsonl"
}

peer() {
    python3 bench/peers/torch_gpu.py "$@" | tee -a "$results/gpu.jsonl"
}

check_peer() {
    local model=tests/golden/data/models/mini_p.safetensors
    [ ! -e "${GPU_DEPS:-/nowhere}/shared/golden/models/nano.safetensors" ] || model=$GPU_DEPS/shared/golden/models/nano.safetensors
    peer --check "$model"
}

# Every test of the GPU in its small form, one after another until the time is over.
sanitize() {
    local test code=0
    for test in "$build"/tests/gpu/test_gpu_*; do
        echo "-- $1: $(basename "$test")"
        EM_TEST_SMALL=1 compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 20 "$test" 2>&1 | tail -n 12 || code=9
    done
    return $code
}
export -f configure_and_build run_tests measure climb train serve hear_demo peer check_peer sanitize
export build results demo cmake_options="${options[*]}"

nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,power.limit --format=csv,noheader || true
code=2
for line in "${steps[@]}"; do
    read -r name limit command <<< "$line"
    [ -z "$only" ] || [ "$name" = "$only" ] || continue
    # shellcheck disable=SC2086
    step "$name" "$limit" $command
    code=$?
    [ "$name" != build ] || [ $code = 0 ] || exit 1
done
[ -z "$only" ] || exit $code
python3 bench/gpu_table.py "$results"
