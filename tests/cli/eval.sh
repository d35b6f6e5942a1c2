#!/bin/bash
# eval.sh - --eval as people run it: reports, times of strong labels, pictures, sets of noise, names that the model does not have.
. "$(dirname "$0")/lib.sh"
nano=$source_dir/config/models/nano.safetensors
export EARMARK_THREADS=1                # little work: threads would wait for each other on a busy machine

# number KEY FILE: the first number of that name in a line of JSON.
number() { grep -o "\"$1\":[-0-9.e]*" "$2" | head -1 | cut -d: -f2; }
# within KEY FILE LEAST MOST
within() { awk -v x="$(number "$1" "$2")" "BEGIN { exit !(x != \"\" && x >= $3 && x <= $4) }" || bad "$1 is '$(number "$1" "$2")', not $3 to $4"; }
# class_line NAME FILE: what the JSON says of one class.
class_line() { tr '\n' ' ' <"$2" | grep -o "\"class\":\"$1\"[^{]*\"segments\":{[^}]*},\"events\":{[^}]*}"; }

# ------------------------------------------------------------------ strong labels: the demo, as its own labels tell it
mkdir -p strong/audio
cp "$demo" strong/audio/
silence_wav 160000 >strong/audio/quiet.wav
{
    printf 'filename\tonset\toffset\tevent_label\n'
    sed '1d;s/^/demo.flac\t/' "$source_dir/config/demo/demo.tsv"
    printf 'quiet.wav\t\t\t\n'
} >strong/strong.tsv
run 0 --eval -m "$nano" --data strong --json; one_line out; empty err
within clips out 2 2
within map_classes out 8 8
grep -q '"segment_f1":{"micro":0\.[3-9]' out || bad "segment_f1: $(grep -o '"segment_f1":{[^}]*}' out)"
grep -q '"event_f1":{"micro":0\.[0-9]' out || bad "event_f1: $(grep -o '"event_f1":{[^}]*}' out)"
class_line Rain out | grep -q '"segments":{"hits":[56],' || bad "the rain of 7 to 12 s: $(class_line Rain out)"
class_line Rain out | grep -q '"events":{"hits":1,' || bad "it is one event: $(class_line Rain out)"
grep -q '"accuracy"' out && bad "accuracy of clips with several classes"

run 0 --eval -m "$nano" --data strong
says out 'segments F1'; says out 'events F1'; says out "thresholds: the model's"
printf 'filename\tevent_labels\nweak.wav\tRain\n' >strong/weak.tsv
noise_wav 160000 >strong/audio/weak.wav
run 0 --eval -m "$nano" --data strong --json
says err 'segments and events are of 2 clips: the other 1 have classes without times'

# ------------------------------------------------------------------ one class a clip, several, none
mkdir one many none
noise_wav 64000 | tee one/a.wav many/a.wav >none/a.wav
silence_wav 64000 | tee one/b.wav many/b.wav >none/b.wav
printf 'filename,labels\na.wav,Rain\nb.wav,Dog\n' >one/set.csv
printf 'filename,labels\na.wav,Rain|Water\nb.wav,\n' >many/set.csv
printf 'filename,labels\na.wav,\nb.wav,\n' >none/set.csv
run 0 --eval -m "$nano" --data one --json --predictions one.jsonl; within clips out 2 2; within accuracy out 0 1
one_line one.jsonl 2
grep -q '^{"clip":"a.wav","labels":\["Rain"\],"answer":"[^"]*","scores":\[' one.jsonl || bad "a prediction: $(head -c 200 one.jsonl)"
grep -q '_f1":{"micro":[^}]*}.*_f1' out && bad "times of labels without times"
run 0 --eval -m "$nano" --data many --json; within map_classes out 2 2; grep -q '"accuracy"' out && bad "accuracy of sets with noise"
run 0 --eval -m "$nano" --data none --json; within map_classes out 0 0; says out '"map":null'
run 0 --eval -m "$nano" --data none; says out 'mAP                  -'

# ------------------------------------------------------------------ names
printf 'filename,labels\na.wav,Brak\n' >one/set.csv
run 7 --eval -m "$nano" --data one; empty out; one_line err
says err 'set.csv: line 2: class "Brak" is unknown; the nearest are "Air brake", "Bark", "Croak" of the model'"'s 527 classes"
run 2 --eval -m "$nano"; says err '--data DIR'
run 7 --eval -m "$nano" --data nowhere; says err 'nowhere: cannot be read'
printf 'filename,labels\na.wav,Rain\nb.wav,Dog\n' >one/set.csv

# ------------------------------------------------------------------ pictures
# pictures PREFIX NAME...: exactly these, as both kinds.
pictures() {
    local prefix=$1 name
    shift
    for name; do
        head -c 200 "$prefix-$name.svg" | grep -q '<svg' || bad "$prefix-$name.svg is no SVG"
        head -c 8 "$prefix-$name.png" | grep -qa '^.PNG' || bad "$prefix-$name.png is no PNG"
    done
    [ "$(find . -path "./$prefix-*" | wc -l)" -eq $((2 * $#)) ] || bad "more than $*: $(echo "$prefix"-*)"
}
em --eval -m "$nano" --data one --plot p1 >out 2>err </dev/null
code=$?
if [ $code -eq 2 ]; then
    says err EARMARK_CAIRO; empty out
    run 2 --train --data one --out run --plot t; says err EARMARK_CAIRO
    [ ! -e run ] || bad "the run began"
    finish
fi
[ $code -eq 0 ] || bad "--plot: exit code $code: $(cat err)"
pictures p1 pr confusion
run 0 --eval -m "$nano" --data many --plot p2; pictures p2 pr
run 0 --eval -m "$nano" --data none --plot p3; pictures p3 pr
em --eval -m "$nano" --data one --predictions unread.jsonl 2>err </dev/null | true      # whoever read the report is gone
[ "$(wc -l <unread.jsonl)" -eq "$(wc -l <one.jsonl)" ] || bad "a reader that goes costs predictions: $(cat err)"
run 6 --eval -m "$nano" --data one --plot nowhere/p; says err 'nowhere/p-pr.svg'; says out accuracy
short=(--epochs 1 --batch 2 --micro-batch 2 --train-window 1.25 --ema 0)
run 0 --train --data one --out run --plot t "${short[@]}"; pictures t training
rm t-training.*
run 0 --train --data one --out run --plot t "${short[@]}" --resume
says err 'nothing is left to do'; pictures t training
finish
