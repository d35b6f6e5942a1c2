#!/bin/sh
# guarded.sh PROGRAM GUARD.SO NAME...: PROGRAM is clean as it is, and `PROGRAM NAME`, which plants a call of NAME,
# ends with 70 and names it.
program=$1
guard=$2
shift 2
log=$(LD_PRELOAD=$guard "$program" 2>&1) || { echo "not clean: $log"; exit 1; }
"$program" > /dev/null 2>&1 && { echo "it passes without the guard, so it proves nothing"; exit 1; }
for name in "$@"; do
    log=$(LD_PRELOAD=$guard "$program" $name 2>&1)
    rc=$?
    [ $rc -eq 70 ] || { echo "$name: exit code $rc: $log"; exit 1; }
    echo "$log" | grep -qx "real-time violation: $name" || { echo "$name is not named: $log"; exit 1; }
done
