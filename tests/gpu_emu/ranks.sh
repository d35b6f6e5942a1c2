#!/bin/bash
# ranks.sh PROGRAM SOURCE JSONL_CHECK HAS_MPI - processes with a GPU each are one process with its batch: what tests/train/ranks.sh asks of
# processors, on emulated GPUs.
. "$(dirname "$0")/../train/lib.sh"
needs_mpi "${4:-OFF}"

made sounds set 5 tone noise clicks
recipe=(--train "${small[@]}" --data set --epochs 1 --backend cuda --precision fp32 --drop-path 0.2 --validate 0 --progress=jsonl)
# An emulated step takes seconds.
one() { timeout -k 5 200 "$earmark" "${recipe[@]}" "$@" </dev/null; }
two() { timeout -k 5 200 mpirun --oversubscribe --bind-to none -n 2 "$earmark" "${recipe[@]}" "$@" </dev/null; }

EMU_GPUS=1 two --out few >out 2>err
[ $? -eq 5 ] || bad "two ranks and one GPU: $(tail -n 5 err)"
says err 'process 2 of this machine has no GPU, it sees 1: start one for each GPU'

export EMU_GPUS=2 EMU_DIR=$here
one --out one >out 2>one.err || bad "one rank: $(tail -n 1 one.err)"
two --out two >out 2>two.err || bad "two ranks: $(tail -n 3 two.err)"
made curve one.err two.err 1e-5
# By way of the host: the same sums, to the last bit.
EMU_NCCL=none two --out host >out 2>host.err || bad "two ranks by way of the host: $(tail -n 3 host.err)"
says host.err 'NCCL is not installed'
grep -q NCCL two.err && bad "two ranks do not go by NCCL: $(grep NCCL two.err)"
same_run host two

# An exchange that fails ends the run with the reason; its state is good.
EMU_NCCL=5 two --save-steps 1 --out cut >out 2>err
[ $? -eq 7 ] || bad "a failed exchange: $(tail -n 5 err)"
says err 'the exchange with the other GPUs failed: remote process exited'
EMU_NCCL= two --save-steps 1 --resume --out cut >out 2>err || bad "after a failed exchange: $(tail -n 5 err)"
same_run cut two

# So does a process that dies, while the others wait for what it would have sent.
loses_a_rank 1 two --epochs 20 --save-steps 1 --out dead
ls dead/state-*.safetensors >/dev/null 2>&1 || bad "a killed rank: no state is left: $(ls dead)"
finish
