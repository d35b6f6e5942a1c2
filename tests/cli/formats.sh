#!/bin/bash
# formats.sh - events as other programs read them: every format holds what jsonl says of the same run, whatever the labels are,
# and the trainer takes its own two back.
. "$(dirname "$0")/lib.sh"
hostile_labels=$4
export EARMARK_THREADS=1                # of many short runs
reader="$source_dir/tests/cli/formats.py"
formats='audacity:audacity.txt dcase:dcase.tsv sed-eval:sed-eval.txt audioset:audioset.tsv vtt:vtt srt:srt raven:raven.txt csv:csv obs:obs.txt'

short=$(sed -n 2p "$source_dir/config/demo/demo.tsv" | awk '{ print int($2 + 4) }')      # seconds with the clip's first sound

# read_back PREFIX options...: what each reader says of it
read_back() { python3 "$reader" "$@" || bad "$*: not what jsonl says"; }

# all of them at once, of one run; PREFIX options...
all_formats() {
    local prefix=$1 pairs=() f
    shift
    for f in $formats jsonl:jsonl; do pairs+=(-f "${f%%:*}" -o "$prefix.${f##*:}"); done
    run 0 "${pairs[@]}" "$@"; empty out
}
run 0 -f vtt --vtt=metadata -o demo.meta.vtt --duration 30 "$demo"; empty out
all_formats demo --duration 30 "$demo"; read_back demo --own --metadata
TZ=XYZ-2 all_formats clock --start-time 2026-05-01T21:59:50Z -k 1 --duration "$short" "$demo"; read_back clock --top-k 1
grep -qE '^(23:59|00:00):' clock.obs.txt || bad "the day's time in the zone of the machine: $(cat clock.obs.txt)"
one_line clock.obs.txt

# 40 labels that are meant to break a reader, alone and with sources as bad
"$hostile_labels" . || bad "hostile labels cannot be written"
read_back hostile --top-k 47 --metadata; read_back sources --sources --top-k 47 --metadata
for f in hostile.* sources.*; do ! grep -q $'[\x1b\x07\x7f]' "$f" || bad "an escape sequence in $f"; done

# one output a file: each in its own file, with the same bytes as alone
mkdir two; cp "$demo" two/one.flac; cp "$demo" two/other.flac
pairs=(); for f in $formats jsonl:jsonl text:txt; do pairs+=(-f "${f%%:*}"); done
run 0 --duration "$short" --out-dir d "${pairs[@]}" two/one.flac two/other.flac; empty out
[ "$(find d -type f | wc -l)" -eq 22 ] || bad "--out-dir: $(ls d)"
read_back d/one.flac; read_back d/other.flac
run 0 --duration "$short" -f srt two/one.flac; cmp -s out d/one.flac.srt || bad "standard output has other bytes: $(diff out d/one.flac.srt)"

# each channel for itself: which one stands where there is a place for it
run 0 --duration "$short" --channel each --out-dir each "${pairs[@]}" two/one.flac; read_back each/one.flac --sources
run 0 --duration "$short" -f sed-eval two/one.flac two/other.flac; cut -f 1 out | sort -u | tr '\n' ' ' >names
[ "$(cat names)" = 'one.flac other.flac ' ] || bad "several files: $(cat out)"
run 0 --duration "$short" -T ms -f csv two/one.flac; grep -qE '^"one.flac",[0-9]+,[0-9]+,' out || bad "-T ms: $(cat out)"

# the trainer reads what dcase and audioset say: the same classes, of one clip
jq -r 'select(.type == "offset") | .label' demo.jsonl | sort -u >labels
for f in dcase:dcase.tsv audioset:audioset.tsv; do
    mkdir "data-${f%%:*}"; cp "$demo" "demo.${f##*:}" "data-${f%%:*}"
    run 0 --train --dry-run --data "data-${f%%:*}" --layout "${f%%:*}" --out run
    sed -n '/^class /,/^sound:/p' out | sed '1d; $d; s/  *1$//' | sort | cmp -s - labels || bad "--train on $f: $(head -c 600 out)"
done

# what cannot be says so
for f in $formats; do run 2 -f "x${f%%:*}" "$demo"; says err " ${f%%:*}"; done
for f in audacity srt obs; do run 6 -f $f -o /dev/full --duration "$short" "$demo"; says err /dev/full; done
run 2 -f jsonl -o x -f csv -o y --summary "$demo"; says err '-f csv'; [ ! -e x ] || bad "a refused output is there"
for f in audacity srt; do run 2 -f $f -o x "$demo" "$demo"; says err --out-dir; [ ! -e x ] || bad "a refused output is there"; done
run 0 --scores=none --duration 2 --store two.scores two/one.flac two/other.flac
run 0 --scores=none --duration 2 --channel each --store each.scores two/one.flac
for f in audacity vtt srt raven; do
    run 2 -f $f -o x --replay two.scores; says err 'in two.scores are 2 files'
    [ ! -e x ] || bad "a refused output is there"
done
for f in dcase csv jsonl; do run 0 -f $f --replay two.scores; done                      # each row says which file it is of
for f in audacity srt; do run 0 -f $f --replay each.scores; done                        # channels share a timeline
run 2 -f vtt --vtt=subtitles "$demo"; says err captions
run 2 -f obs "$demo"; says err --output
run 4 -f dcase -o keep.tsv nope.wav; [ ! -e keep.tsv ] || bad "nothing was heard, and keep.tsv is there"
echo old >keep.tsv; run 4 -f dcase -o keep.tsv nope.wav; [ "$(cat keep.tsv)" = old ] || bad "nothing was heard, and keep.tsv is new"
(ulimit -f 0; em -f obs -o tight.txt --duration "$short" "$demo" 2>err); [ $? -eq 6 ] || bad "an overlay that may not grow is exit code 6"
finish
