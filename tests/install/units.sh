#!/bin/bash
# units.sh - the units of systemd, as they are installed: systemd reads them without a complaint, and finds them hardened.
# There is no systemd to start them here, and tests/peer/service.py stands in for what they ask of the program.
. "$(dirname "$0")/../cli/lib.sh"
most=15 most_user=22                # exposure in tenths

cmake --install "$4" --prefix "$here/prefix" >log 2>&1 || bad "cmake --install: $(tail -3 log)"
units=$here/prefix/lib/systemd
for unit in system/earmark.service system/earmark@.service user/earmark.service; do
    grep -q "^ExecStart=$here/prefix/bin/earmark --config " "$units/$unit" || bad "$unit: $(grep ExecStart "$units/$unit")"
    ! grep -v "^#" "$units/$unit" | grep -qE "@EM_|@[A-Z]" || bad "$unit: a mark was not filled in"
    for line in Type=notify WatchdogSec=30 Restart=on-failure 'RestartPreventExitStatus=2 3 5'; do
        grep -qx "$line" "$units/$unit" || bad "$unit: no $line"
    done
done
# A person's manager would pass these over: they would only look like protection.
! grep -E '^(ProtectProc|ProcSubset|DeviceAllow|DevicePolicy|IPAddress[A-Z]|DynamicUser|SupplementaryGroups)' "$units/user/earmark.service" >vain ||
    bad "user: a user's manager cannot $(head -1 vain)"
! grep -E '^(PrivateDevices|PrivateNetwork)=yes' "$units/user/earmark.service" >deaf || bad "user: with $(head -1 deaf) it is deaf or dumb"
grep -qx 'DeviceAllow=char-alsa rw' "$units/system/earmark.service" || bad "no microphone is allowed"
run 0 --config "$source_dir/config/service.conf" --print-config; says out 'device = default'; says out 'wait = 90'
sed 's/^#\([a-z]\)/\1/' "$source_dir/config/service.conf" >all.conf
run 0 --config all.conf --print-config; says out 'append = yes'; says out 'output = /var/log/earmark/events.jsonl'

if ! command -v systemd-analyze >/dev/null; then
    echo "systemd-analyze is not here: not asked"
    finish
fi
for unit in earmark.service earmark@.service; do
    systemd-analyze security --offline=yes --threshold=$most "$units/system/$unit" >said 2>&1 || bad "$unit: $(tail -1 said)"
    # with a name, because what stands for one is in the template
    cp "$units/system/$unit" "${unit/@/@porch}"
    systemd-analyze verify --man=no "./${unit/@/@porch}" >said 2>&1 </dev/null || bad "$unit: $(head -3 said)"
    empty said
done
cp "$units/user/earmark.service" .
XDG_RUNTIME_DIR=$here systemd-analyze security --offline=yes --user --threshold=$most_user ./earmark.service >said 2>&1 || bad "user: $(tail -1 said)"
XDG_RUNTIME_DIR=$here systemd-analyze verify --man=no --user ./earmark.service >said 2>&1 </dev/null || bad "user: $(head -3 said)"
empty said

# what the program calls is what the filter lets through
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    allowed() { systemd-analyze syscall-filter "$1" | sed -n 's/^ *\([-@a-z0-9_]*\)$/\1/p' | while read -r name; do
        case $name in "$1") ;; @*) allowed "$name" ;; *) echo "$name" ;; esac
    done; }
    # the unit's list less what it takes out again; what it then lets back in for real time is not needed to run
    filter() { grep -E "^SystemCallFilter=$1" "$units/system/earmark.service" | sed 's/.*=~*//'  | tr ' ' '\n' | while read -r name; do
        case $name in @*) allowed "$name" ;; *) echo "$name" ;; esac
    done | sort -u; }
    filter '~' >denied
    comm -23 <(filter '[^~]') denied >allowed
    strace -f -qq -o calls "$earmark" --realtime --duration 2 --append -o out.txt "$demo" >/dev/null 2>&1 </dev/null
    sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' calls | sort -u | comm -23 - allowed >refused
    [ -s calls ] || bad "strace heard nothing"
    empty refused
else
    echo "strace is not here: the filter of calls is not asked"
fi
finish
