#!/bin/bash
# exec.sh - commands for events: which run, what they are told, and what becomes of those that hang, fail or flood.
. "$(dirname "$0")/lib.sh"

run 0 -f jsonl --store demo.scores "$demo"; cp out demo.jsonl
n_onsets=$(grep -c '"onset"' <(jq -c .type demo.jsonl)) n_offsets=$(grep -c '"offset"' <(jq -c .type demo.jsonl))
n_retracts=$(grep -c '"retract"' <(jq -c .type demo.jsonl))
again() { local code=$1; shift; run "$code" --scores=none --replay demo.scores "$@"; }
# A process that is more than its last entry, which in a container may stay for ever.
lives() { awk '$1 == "State:" && $2 ~ /[^ZX]/ { n = 1 } END { exit !n }' "/proc/$1/status" 2>/dev/null; }
since() { echo $(($(date +%s%3N) - $1)); }

# each onset has its run, which gets the very record
cat >hook <<'H'
#!/bin/sh
d=$(mktemp -d runs/XXXXXX) || exit 1
cat >"$d/in"
env | grep '^EARMARK_EVENT_' | sort >"$d/env"
printf '%s\n' "$#" "$@" >"$d/args"
ls -l /proc/self/fd >"$d/fds"
trap '' PIPE; kill -PIPE $$; grep '^Sig[BI]' /proc/self/status >"$d/signals"
H
chmod +x hook; mkdir runs
again 0 --exec './hook "a b" $HOME *'; empty err
[ "$(ls runs | wc -l)" -eq "$n_onsets" ] || bad "$(ls runs | wc -l) runs of $n_onsets"
cat runs/*/in | sort >got; grep '"type":"onset"' demo.jsonl | sort >want
cmp -s got want || bad "the record: $(diff got want | head -c 400)"
for d in runs/*; do
    [ "$(cat "$d/args")" = "$(printf '%s\n' 3 'a b' '$HOME' '*')" ] || bad "arguments: $(cat "$d/args")"
    [ "$(grep -c '^EARMARK_EVENT_' "$d/env")" -eq "$(jq length "$d/in")" ] || bad "a variable a key: $(cat "$d/env")"
    grep -qxF "EARMARK_EVENT_LABEL=$(jq -r .label "$d/in")" "$d/env" || bad "label: $(cat "$d/env")"
    grep -qxF "EARMARK_EVENT_TIME=$(jq -r .time "$d/in")" "$d/env" || bad "time: $(cat "$d/env")"
    [ "$(grep -c -- '->' "$d/fds")" -le 4 ] || bad "open files of ours: $(cat "$d/fds")"
    break
done
rm -r runs; mkdir runs; again 0 --exec ./hook --exec-on offset
[ "$(ls runs | wc -l)" -eq "$n_offsets" ] || bad "offsets: $(ls runs | wc -l) runs of $n_offsets"
rm -r runs; mkdir runs; again 0 --exec ./hook --exec-on both
[ "$(cat runs/*/in | wc -l)" -eq $((n_onsets + n_offsets + n_retracts)) ] || bad "both: $(cat runs/*/in | wc -l) runs"
EARMARK_MQTT=mqtt://me:secret@127.0.0.1 EARMARK_STEP=1 again 0 --exec 'sh -c "env >>all"'
grep -q '^EARMARK_STEP=1$' all && ! grep -q secret all || bad "a password, or nothing: $(grep EARMARK_ all | sort -u)"
rm -r runs; mkdir runs; EARMARK_EVENT_OLD=1 em --exec ./hook --until Dog "$demo" >out 2>err || bad "with --until: $(cat err)"
[ "$(ls runs | wc -l)" -eq 1 ] && ! grep -q EVENT_OLD runs/*/env || bad "the run is there when the program ends: $(cat runs/*/env)"

# what is made anew runs only what is asked for beside it
printf 'exec = %s/hook\nosc = osc.udp://nowhere.invalid:9/\n' "$here" >again.conf
rm -r runs; mkdir runs; again 0 --config again.conf; [ -z "$(ls runs)" ] && [ ! -s err ] || bad "a file's command ran again: $(ls runs) $(cat err)"
EARMARK_EXEC=$here/hook again 0; [ -z "$(ls runs)" ] || bad "the environment's command ran again: $(ls runs)"
again 0 --config again.conf --exec ./hook; [ "$(ls runs | wc -l)" -eq "$n_onsets" ] || bad "it was asked for: $(ls runs | wc -l)"
rm -r runs; mkdir runs

# labels are never part of a command line
cp "$source_dir/config/labels/audioset.csv" evil.csv 2>/dev/null || cp "$(ls "$source_dir"/config/labels/*.csv | head -n 1)" evil.csv
python3 - <<'P'
import csv
rows = list(csv.reader(open("evil.csv", encoding="utf-8")))
for i, row in enumerate(rows[1:]):
    row[2] = "';touch pwned%d;\"$(touch pwned)`touch pwned`\\ \t| & %%s %d" % (i, i)
with open("evil.csv", "w", newline="", encoding="utf-8") as f:
    w = csv.writer(f, quoting=csv.QUOTE_MINIMAL); w.writerow(rows[0])
    for row in rows[1:]: f.write('%s,%s,"%s"\r\n' % (row[0], row[1], row[2].replace('"', '""')))
P
rm -r runs; mkdir runs
em --labels evil.csv --scores=none --exec ./hook "$demo" >out 2>err || bad "hostile labels: $(cat err)"
[ "$(ls runs | wc -l)" -eq "$n_onsets" ] && ! ls | grep -q pwned || bad "hostile labels: $(ls; ls runs | wc -l)"
d=$(ls -d runs/* | head -n 1)
[ "$(sed -n 's/^EARMARK_EVENT_LABEL=//p' "$d/env")" = "$(jq -r .label "$d/in")" ] || bad "a hostile label arrives whole: $(cat "$d/env")"

# one that fails: a warning with its first line, all counted, status 6; what else is written is whole
again 6 -f jsonl --exec 'sh -c "echo no route; echo more; exit 3"'
says err 'sh ended with status 3: no route'; says err "of $n_onsets commands $n_onsets failed"; one_line err 2
[ "$(grep -v '"scores"' out)" = "$(cat demo.jsonl)" ] || bad "the records beside: $(diff out demo.jsonl | head -c 300)"
again 6 -v --exec 'sh -c "exit 3"'; [ "$(grep -c 'ended with status 3' err)" -eq "$n_onsets" ] || bad "-v tells each: $(cat err)"
again 6 --exec 'sh -c "kill -9 $$"'; says err 'died of signal 9'

# one that hangs is ended with its children, and whoever will not go is killed
cat >hang <<'H'
#!/bin/sh
[ $(($$ % 4)) -lt 2 ] || trap '' TERM
echo $$ >>pids
(trap '' TERM; exec sleep 50) & echo $! >>pids
wait
H
chmod +x hang
started=$(date +%s%3N)
again 6 --exec ./hang --exec-jobs 64 --exec-timeout 0.5; says err 'took longer than 0.5 s and was ended'
[ "$(since "$started")" -lt 15000 ] || bad "hung commands hold up the end: $(since "$started") ms"
[ "$(wc -l <pids)" -ge "$n_onsets" ] || bad "$(wc -l <pids) processes"
for pid in $(cat pids); do ! lives "$pid" || bad "$pid is left"; done

# one that floods its output is read, and nothing of it is kept
again 6 --exec 'sh -c "yes flood"' --exec-timeout 0.5; says err 'and was ended: flood'; one_line err 2
[ "$(wc -c <err)" -lt 600 ] || bad "$(wc -c <err) bytes"
again 0 --exec 'sh -c "head -c 3000000 /dev/zero"'; empty err

# so many at once and no more
cat >gauge <<'H'
#!/bin/sh
mkdir "now/$$" && ls now | wc -l >>gauges; sleep 0.3; rmdir "now/$$"
H
chmod +x gauge; mkdir now
again 0 --exec ./gauge --exec-jobs 2
[ "$(sort -n gauges | tail -n 1)" -le 2 ] && [ "$(wc -l <gauges)" -eq "$n_onsets" ] || bad "at once: $(cat gauges)"

# live, commands that hang delay no hop, and a signal ends all of it
noise_wav $((6 * 32000)) >noise.wav
rm -f pids; started=$(date +%s%3N)
timeout 60 "$earmark" --live -f jsonl --scores --all-classes -t 0.005 --step 0.5 --exec ./hang --exec-jobs 1 --exec-timeout 30 - >out 2>err \
    < <(cat noise.wav; sleep 20) & pid=$!
for _ in $(seq 200); do [ "$(grep -c '"scores"' out)" -ge 5 ] && [ -s pids ] && break; sleep 0.05; done
started=$(date +%s%3N); pkill -TERM -P $pid; wait $pid; code=$?
[ $code -eq 6 ] && [ "$(since "$started")" -lt 6000 ] || bad "a signal: exit code $code after $(since "$started") ms: $(cat err)"
[ -s pids ] && [ "$(grep -c '"type":"onset"' out)" -gt 1 ] || bad "hung, and further events are told: $(grep -c '"onset"' out)"
sleep 0.2; for p in $(cat pids); do ! lives "$p" || bad "$p is left after the signal"; done
"$jsonl_check" <out >types || bad "a record is not JSON"

# wrong use
run 2 --exec ./nope "$demo"; says err './nope is no program'
run 2 --exec 'no-such-program -x' "$demo"; says err 'no-such-program is no program'
run 2 --exec 'sh -c "x' "$demo"; says err 'a quote does not end'
run 2 --exec ' ' "$demo"; says err '--exec'
run 2 --exec true --summary "$demo"; says err '--summary'
run 2 --exec true --exec-on never "$demo"; says err 'onset|offset|both'
finish
