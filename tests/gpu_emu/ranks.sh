#!/bin/bash
# ranks.sh PROGRAM SOURCE JSONL_CHECK HAS_MPI - processes with a GPU each are one process with its batch: what tests/train/ranks.sh asks of
# processors, on emulated GPUs.
. "$(dirname "$0")/../train/lib.sh"
[ "${4:-OFF}" = ON ] || { echo "SKIPPED: MPI is not in this build (libopenmpi-dev)"; exit 77; }
command -v mpirun >/dev/null || { echo "SKIPPED: there is no mpirun (openmpi-bin)"; exit 77; }
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_btl_base_warn_component_unused=0 TMPDIR=/tmp
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ASAN_OPTIONS=detect_leaks=0

made sounds set 5 tone noise clicks
recipe=(--train "${small[@]}" --data set --epochs 1 --backend cuda --precision fp32 --drop-path 0.2 --validate 0 --progress=jsonl)
# An emulated step takes seconds.
one() { timeout -k 5 200 "$earmark" "${recipe[@]}" "$@" </dev/null; }
two() { timeout -k 5 200 mpirun --oversubscribe --bind-to none -n 2 "$earmark" "${recipe[@]}" "$@" </dev/null; }

EMU_GPUS=1 two --out few >out 2>err
[ $? -eq 5 ] || bad "two ranks and one GPU: $(tail -n 5 err)"
says err 'process 2 of this machine has no GPU, it sees 1: start one for each GPU'

export EMU_GPUS=2
one --out one >out 2>one.err || bad "one rank: $(tail -n 1 one.err)"
two --out two >out 2>two.err || bad "two ranks: $(tail -n 3 two.err)"
made curve one.err two.err 1e-5
finish
