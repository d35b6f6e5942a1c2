#!/bin/sh
# stress.sh CODE PROGRAM: PROGRAM must exit with CODE; 66 is ThreadSanitizer's. Skips where TSan itself cannot run.
want=$1
log=$(TSAN_OPTIONS=exitcode=66:halt_on_error=1 "$2" 2>&1)
got=$?
case $log in
*"FATAL: ThreadSanitizer"*)
    echo "SKIPPED: ThreadSanitizer cannot run here: $log"
    exit 77 ;;
esac
[ "$got" -eq "$want" ] && exit 0
echo "$log"
echo "exit code $got, not $want"
exit 1
