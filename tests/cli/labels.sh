#!/bin/bash
# labels.sh EARMARK SOURCE_DIR JSONL_CHECK HOSTILE_LABELS - labels that are meant to break a reader, on their way to commands, into names of
# clips and, in hostile.py, to a terminal, a service's status and through files of scores. formats.sh has them in files, tests/peer in topics
# and OSC addresses, tests/web in feeds, metrics and a browser.
hostile_labels=$4
. "$(dirname "$0")/lib.sh"

n=47                                    # of them

# a command for each event: the record on standard input, what it says in variables too, and nothing of it on the command line
cat >hook <<'H'
#!/bin/sh
d=$(mktemp -d runs/XXXXXX) || exit 1
cat >"$d/in"
env -0 | grep -z '^EARMARK_EVENT_' >"$d/env"
printf '%s\0' "$#" "$@" >"$d/args"
H
chmod +x hook; mkdir runs
timeout 100 "$hostile_labels" --exec './hook "a b"' >out 2>err || bad "--exec: $(cat err)"
empty out; empty err
[ "$(ls runs | wc -l)" -eq $((4 * n)) ] || bad "$(ls runs | wc -l) runs of $((4 * n))"
python3 - <<'P' || bad "what commands are told"
import glob, json, sys
good, labels = True, set()
for folder in glob.glob("runs/*"):
    lines = open(folder + "/in", encoding="utf-8", newline="\n").read().split("\n")
    record = json.loads(lines[0])
    told = dict(v.split("=", 1) for v in open(folder + "/env", encoding="utf-8", newline="\n").read().split("\0") if v)
    labels.add(record["label"])
    if lines[1:] != [""] or open(folder + "/args").read() != "1\0a b\0" or len(told) != sum(v is not None for v in record.values()) or \
       told["EARMARK_EVENT_LABEL"] != record["label"] or told["EARMARK_EVENT_SOURCE"] != record["source"]:
        print(folder, str(lines)[:300], str(told)[:300])
        good = False
sys.exit(not good or len(labels) < 35)
P
[ "$(ls | tr '\n' ' ')" = 'err hook out runs ' ] || bad "something was made: $(ls)"

# a clip's name is letters, digits and _, in its folder
mkdir clips
timeout 100 "$hostile_labels" --clip-dir clips >out 2>err || bad "--clip-dir: $(cat err)"
[ "$(ls -A clips | wc -l)" -eq $((2 * n)) ] || bad "$(ls -A clips | wc -l) clips of $((2 * n))"
! ls -A clips | grep -qvE '^(dog_wav|a_b_c_wav_1|two_2_wav_2)-[a-z0-9_]{1,80}-[0-9]{26}\.flac$' || bad "names: $(ls -A clips | head -5)"
[ "$(ls | tr '\n' ' ')" = 'clips err hook out runs ' ] || bad "outside the folder: $(ls)"
# the live view, STATUS= and --store with --replay
timeout 200 python3 "$source_dir/tests/cli/hostile.py" "$hostile_labels" "$earmark" </dev/null || bad "terminal, status or scores"
for f in clips/*; do [ "$(head -c 4 "$f")" = fLaC ] || bad "$f is no FLAC"; done
finish
