#!/bin/bash
# together.sh EARMARK SOURCE_DIR JSONL_CHECK - several sources at once: each has the very records that it has alone; who is lost stops
# nobody; what cannot be together is said.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || { echo "jq is not installed"; exit 77; }

wav() { wav_header 1 "$1" "$2" 16 $(($3 * $1 * 2)); noise_raw $(($3 * $1)); }      # channels rate frames
wav 1 16000 200001 >low.wav
wav 2 44100 300000 >two.wav

# ---- each as if alone ----
all=(--source dog:input="$demo" --source low:input=low.wav --source low:gate=-70 --source two:input=two.wav --source two:channel=each)
run 0 -q -f jsonl --scores=all "${all[@]}"; mv out together.jsonl; empty err
"$jsonl_check" together.jsonl || bad "records"
run 0 -q -f jsonl --scores=all --source dog:input="$demo"; mv out dog.jsonl
run 0 -q -f jsonl --scores=all --source low:input=low.wav --gate -70; mv out low.jsonl
run 0 -q -f jsonl --scores=all --source two:input=two.wav --channel each; mv out two.jsonl
for source in dog low two; do
    grep "\"source\":\"$source" "$source.jsonl" >want
    grep "\"source\":\"$source" together.jsonl >got
    [ -s want ] && cmp -s want got || bad "$source is not what it is alone: $(diff want got | head -c 300)"
done
[ "$(grep -c '"type":"start"' together.jsonl)" -eq 1 ] && [ "$(grep -c '"type":"stop"' together.jsonl)" -eq 3 ] || bad "one start, a stop each"
grep -q '"source":"two:2"' together.jsonl || bad "each channel for itself"
[ "$(jq -s '[.[] | select(.type == "stop") | select(.captured != .taken + .dropped + .waiting)] | length' together.jsonl)" -eq 0 ] ||
    bad "the counters"

# ---- the same from sections, and again from what --store keeps ----
printf '[source "dog"]\ninput = %s\n\n[source "low"]\ninput = low.wav\ngate = -70\n' "$demo" >three.conf
printf '[source "two"]\nchannel = each\ninput = two.wav ; a comment\n' >>three.conf
run 0 -q -c three.conf -f jsonl --scores=all --store three.scores
# Who of several is read first is the disk's affair: only the order of a source's own records is promised.
diff <(sort together.jsonl) <(sort out) >differ || bad "sections are --source: $(head -c 400 differ)"
grep -v '"type":"scores"' together.jsonl >want
run 0 -q --replay three.scores --gate 0 -f jsonl; sort out >got
run 0 -q -f jsonl --source dog:input="$demo" --source low:input=low.wav --source two:input=two.wav --source two:channel=each
sort out >want; cmp -s want got || bad "--replay: $(diff want got | head -c 400)"
run 0 -q -c three.conf --scores=none "$demo"; grep -q '^dog ' out && bad "a file on the command line is heard alone"
mkdir clips
run 0 -q -c three.conf --scores=none --clip-dir clips -f jsonl
jq -r 'select(.type == "offset") | .clip' out | sort >want; ls clips/* | sort >got
[ -s got ] && cmp -s want got || bad "clips: $(diff want got | head -c 400)"

# ---- as many as there may be: one batch, and the bits of each alone ----
all=()
for i in $(seq 32); do
    { wav_header 1 1 32000 16 128000; noise_raw $((64000 + 999 * i)) | tail -c 128000; } >"s$i.wav"      # another one each
    all+=(--source "s$i:input=s$i.wav")
done
run 0 -v -f jsonl --scores=all "${all[@]}"; mv out many.jsonl
[ "$(grep -c 'up to 32 windows at once' err)" -eq 32 ] || bad "not one batch: $(grep 'at once' err | head -n 2)"
for i in 1 17 32; do
    run 0 -q -f jsonl --scores=all --source "s$i:input=s$i.wav"; grep "\"source\":\"s$i\"" out >want
    grep "\"source\":\"s$i\"" many.jsonl >got
    [ "$(wc -l <got)" -ge 3 ] && cmp -s want got || bad "s$i is not what it is alone: $(diff want got | head -c 300)"
done

# ---- at their own pace, and one that is lost ----
head -c 60000 low.wav >cut.wav
run 4 -f jsonl --realtime --duration 4 --source dog:input="$demo" --source cut:input=cut.wav --source low:input=low.wav
says err 'cut.wav'
[ "$(jq -rs '[.[] | select(.type == "stop") | "\(.source) \(.time)"] | sort | join(",")' out)" = "cut 1.874,dog 4,low 4" ] ||
    bad "stops: $(grep stop out)"
tail -1 out | grep -q '"source":"cut"' && bad "the lost one is told when it is lost"

# ---- what cannot be ----
usage() { run 2 "${@:2}"; empty out; one_line err 2; says err "$1"; }
usage 'source a: has no device, url, input or jack' --source a:channel=2
usage 'source a: choose one of device, url, input and jack' --source a:input=x --source a:device=y
usage 'not NAME:KEY=VALUE' --source a:b:input=x
usage 'the key being one of device, url,' --source a:colour=red
usage 'not NAME:KEY=VALUE' --source a:url=nowhere
usage 'not NAME:KEY=VALUE' --source a:stall=0
usage 'a kind of URL' --source a:url=gopher://x
usage 'no file, --device or --jack beside it' --source a:input=x "$demo"
usage 'has one timeline, and here are 3 sources at once' -c three.conf -f vtt
usage '--channel 3: there are only 2' --source a:input=two.wav --source a:channel=3 --source b:input=low.wav
usage '--summary is for files' --source a:input=low.wav --summary
printf '[source]\ninput = x\n' >none.conf; usage 'none.conf:1: [source] has no name' -c none.conf
printf '[source "a"]\ncolour = red\n' >colour.conf; usage "colour.conf:2: unknown key 'colour' of a source; it has device, url," -c colour.conf
printf '[source "a"]\nchannel = 99\n' >channel.conf; usage 'channel.conf:2: channel: ' -c channel.conf
usage 'has no end: nothing can be heard after it' rtsp://a.invalid/ "$demo"
run 4 --source a:input="$demo" --source b:input=nowhere.wav; one_line err; says err 'nowhere.wav'
run 0 --print-config --source a:url=rtsp://me:secret@b/c; says out 'source = a:url=rtsp://me:***@b/c'
finish
