#!/usr/bin/env bash
# program.sh PROGRAM SOURCE_DIR JSONL_CHECK - the program on a GPU that fails it, wherever that happens: --backend=auto goes on with the
# CPU and says so, and no hop is lost; --backend=cuda ends with exit code 5 and the sentence.
. "$(dirname "$0")/../cli/lib.sh"
model=$source_dir/tests/golden/data/models/mini_p.safetensors

# fail FUNCTION N ERROR: the n-th call of that function of the runtime, with CUDA's number of the error.
fail() { export EMU_FAIL="$*"; }

# hear CODE options...: three hops. A slow machine's lines of progress are left out of err.
hear() {
    local code=$1
    shift
    run "$code" "$@" -m "$model" -f jsonl --scores=all --duration 3 "$demo"
    sed -i '/^earmark: *[0-9]* %/d' err
}
hops() { grep -c '"type":"scores"' out; }
backend() { grep -q "\"backend\":\"$1\"" out || bad "not on the $1: $(head -c 300 out)"; }

run 0 --version
says out 'cuda: yes'

unset EMU_FAIL
hear 0 --backend=cuda
backend cuda
empty err
[ "$(hops)" -eq 3 ] || bad "$(hops) hops on the GPU, not 3"

# Before the start record: driver, device, memory for weights, for activations, for a graph, and a kernel that cannot run.
while read -r call sentence; do
    fail "${call//:/ }"
    hear 0 --backend=auto
    one_line err
    says err "$sentence"
    says err ': computing on the CPU'
    backend cpu
    [ "$(hops)" -eq 3 ] || bad "$call: $(hops) hops, not 3"
    hear 5 --backend=cuda
    one_line err
    says err "$sentence"
    empty out
done <<'EOF'
cudaGetDeviceCount:1:35 no NVIDIA driver here
cudaGetDeviceCount:1:100 no NVIDIA GPU here
cudaMalloc:1:2 no memory for a model
cudaMalloc:3:2 no memory
cudaMemcpyAsync:2:700 illegal memory access
cudaGraphInstantiate:1:2 out of memory
emu_launch:1:719 unspecified launch failure
EOF

# In the middle: the second hop is the CPU's, and the ones behind it.
fail cudaGraphLaunch 2 700
hear 0 --backend=auto
one_line err
says err 'illegal memory access was encountered: computing on the CPU'
backend cuda
[ "$(hops)" -eq 3 ] || bad "$(hops) hops where the second one failed, not 3"
hear 5 --backend=cuda
one_line err
says err 'illegal memory access'
[ "$(hops)" -eq 1 ] || bad "$(hops) hops before the failure, not 1"

# What is wrong with the model, or with the command, is no fault of the device.
unset EMU_FAIL
head -c 5000 "$model" >cut.safetensors
run 3 --backend=auto -m cut.safetensors "$demo"
one_line err
run 3 --backend=cuda -m cut.safetensors "$demo"
run 2 --backend=cuda --window 7 -m "$model" "$demo"

# What is measured is the CPU then, and said to be.
fail cudaMalloc 1 2
run 0 --bench --backend=auto -m "$model" --json --threads 1
says err ': measuring the CPU'
says out ', 1 thread"'
run 5 --bench --backend=cuda -m "$model" --json
unset EMU_FAIL

# Sound at its own pace: where the run's first measure fails, and a hop.
for call in 'cudaGraphLaunch 1 700' 'cudaGraphLaunch 4 700'; do
    fail "$call"
    hear 0 --backend=auto --live
    says err 'illegal memory access was encountered: computing on the CPU'
    [ "$(hops)" -ge 1 ] || bad "$call: no hop in live sound"
done

finish
