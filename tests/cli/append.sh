#!/bin/bash
# append.sh - --append: outputs that outlive runs and rotations, with no record lost, cut or told twice.
. "$(dirname "$0")/lib.sh"

whole() { "$jsonl_check" <"$1" >types || bad "$1: a record is not JSON: $(head -c 200 "$1")"; }

# run after run, each behind the last; what another left half gets an end of its line
silence_wav 32000 >one.wav
run 0 --append -f jsonl --scores -o log.jsonl one.wav; one_line log.jsonl 3
run 0 --append -f jsonl --scores -o log.jsonl one.wav; one_line log.jsonl 6; whole log.jsonl
[ ! -e log.jsonl.part ] || bad "a part beside an output that is added to"
printf '{"v":1,"ty' >>log.jsonl
run 0 --append -f jsonl --scores -o log.jsonl one.wav; one_line log.jsonl 10
sed -n 7p log.jsonl | grep -qx '{"v":1,"ty' || bad "the half line stands alone: $(sed -n 7p log.jsonl)"
ln -s log.jsonl link; run 0 --append -f jsonl --scores -o link one.wav; one_line log.jsonl 13; [ -L link ] || bad "a link stays one"
run 0 --append -o /dev/stdout one.wav; one_line out
run 0 --append -o - one.wav; one_line out

# rotated again and again while records come: hops of 10 ms of a pipe, each told once, in order
mkdir rotated
{ for ((i = 0; i < 12; i++)); do head -c 12800 /dev/zero; sleep 0.05; done; } |
    em --append -f jsonl --scores --step 0.01 -k 1 --raw s16le -o rotated/log - 2>err &
program=$!
for ((i = 0; i < 400 && $(ls rotated | wc -l) < 9; i++)); do
    [ -s rotated/log ] && mv rotated/log "rotated/log.$i"
    kill -0 $program 2>/dev/null || break
    sleep 0.05
done
wait $program || bad "a run that is rotated: exit code $?: $(cat err)"
n=$(ls rotated | wc -l)
[ "$n" -ge 4 ] || bad "only $n files: not rotated"
for file in rotated/*; do whole "$file"; done
cat $(ls rotated/log.* | sort -t. -k2n) rotated/log 2>/dev/null | sed -n 's/.*"type":"scores".*"time":\([0-9.]*\).*/\1/p' >times
seq -f %.3f 0.01 0.01 2.4 | diff - times >wrong || bad "records lost, twice or out of order over $n files: $(head -3 wrong)"

# its folder is gone for a while: the file that is open goes on
mkdir gone
{ head -c 64000 /dev/zero; sleep 1; head -c 64000 /dev/zero; sleep 1; head -c 64000 /dev/zero; } |
    em --append -f jsonl --scores --raw s16le -o gone/log - 2>err &
program=$!
for ((i = 0; i < 100; i++)); do [ -s gone/log ] && break; sleep 0.05; done
mv gone away
wait $program || bad "a folder that went away: exit code $?: $(cat err)"
one_line away/log 5; whole away/log

usage() { local want=$1; shift; run 2 "$@"; says err "$want"; }
usage '--append: wants an --output' --append one.wav
usage '--append and --out-dir cannot go together' --append --out-dir d one.wav
usage '--append: a file of -f vtt is whole in itself; text and jsonl can be added to' --append -f vtt -o a.vtt one.wav
run 6 --append -o nowhere/log one.wav; says err 'nowhere/log'

# logrotate itself, with the rules that the package brings
if command -v logrotate >/dev/null; then
    mkdir logs
    sed "s|/var/log/earmark\*|$here/logs|; s/weekly/hourly/" "$source_dir/systemd/logrotate" >rules
    chmod 644 rules
    { head -c 64000 /dev/zero; for ((i = 0; i < 600; i++)); do [ -e go ] && break; sleep 0.05; done; head -c 64000 /dev/zero; } |
        em --append -f jsonl --scores --raw s16le -o logs/log.jsonl - 2>err &
    program=$!
    for ((i = 0; i < 100; i++)); do [ -s logs/log.jsonl ] && break; sleep 0.05; done
    logrotate --force --state "$here/state" rules 2>said || bad "logrotate: $(cat said)"
    touch go
    wait $program || bad "under logrotate: $(cat err)"
    [ -s logs/log.jsonl ] && [ -s logs/log.jsonl.1 ] || bad "not rotated: $(ls logs)"
    cat logs/log.jsonl.1 logs/log.jsonl >all; one_line all 4; whole all
else
    echo "logrotate is not here: not asked"
fi
finish
