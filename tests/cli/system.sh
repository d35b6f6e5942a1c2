#!/bin/bash
# system.sh - the system's settings: /etc/earmark/earmark.conf, then conf.d/*.conf by their names, then the user's own. The program sees
# a folder of the test's as /etc, in a mount namespace.
. "$(dirname "$0")/lib.sh"
unshare -rm true 2>/dev/null || { echo "SKIPPED: no mount namespace may be made here"; exit 77; }
mkdir -p etc/earmark/conf.d config/earmark

# printed args...: what --print-config says under that /etc
printed() {
    timeout 60 unshare -rm sh -c 'mount --bind "$1" /etc && shift && exec "$@"' sh "$here/etc" "$earmark" --print-config "$@" >out 2>err </dev/null
    code=$?
}
# in_force TEXT: a line of it
in_force() { grep -qxF -- "$1" out || bad "'$1' is not in force: $(cat err)"; }

printf 'top-k = 3\nstep = 0.5\nthreads = 1\ngate = -60\n' >etc/earmark/earmark.conf
printf 'top-k = 4\nstep = 0.25\n' >etc/earmark/conf.d/10-first.conf
printf 'step = 2\n' >etc/earmark/conf.d/20-second.conf
printf 'nonsense\n' >etc/earmark/conf.d/30-old.conf.bak
printed; [ $code -eq 0 ] || bad "exit code $code: $(cat err)"
in_force 'gate = -60'; in_force 'top-k = 4'; in_force 'step = 2'; in_force 'threads = 1'
printf 'step = 4\n' >config/earmark/earmark.conf
printed -k 9; in_force 'step = 4'; in_force 'top-k = 9'; in_force 'gate = -60'
printf 'top-j = 3\n' >etc/earmark/conf.d/40-wrong.conf
printed; [ $code -eq 2 ] || bad "a mistake in conf.d: exit code $code"
says err "/etc/earmark/conf.d/40-wrong.conf:1: unknown key 'top-j'"
finish
