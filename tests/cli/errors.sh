#!/bin/bash
# errors.sh - bad input gets one sentence that names it, and the documented exit code.
. "$(dirname "$0")/lib.sh"

# usage CODE ... : one sentence and the hint, nothing on stdout.
usage() { run 2 "${@:2}"; empty out; one_line err 2; says err "$1"; says err "Try 'earmark --help'"; }
# refuses CODE TEXT args... : one sentence, nothing on stdout.
refuses() { run "$1" "${@:3}"; empty out; one_line err; says err "$2"; }

usage 'nothing to listen to'
usage '--top-j; the nearest is --top-k' --top-j 3 x.wav
usage "--top-k: '0' is not a whole number from 1 to 10000" -k 0 x.wav
usage '--jack' --jack --device x
usage '--device' --device x x.wav
usage 'read only once' - -
usage '--live and --realtime' --live --realtime x.wav
usage '--summary is for files' --summary --jack
usage 'nope.conf' --config nope.conf x.wav
usage '"Dgo" is unknown; the nearest are "Dog"' --watch Dgo "$demo"
usage '"Brak" is unknown' --ignore Brak "$demo"
usage 'threshold is not from 0 to 1' --watch Dog=2 "$demo"
usage 'a window of 3 s' --window 3 "$demo"
usage '--channel 3' --channel 3 "$demo"
usage 'cannot go together' --out-dir d -o e "$demo"
usage 'share standard output' -f text -f jsonl "$demo"
usage 'share standard output' -o - -o /dev/stdout "$demo"
usage 'same output' --out-dir d a/x.wav ./a/x.wav
usage 'same output' --out-dir d ../x.wav x.wav
usage 'same output' --out-dir d x.wav x.wav
usage 'same output' --out-dir d - stdin
usage 'needs one -o OUT' --import x
usage '--preset is for --bench' --preset nano "$demo"
usage '--json is for --bench' --json --list-classes
usage '--mean-embed is for --import' --mean-embed --doctor
usage '--mean-embed is for --import' --mean-embed --bench
usage 'hear what --data names' --train --data x --out y a.wav
usage '--training is for --bench' --training --list-classes
usage '--streams is for --bench' --streams 4 --list-classes
usage '--streams measures tagging and --training learning' --bench --training --streams 4
usage '0 to 1024' --bench --streams 1025
usage '--training measures a --preset' --bench --training -m nano
usage 'multiples of 1.25 s' --bench --training --train-window 3
usage '--preset and --model cannot go together' --bench --preset nano -m nano
usage '--backend' --backend tpu "$demo"
mkdir -p config/earmark
printf 'top-k = 3\n\ntop-j = 4\n' >config/earmark/earmark.conf
usage "earmark.conf:3: unknown key 'top-j'; the nearest is 'top-k'" x.wav
run 0 --help                        # a broken file does not stand in the way of help
rm config/earmark/earmark.conf

printf 'PK\003\004 and what else is in a checkpoint of PyTorch' >dass.pth
refuses 3 'dass.pth: zip archive: the file does not end with its directory' --import dass.pth -o dass.safetensors
refuses 3 'dass.pth: is a zip archive' -m ./dass.pth "$demo"
# a model without its metadata is a checkpoint
LC_ALL=C sed '1s/"earmark":/"trainer":/' "$source_dir/config/models/nano.safetensors" >checkpoint.safetensors
run 0 --import checkpoint.safetensors -o model.safetensors; one_line out; empty err
refuses 6 'nowhere/model.safetensors' --import checkpoint.safetensors -o nowhere/model.safetensors
refuses 4 'nope.wav' nope.wav
printf 'no sound at all, just text' >text.wav
refuses 4 'text.wav' text.wav
: >empty.wav
refuses 4 'empty.wav' empty.wav
silence_wav 0 >none.wav
refuses 4 'none.wav' none.wav
mkdir folder.wav
refuses 4 'folder.wav' folder.wav
(wav_header 1 0 32000 16 100; head -c 100 /dev/zero) >channels0.wav
refuses 4 'channels0.wav' channels0.wav
(wav_header 1 65535 32000 16 100; head -c 100 /dev/zero) >channels65535.wav
refuses 4 'channels65535.wav' channels65535.wav
(wav_header 1 1 0 16 100; head -c 100 /dev/zero) >rate0.wav
refuses 4 'rate0.wav' rate0.wav
timeout 60 env PATH="$here" "$earmark" rtsp://ear:secret@nowhere/x?token=secret >out 2>err </dev/null
[ $? -eq 4 ] || bad "without ffmpeg a URL is exit code 4"
empty out; one_line err; says err 'rtsp://ear:***@nowhere/x?***: URLs are heard by ffmpeg, which is not installed: apt-get install ffmpeg'
usage 'not a kind of URL that can be heard: there are http, https, rtsp, ' file:///etc/passwd
usage 'rtsp:///x: not a URL: it has no host' rtsp:///x
usage 'http://a b/: not a URL' 'http://a b/'

refuses 3 'nope' -m nope "$demo"
refuses 3 'text.wav' -m ./text.wav "$demo"
head -c 100000 "$source_dir/config/models/nano.safetensors" >cut.safetensors
refuses 3 'cut.safetensors' -m ./cut.safetensors "$demo"
refuses 3 'nope.csv' --labels nope.csv "$demo"
printf 'index,mid,display_name\n0,/m/1,"One"\n' >one.csv
refuses 3 'one.csv: holds 1 classes, the model has 527' --labels one.csv "$demo"
refuses 3 'nope.safetensors' --inspect ./nope.safetensors
refuses 5 'EARMARK_CUDA' --backend cuda "$demo"

refuses 6 '/dev/full' -o /dev/full "$demo"
refuses 6 'nowhere/x.txt' -o nowhere/x.txt "$demo"
em "$demo" >/dev/full 2>err
[ $? -eq 6 ] || bad "a full standard output is exit code 6"
says err 'standard output'
em --help >/dev/full 2>err
[ $? -eq 6 ] || bad "--help on a full disk is exit code 6"
(ulimit -f 1; em -f jsonl --scores=all -o tight.jsonl "$demo" 2>err)
[ $? -eq 6 ] || bad "a file that may not grow is exit code 6"
says err 'tight.jsonl'
[ ! -e tight.jsonl ] || bad "a broken output does not get its name"
"$jsonl_check" <tight.jsonl.part >/dev/null || bad "what was written before are whole records"
(ulimit -f 8; em -f jsonl --scores=all -o tight.jsonl -f text -o beside.txt "$demo" 2>err)
[ $? -eq 6 ] || bad "one of two files that may not grow is exit code 6"
[ ! -e beside.txt ] && [ -s beside.txt.part ] || bad "the run ended early: the other output is a part, too"

# A log that was opened with >> keeps what others wrote.
for i in $(seq 400); do echo "line $i of another program"; done >big.log
cp big.log before.log
(ulimit -f 12; em -f jsonl --scores=all --duration 3 "$demo" >>big.log 2>err)
[ $? -eq 6 ] || bad "a log that may not grow is exit code 6"
head -c "$(stat -c %s before.log)" big.log | cmp -s - before.log || bad "what a log held is still there: $(wc -c <big.log) bytes"

# A run that heard nothing leaves the old result, and nothing beside it.
echo precious >keep.txt
for format in text jsonl; do
    for input in nope.wav none.wav text.wav 'nope.wav text.wav'; do
        # shellcheck disable=SC2086
        run 4 -f $format -o keep.txt $input
        [ "$(cat keep.txt)" = precious ] || bad "-o $format: $input replaced an old result: $(head -c 100 keep.txt)"
        [ ! -e keep.txt.part ] || bad "-o $format: $input left keep.txt.part"
    done
done
run 4 -o never.txt nope.wav; [ ! -e never.txt ] || bad "nothing was heard, and never.txt is there"
run 2 --channel 3 --out-dir chan "$demo"; [ -z "$(ls chan)" ] || bad "nothing was heard, and there is $(ls chan)"

# The truncated file is tagged as far as it goes, and said to be cut.
(wav_header 1 1 32000 16 200000; head -c 100000 /dev/zero) >short.wav
run 4 short.wav; one_line out 2; one_line err; says err 'short.wav'
em - <short.wav >out 2>err
[ $? -eq 4 ] || bad "a truncated WAV on a pipe is exit code 4"
one_line out 2; one_line err; says err 'ends early'

# One bad file does not stop the others.
silence_wav 32000 >good.wav
run 4 nope.wav good.wav text.wav
one_line out
one_line err 2
says out 'good.wav'

# A part that is not in this build, or whose module is away, names the option that brings it.
EARMARK_MODULES=$here/nowhere run 6 --mqtt mqtt://h "$demo"; one_line err; says err '-DEARMARK_MQTT=ON'
EARMARK_MODULES=$here/nowhere run 6 --osc osc.udp://h:1/ "$demo"; one_line err; says err '-DEARMARK_OSC=ON'
EARMARK_MODULES=$here/nowhere run 6 --http 127.0.0.1:1 "$demo"; one_line err; says err '-DEARMARK_HTTP=ON'
finish
