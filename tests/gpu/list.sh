#!/usr/bin/env bash
# list.sh SOURCE_DIR - what can be known of bench/gpu.sh without a GPU: its steps are all there, each is a function of it, their limits
# add up to less than nine minutes, and a test that skips, or says that a part of it does, is no passed one.
set -u
gpu=$1/bench/gpu.sh
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
n_failed=0
bad() { echo "FAILED: $*"; n_failed=$((n_failed + 1)); }

total=0
names=
while read -r name seconds function _; do
    total=$((total + seconds))
    names="$names $name"
    grep -q "^$function() {" "$gpu" || bad "$name: no function $function"
done < <(bash "$gpu" --list)
[ "$total" -gt 0 ] && [ "$total" -lt 540 ] || bad "the steps may take $total s, nine minutes are 540"
for name in build tests measure ladder training streams events peer-check peer-tiny peer-nano memcheck racecheck initcheck; do
    case "$names " in *" $name "*) ;; *) bad "no step $name" ;; esac
done
[ -e "$1/tests/gpu/same_events.py" ] || bad "no same_events.py"

# A ctest of our own says what tests could say.
said() {
    printf '#!/bin/sh\necho "%s"\n' "$2" >"$here/ctest"
    chmod +x "$here/ctest"
    PATH=$here:$PATH bash "$gpu" --step tests "$here/results" >"$here/out" 2>&1
    grep -q "^tests: $1" "$here/results/gpu_steps.txt" || bad "'$2' is told as: $(cat "$here/results/gpu_steps.txt")"
    rm -rf "$here/results"
}
said passed '100% tests passed'
said 'NOT PASSED' '3/5 Test #3: gpu_learning .....***Skipped   0.01 sec'
said 'NOT PASSED' '4: SKIPPED: models/mini_v0.safetensors is not at hand'

bash "$gpu" --step nothing "$here/results" >/dev/null 2>&1 && bad "a step that is not there passes"
[ $n_failed -eq 0 ] && echo "all passed, $total s at the most"
exit $((n_failed > 0))
