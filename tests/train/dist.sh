#!/bin/bash
# dist.sh PROGRAM HAS_MPI - real ranks: sums with the same bits everywhere and every time, and the end of a run whose ranks fail.
set -u
program=$1 has_mpi=$2
n_failed=0
bad() { echo "FAILED: $*"; n_failed=$((n_failed + 1)); }
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1

if [ "$has_mpi" != ON ]; then
    OMPI_COMM_WORLD_SIZE=2 "$program" sums 2>err && bad "one of two processes runs alone"
    grep -q EARMARK_MPI err || bad "no option is named: $(cat err)"
    [ $n_failed -eq 0 ] || exit 1
    echo "SKIPPED: MPI is not in this build (libopenmpi-dev)"
    exit 77
fi
command -v mpirun >/dev/null || { echo "SKIPPED: there is no mpirun (openmpi-bin)"; exit 77; }

# Containers forbid reading another process's memory, which is only the faster of two ways. TMPDIR: its session folder has long names.
export OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_btl_base_warn_component_unused=0 TMPDIR=/tmp
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 ASAN_OPTIONS=detect_leaks=0

# ranks N DEED [options]: output in out and err, exit code in code, seconds in took.
ranks() {
    local n=$1 deed=$2 started=$SECONDS
    shift 2
    timeout -k 5 60 mpirun --oversubscribe --bind-to none -n "$n" "$@" "$program" "$deed" >out 2>err </dev/null
    code=$?
    took=$((SECONDS - started))
}

# hashes N: one for all ranks
hashes() { sed 's/.*: //' out | sort -u; }

# Starting ranks takes most of the time: the odd number of them runs twice only.
for n in 1 2 3; do
    first=
    runs="1 2 3 4 5"; [ $n -eq 2 ] || runs="1 2"; [ $n -gt 1 ] || runs=1
    for run in $runs; do
        way=vader; [ $run -eq 2 ] && way=tcp
        ranks $n sums --mca btl "self,$way"
        [ $code -eq 0 ] || bad "$n ranks, run $run: exit code $code: $(head -c 400 err)"
        [ "$(grep -c "of $n:" out)" -eq "$n" ] || bad "$n ranks, run $run: $(cat out)"
        [ "$(hashes | wc -l)" -eq 1 ] || bad "$n ranks, run $run: not the same bits on all: $(cat out)"
        [ -z "$first" ] || [ "$(hashes)" = "$first" ] || bad "$n ranks, run $run: other bits than the first run had"
        first=$(hashes)
    done
done

ranks 3 die
[ $code -ne 0 ] && [ $code -ne 124 ] || bad "a killed rank: exit code $code"
[ $took -le 10 ] || bad "a killed rank: the others live on for $took s"
grep -qi 'rank 1.*signal 9' err || bad "a killed rank: nobody says so: $(head -c 600 err)"

ranks 3 fail
[ $code -eq 7 ] || bad "a rank that fails: exit code $code"
[ $took -le 10 ] || bad "a rank that fails: the others live on for $took s"
grep -q '^earmark: rank 1 of 3: clip 12: cannot be read' err || bad "a rank that fails: its reason is not there: $(head -c 600 err)"

ranks 2 leave
[ $code -ne 0 ] && [ $code -ne 124 ] && [ $took -le 10 ] || bad "a rank that leaves: exit code $code after $took s"

ranks 2 stick
[ $code -eq 7 ] && [ $took -le 10 ] || bad "a rank that is stuck: exit code $code after $took s: $(head -c 600 err)"
grep -q 'rank 0 of 2: another rank has not answered for 1 s' err || bad "a rank that is stuck: $(head -c 600 err)"

# Started by something that our MPI does not know: four runs that each think they are alone would share one folder.
PMI_SIZE=4 timeout 60 "$program" sums >out 2>err
code=$?
[ $code -eq 5 ] && grep -q 'started 4 processes, but MPI sees 1' err || bad "a strange mpirun: exit code $code: $(head -c 600 err)"

[ $n_failed -eq 0 ] && echo "all passed"
exit $((n_failed > 0))
