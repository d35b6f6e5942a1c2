#!/bin/sh
# guarded.sh PROGRAM GUARD.SO: PROGRAM is clean as it is, and each planted call ends it with 70 and is named.
log=$(LD_PRELOAD=$2 "$1" 2>&1) || { echo "not clean: $log"; exit 1; }
"$1" > /dev/null 2>&1 && { echo "it passes without the guard, so it proves nothing"; exit 1; }
for name in malloc free calloc pthread_mutex_lock printf write sem_post usleep; do
    log=$(LD_PRELOAD=$2 "$1" $name 2>&1)
    rc=$?
    [ $rc -eq 70 ] || { echo "$name: exit code $rc: $log"; exit 1; }
    echo "$log" | grep -qx "real-time violation: $name" || { echo "$name is not named: $log"; exit 1; }
done
