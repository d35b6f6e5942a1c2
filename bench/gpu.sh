#!/usr/bin/env bash
# bench/gpu.sh [RESULTS] - everything that needs a GPU, in under nine minutes: builds for the card, runs the tests labelled gpu,
# measures, lets the PyTorch peer run the same model, and then compute-sanitizer over the tests. Each step has a limit of its
# own and prints as it goes, so that what a kill cuts off is only what had not begun. Ends with one table (gpu_table.py).
#
# Needs nvcc, CMake, Ninja and a C++ compiler; torch for the peer, compute-sanitizer for its step. GPU_DEPS: a folder that
# bench/gpu_deps.sh has filled, where jansson, cmocka and pkg-config are not installed. RESULTS: default bench/results.
set -uo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
results=${1:-bench/results}
build=build/gpu
started=$SECONDS
mkdir -p "$results"
: > "$results/gpu.jsonl"
: > "$results/gpu_steps.txt"

options=()
if [ -n "${GPU_DEPS:-}" ]; then
    deps=$(realpath -- "$GPU_DEPS")
    lib=$deps/usr/lib/x86_64-linux-gnu
    export PATH="$PATH:$deps/usr/bin" LD_LIBRARY_PATH="$lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$deps
    [ ! -d "$deps/shared" ] || options+=("-DEARMARK_SHARED=$deps/shared")
fi

# step NAME SECONDS command...
step() {
    local name=$1 limit=$2 begun=$SECONDS code
    shift 2
    echo "== $name (at $((begun - started)) s)"
    timeout "$limit" "$@"
    code=$?
    echo "$name: $([ $code = 0 ] && echo passed || echo "FAILED ($code)"), $((SECONDS - begun)) s" | tee -a "$results/gpu_steps.txt"
    return $code
}

configure_and_build() {
    local arch
    arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DEARMARK_CUDA=ON "-DEARMARK_CUDA_ARCHS=${arch:-90}" -DEARMARK_PROGRAM=OFF \
        "${options[@]}" && cmake --build "$build" 2>&1 | grep -v '^ptxas'
}

# The kernels only: random weights of three presets.
measure() {
    "$build/bench/gpu" --preset tiny --preset micro --preset nano | tee -a "$results/gpu.jsonl"
}

# Every version of a kernel that was tried.
climb() {
    "$build/bench/ladder/ladder" | tee -a "$results/gpu.jsonl"
}

peer() {
    python3 bench/peers/torch_gpu.py "$@" | tee -a "$results/gpu.jsonl"
}

sanitize() {
    compute-sanitizer --tool "$1" --error-exitcode 9 --print-limit 20 "$build/tests/gpu/test_gpu_operators" 2>&1 | tail -n 25
}
export -f configure_and_build measure climb peer sanitize
export build results

nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,power.limit --format=csv,noheader || true
step build 150 bash -c 'configure_and_build' || exit 1
step tests 100 ctest --test-dir "$build" -L '^gpu$' --output-on-failure --no-tests=error
step measure 60 bash -c 'set -o pipefail; measure'
step ladder 40 bash -c 'set -o pipefail; climb'
model=tests/golden/data/models/mini_p.safetensors
[ ! -e "${deps:-/nowhere}/shared/golden/models/nano.safetensors" ] || model=$deps/shared/golden/models/nano.safetensors
step peer-check 40 bash -c 'set -o pipefail; peer --check "$1"' - "$model"
for preset in tiny nano; do
    step "peer-$preset" 75 bash -c 'set -o pipefail; peer --preset "$1"' - "$preset"
done
for tool in memcheck racecheck initcheck; do
    step "$tool" 45 bash -c 'set -o pipefail; sanitize "$1"' - "$tool"
done
python3 bench/gpu_table.py "$results"
