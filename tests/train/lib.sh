# lib.sh - for the tests of whole training runs: the rules of tests/cli/lib.sh, a small set, and a model of 0.1 M parameters.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"
made=$source_dir/tests/train/made.py
command -v python3 >/dev/null || { echo "SKIPPED: there is no python3 to make sounds"; exit 77; }
python3 "$made" model tiny.safetensors || exit 1

made() { python3 "$made" "$@" || bad "made.py $*"; }
# A run of 1.25 s windows and 4 of them a step; what it is of follows.
small=(--init tiny.safetensors --train-window 1.25 --batch 4 --micro-batch 4 --threads 1)
train() { em --train "${small[@]}" "$@" >out 2>err </dev/null; }

# trains CODE args...
trains() {
    local want=$1 code
    shift
    train "$@"
    code=$?
    [ $code -eq "$want" ] || bad "--train $*: exit code $code, not $want: $(tail -c 400 err)"
}

# The error is one sentence, the last line but for the hint of a wrong call; what was logged before is not counted.
sentence() { grep -v "^Try 'earmark" err | tail -n 1 | grep -qF -- "$1" || bad "'$1' is not the end of: $(tail -c 400 err)"; }

same() { cmp -s "$1" "$2" || bad "$1 is not $2"; }
# same_run DIR DIR: what a run is for
same_run() { for file in last.safetensors best.safetensors log.jsonl; do same "$1/$file" "$2/$file"; done; }
json() { python3 "$made" json "$1" "$2" || bad "$1: $2"; }

# needs_mpi ON|OFF: skips where ranks cannot be started.
needs_mpi() {
    [ "${1:-OFF}" = ON ] || { echo "SKIPPED: MPI is not in this build (libopenmpi-dev)"; exit 77; }
    command -v mpirun >/dev/null || { echo "SKIPPED: there is no mpirun (openmpi-bin)"; exit 77; }
    # As in dist.sh: containers forbid the faster way, and the session's folder has long names.
    export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_btl_base_warn_component_unused=0 TMPDIR=/tmp
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ASAN_OPTIONS=detect_leaks=0
}

# a_rank: the process number of one of them, which none but this test's own can be: it works in our folder.
a_rank() {
    for process in /proc/[0-9]*; do
        [ "$(cat "$process/comm" 2>/dev/null)" = "${earmark##*/}" ] && [ "$(readlink "$process/cwd")" = "$here" ] && echo "${process#/proc/}"
    done | tail -n 1
}

# loses_a_rank STEP COMMAND...: once the run tells of that step in err a rank of it is killed, and the others must end.
loses_a_rank() {
    local step=$1 mpi rank code began
    shift
    "$@" >out 2>err </dev/null &
    mpi=$!
    for _ in $(seq 6000); do grep -qs "\"step\":$step," err && break; kill -0 $mpi 2>/dev/null || break; sleep 0.01; done
    rank=$(a_rank)
    began=$SECONDS
    [ -n "$rank" ] && kill -KILL "$rank" || bad "no rank to kill"
    wait $mpi
    code=$?
    [ $code -ne 0 ] && [ $code -ne 124 ] || bad "a killed rank: exit code $code"
    [ $((SECONDS - began)) -le 15 ] || bad "a killed rank: the other lives on for $((SECONDS - began)) s"
    grep -qi 'signal 9' err || bad "a killed rank: nobody says so: $(tail -c 400 err)"
}
