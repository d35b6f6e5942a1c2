#!/bin/bash
# clips.sh - the sound of each event: the source's very samples, from and to where the record says; names, old files, full disks.
clip_check=$4
. "$(dirname "$0")/lib.sh"

short() { run "$1" -f jsonl --progress never --duration 21 "${@:2}"; }

# holds RECORDS SOURCE CHANNEL RATE PRE POST MOST: each offset names a clip, which holds what it should; nothing else lies in its folder.
# All runs are 21 s long.
holds() {
    local records=$1 source=$2 channel=$3 rate=$4 pre=$5 post=$6 most=$7 n=0 clip begin end folder
    while read -r clip begin end; do
        n=$((n + 1)) folder=${clip%/*}
        "$clip_check" "$clip" "$source" "$channel" "$begin" "$end" >why || bad "$(cat why)"
    done < <(jq -r --argjson rate "$rate" --argjson pre "$pre" --argjson post "$post" --argjson most "$most" 'select(.type == "offset") |
        ([.onset - $pre, 0] | max * $rate | round) as $begin |
        "\(.clip) \($begin) \([((.offset + $post) * $rate | round), $begin + $most * $rate, 21 * $rate] | min)"' "$records")
    [ $n -gt 0 ] && [ $n -eq "$(ls -A "$folder" | wc -l)" ] || bad "$n events, $(ls -A "$folder" | wc -l) files"
}

short 0 --clip-dir a/clips "$demo"; cp out demo.jsonl
holds demo.jsonl "$demo" 1 32000 2 2 60
name=$(jq -r 'select(.type == "offset") | .clip' demo.jsonl | head -n 1)
[[ $name =~ ^a/clips/demo_flac-[a-z0-9_]+-[0-9A-Z]{26}\.flac$ ]] || bad "a clip's name: $name"
short 0 "$demo"; [ "$(jq -c 'select(.type == "offset") | .clip' out | sort -u)" = null ] || bad "no clips, no names"
short 0 --clip-dir b --pre-roll 0 --post-roll 0.25 "$demo"; holds out "$demo" 1 32000 0 0.25 60
short 0 --clip-dir c --pre-roll 1 --post-roll 30 --clip-max 4 "$demo"; holds out "$demo" 1 32000 1 30 4

# other rates, widths and channels: the samples of the source, not those that the model hears
some_wav() {
    local n=$(($1 * 8 * $2 / 4))
    wav_header 1 2 "$1" "$2" $((3 * n))
    head -c $n /dev/zero; head -c $n "$source_dir/config/models/nano.safetensors"; head -c $n /dev/zero
}
some_wav 44100 16 >s16.wav; some_wav 48000 24 >s24.wav
short 0 --all-classes -t 0.02 --channel 2 --clip-dir d s16.wav; holds out s16.wav 2 44100 2 2 60
short 0 --all-classes -t 0.02 --channel each --clip-dir e s24.wav
for c in 1 2; do
    mkdir "e$c"; mv e/s24_wav_$c-* "e$c"
    jq -c --arg c "$c" 'select(.type == "offset" and .source == "s24.wav:" + $c) | .clip |= sub("^e/"; "e" + $c + "/")' out >each.jsonl
    holds each.jsonl s24.wav $c 48000 2 2 60
done
em -f jsonl --duration 21 --all-classes -t 0.02 --channel 2 --clip-dir f --live - <s16.wav >out 2>err ||
    bad "live: $(cat err)"     # says what is lost, if a busy machine loses any
jq -e -s 'any(.[]; .type == "stop" and .dropped == 0)' out >/dev/null && holds out s16.wav 2 44100 2 2 60

# a file that is there stays
cp -r a before; echo mine >"$name"
short 0 --clip-dir a/clips "$demo"; says err 'is there already, and stays'; one_line err; [ "$(cat "$name")" = mine ] || bad "a file was overwritten"
cp before/clips/* a/clips; diff -r a before >/dev/null || bad "the others changed"

# a disk that is full: told once, counted, nothing half is left, and the records are whole
(ulimit -f 200; short 6 --clip-dir full "$demo"; exit $n_failed) || n_failed=$((n_failed + 1))
says err 'cannot be written: File too large'; says err 'could not be written'; one_line err 2
[ "$(sed 's|a/clips/|full/|' demo.jsonl)" = "$(cat out)" ] || bad "the records: $(diff demo.jsonl out | head -c 300)"
! ls full | grep -q part || bad "parts: $(ls full)"
for f in full/*; do "$clip_check" "$f" "$f" 1 0 99999999 >why || bad "$(cat why)"; done

# hostile names are file names in that folder
mkdir hostile; cp "$demo" 'hostile/x..; $(x) "é'$'\n''.flac'
printf 'index,mid,display_name\r\n' >evil.csv
jq -nr 'range(527) | "\(.),/m/\(.),\"../../x\(.)/\u00e9 \\ \("/" + "a" * 150)\""' | tr '\n' '\r' | sed 's/\r/\r\n/g' >>evil.csv
short 0 --labels evil.csv --clip-dir g hostile/*; [ -n "$(ls g)" ] && ! ls g | grep -qv '^[a-z0-9_]*-[a-z0-9_]*-[0-9A-Z]*\.flac$' || bad "$(ls g)"
[ "$(ls | grep -c '^x')" -eq 0 ] || bad "outside the folder: $(ls)"

# a command is told the clip's name, too
run 0 --scores=none --duration 21 --clip-dir h --watch Bark --exec 'sh -c "echo $EARMARK_EVENT_CLIP >clip"' --exec-on offset "$demo"
[ -s "$(cat clip)" ] || bad "--exec: $(cat clip)"

# wrong use
run 2 --clip-dir x --clip-max 2 --pre-roll 2 "$demo"; says err '--clip-max'
run 2 --clip-dir x --summary "$demo"; says err '--clip-dir'
run 0 --duration 2 --store demo.scores "$demo"; run 2 --clip-dir x --replay demo.scores; says err '--clip-dir'
echo >file; run 6 --clip-dir file/x "$demo"; says err 'file'; run 6 --clip-dir file "$demo"; says err 'file'
finish
