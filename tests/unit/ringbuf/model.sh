#!/bin/sh
# model.sh RING.PML: spin finds no mistake in the model, and finds each of the two planted ones.
command -v spin > /dev/null || { echo "SKIPPED: spin is not installed"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

# Prints the number of errors that pan reports.
errors() {
    rm -f pan*
    spin "$@" -a "$model" > spin.log 2>&1 && ${CC:-cc} -O1 -w -DSAFETY -o pan pan.c && ./pan -m100000 > pan.log 2>&1
    sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}
model=$1
n=$(errors)
grep -q 'max search depth too small' pan.log && { echo "the search was cut off"; cat pan.log; exit 1; }
[ "$n" = 0 ] || { echo "the model breaks: ${n:-no answer}"; cat spin.log pan.log; exit 1; }
grep 'states, stored' pan.log
for broken in BREAK_FULL BREAK_MARK; do
    n=$(errors -D$broken)
    [ "${n:-0}" -gt 0 ] || { echo "$broken was not found"; cat spin.log pan.log; exit 1; }
done
