#!/bin/bash
# output.sh - what leaves: results on stdout, messages on stderr, no escape sequence in a pipe, the same bytes for
# the same sound however it comes.
. "$(dirname "$0")/lib.sh"

no_escapes() { ! grep -q $'[\x1b\r]' "$1" || bad "an escape sequence in $1"; }
same() { cmp -s "$1" "$2" || bad "$1 and $2 differ: $(diff "$1" "$2" | head -c 300)"; }

run 0 --help;         empty err; says out 'Usage: earmark'; says out '--top-k'
run 0 --version;      empty err; says out 'earmark '
for row in portaudio jack mpi hdf5 mqtt osc http cairo cuda; do says out "$row: "; done
# A build with the GPU says so; gpu_emu_program is one with the emulated GPU.
if grep -q '^EARMARK_CUDA:BOOL=ON' "$(dirname "$earmark")/CMakeCache.txt"; then
    says out 'cuda: yes'
else
    says out 'cuda: no (build option EARMARK_CUDA)'
fi
run 0 --help --top-k 3
run 0 --print-config; empty err; says out 'top-k = 5'
cp out printed.conf
run 0 --config printed.conf --print-config; same out printed.conf
EARMARK_TOP_K=3 run 0 --print-config; says out 'top-k = 3'
run 0 --list-classes; empty err; one_line out 528; says out '0,/m/09x0r,"Speech"'
cp out classes.csv
run 0 --labels classes.csv --list-classes; same out classes.csv
run 0 --inspect nano; empty err; says out 'trained'
ASAN_OPTIONS=detect_leaks=0 run 0 --list-devices     # what the sound libraries keep is theirs

# a source in a file gives way to one on the command line, and raw samples need no operand
printf 'jack = yes\nraw = s16le\nout-dir = d\nlive = yes\n' >source.conf
run 0 -c source.conf -o over.txt --duration 1 --realtime -q "$demo"; one_line over.txt; [ ! -e d ] || bad "an output folder that was overridden"
EARMARK_INPUT=nope.wav run 4 -D em-test-none; says err 'em-test-none'
head -c 64000 /dev/zero | em --raw s16le >out 2>err || bad "--raw alone reads standard input: $(cat err)"
one_line out; says out '0:01.0'
head -c 64000 /dev/zero | EARMARK_RAW=s16le em >out 2>err || bad "so does raw below the command line: $(cat err)"
one_line out

# text
run 0 --duration 1.5 --ignore Silence "$demo"; empty err; one_line out 2; no_escapes out
says out '0:01.0  '; says out '0:01.5  '
run 0 --duration 1 -T seconds -k 1 "$demo"; grep -q '^1\.000  ' out || bad "-T seconds: $(cat out)"
run 0 --duration 1 -T samples -k 1 "$demo"; grep -q '^32000  ' out || bad "-T samples: $(cat out)"
run 0 --duration 1 -T utc -k 1 --start-time 2026-05-01T04:30:00Z "$demo"; grep -q '^2026-05-01T04:30:01.000Z  ' out || bad "-T utc: $(cat out)"
TERM=xterm run 0 --duration 5 "$demo"; no_escapes out      # loud classes would have colour on a terminal
run 0 --duration 1 -k 2 --watch Dog --watch 'Speech=0.99' "$demo"
grep -qE '^0:01\.0  Dog [01]\.[0-9]{2}$' out || bad "just the watched class: $(cat out)"
run 0 --duration 1 -k 1 --ignore dog "$demo"
! grep -q 'Dog' out || bad "an ignored class: $(cat out)"

# classes that the model was not trained on are listed on demand only
run 0 --duration 1 -k 100 "$demo"; [ "$(grep -o '[01]\.[0-9][0-9]' out | wc -l)" -eq 67 ] || bad "not the 67 that the model knows: $(cat out)"
run 0 --duration 1 -k 20 --all-classes "$demo"; [ "$(grep -o '[01]\.[0-9][0-9]' out | wc -l)" -eq 20 ] || bad "--all-classes: $(cat out)"
run 0 --duration 1 --watch Speech "$demo"; says err 'was not trained on Speech'; says out 'Speech'
run 0 -f jsonl --scores -k 100 --duration 1 "$demo"; [ "$(grep -o '"label"' out | wc -l)" -eq 67 ] || bad "jsonl lists others: $(cat out)"

# a model file again: half the size, another name, the same answers nearly
run 0 --rewrite nano -o half.safetensors --half --name quartz --licence CC0 --metrics '{"mAP":0.5}'; empty out; empty err
run 0 --inspect ./half.safetensors; says out 'quartz'; says out '{"mAP":0.5}'; says out 'CC0'; says out 'trained from scratch'
run 0 -m ./half.safetensors -k 1 --duration 3 "$demo"; says out 'Animal'
run 0 --rewrite nano --mean-with ./half.safetensors -o mean.safetensors; run 0 -m ./mean.safetensors -k 1 --duration 3 "$demo"; says out 'Animal'
run 2 --rewrite nano --mean-with "$source_dir/tests/golden/data/models/mini_p.safetensors" -o x; says err 'is another network than'
run 2 --mean-with nano; says err '--mean-with is for --rewrite'
run 2 --rewrite nano; says err 'needs one -o OUT'
run 2 --rewrite nano -o x --metrics '{'; says err 'not JSON'; [ ! -e x ] || bad "a refused rewrite leaves a file"
run 2 --rewrite nano -o x --epochs 3; says err '--epochs'
run 2 --half nano; says err '--half is for --rewrite'
run 3 --rewrite nope -o x; says err 'nope'
run 6 --rewrite nano -o nowhere/x; says err 'nowhere/x'

# jsonl: every record parses, and the counters add up
run 0 -f jsonl --slots --duration 1 "$demo"; one_line out 3; says out '"slots":[['; ! grep -q warning err || bad "a warning of --slots: $(cat err)"
run 0 --slots --duration 1 "$demo"; says err 'warning: --slots is told by -f jsonl alone'
run 0 -f audacity -o x.txt --embeddings --duration 1 "$demo"; says err 'warning: --embeddings is told by -f jsonl alone'
cp "$demo" other.flac; run 0 --slots --out-dir parts --duration 1 "$demo" other.flac; one_line err; says err 'told by -f jsonl alone'
run 0 -f jsonl --scores=all --slots --embeddings --duration 3 --min-on 600 "$demo"; empty err
"$jsonl_check" <out >types || bad "a record is not JSON"
[ "$(tr '\n' ' ' <types)" = 'start scores scores scores stop ' ] || bad "records: $(tr '\n' ' ' <types)"
run 0 -f jsonl --scores -k 3 --step 0.5 --duration 1 "$demo"; one_line out 4
run 0 -f jsonl --level --min-on 600 "$demo"; "$jsonl_check" <out >types || bad "a record is not JSON"
[ "$(grep -c '^level$' types)" -eq 6 ] || bad "levels: $(cat types)"
if em --version | grep -q 'loudness: yes'; then
    python3 - <<'end'
import array, math, wave
sine = [math.sin(2 * math.pi * 997 * i / 44100) for i in range(21 * 44100)]
with wave.open("both.wav", "wb") as f:
    f.setparams((2, 2, 44100, 0, "NONE", ""))
    f.writeframes(array.array("h", [round(32767 * g * x) for x in sine for g in (10 ** -.5, 10 ** -1.5)]).tobytes())
end
    run 0 -f jsonl --level --channel each --min-on 600 both.wav
    jq -r 'select(.type == "level") | "\(.source) \(.time) \(.lufs)"' out | sed 's/\.0//g' >got
    printf '%s\n' 'both.wav:1 10 -13' 'both.wav:2 10 -33' 'both.wav:1 20 -13' 'both.wav:2 20 -33' | cmp -s - got || bad "loudness: $(cat got)"
fi
run 2 --level --summary "$demo"; says err '--level and --summary cannot go together'
run 2 --replay x --level; says err '--replay and --level cannot go together'
run 0 --level --duration 1 "$demo"; says err 'warning: --level is told by -f jsonl alone'
run 6 -f jsonl --mqtt mqtt://127.0.0.1:1 --min-on 600 --duration 11 "$demo"; ! grep -q '"level"' out || bad "levels that nobody asked for"
run 0 -f jsonl --summary "$demo"; one_line out 3; says out '"type":"summary"'; says out '"windows":63'
run 0 -f jsonl --start-time 2026-05-01T04:30:00Z --scores --duration 1 "$demo"; says out '"utc":"2026-05-01T04:30:01.000Z"'
run 0 -f jsonl --scores --duration 1 "$demo"; ! grep -q utc out || bad "a file without --start-time has no wall clock"

# the same sound: file, pipe, raw pipe, two threads, twice; scores alone, for events have ids of their source (events.sh)
n=$((12 * 32000 + 777))
noise_wav $n >noise.wav
noise_raw $n >noise.raw
run 0 -f jsonl --min-on 600 --scores=all noise.wav; cp out file.jsonl; one_line out 15
run 0 -f jsonl --min-on 600 --scores=all --threads 1 noise.wav; same out file.jsonl
for pipe in 'cat noise.wav' 'dd bs=777 if=noise.wav status=none' 'head -c -0 noise.wav'; do
    $pipe | em -f jsonl --min-on 600 --scores=all - 2>err | sed 's/"stdin"/"noise.wav"/' >out; same out file.jsonl; empty err
done
em -f jsonl --min-on 600 --scores=all --raw s16le - <noise.raw 2>err | sed 's/"stdin"/"noise.wav"/' >out; same out file.jsonl

# several outputs, several files
run 0 -f jsonl --scores -o a.jsonl -f text -o - --duration 1 "$demo"; one_line out; one_line a.jsonl 3
ln -s /dev/stdout link
run 0 -o link --duration 1 "$demo"; one_line out; says out '0:01.0'; [ -L link ] || bad "a link to /dev/stdout stays one"
em -o /dev/stdout --duration 1 "$demo" 2>err | cat >out; one_line out
run 0 -f jsonl --scores -o /dev/fd/3 -f text -o - --duration 1 "$demo" 3>third; one_line third 3; one_line out
silence_wav 16000 2 >two.wav
silence_wav 1 >one.wav
run 0 two.wav one.wav; one_line out 2; says out 'two.wav  0:00.5'; says out 'one.wav  0:00.0'
run 0 --out-dir d -f jsonl --scores two.wav one.wav; empty out; one_line d/two.wav.jsonl 3; one_line d/one.wav.jsonl 3
run 0 -v --duration 1 "$demo"; one_line err 2; says err 'real-time ratio'; says err '1.0 s heard'
printf 'top-k = 1\n' >one.conf
run 0 -vv -c one.conf --watch Dog --duration 1 "$demo"; says err 'real-time ratio'; says err 'read one.conf'; says err 'nano.safetensors'
says err '527 classes, 1 of them listed'; says err 'source 1 of 1: demo.flac, 32000 Hz'
run 0 --progress=jsonl -o x.txt two.wav one.wav; empty out
jq -e -s 'length >= 2 and (.[-1] | .type == "progress" and .source == "one.wav" and .file == 2 and .files == 2 and .done == .total)' err >keys ||
    bad "progress records: $(cat err)"
run 0 --progress=never two.wav one.wav; empty err
run 0 --quiet --progress=jsonl two.wav; empty err
run 0 --channel each two.wav; one_line out 2; says out 'two.wav:2'
run 0 --out-dir d --channel each two.wav; one_line d/two.wav.txt 2; says d/two.wav.txt 'two.wav:2  0:00.5'
for shard in 1/2 2/2; do run 0 --shard $shard two.wav one.wav; one_line out; cat out; done >shards
says shards 'two.wav'; says shards 'one.wav'

# files of one name: told apart by their paths, in records and in --out-dir
mkdir -p a/deep b
cp two.wav a/same.wav; cp one.wav b/same.wav; cp one.wav a/deep/other.wav; cp one.wav stdin
sources() { sed -n 's/.*"type":"summary","source":"\([^"]*\)".*/\1/p' out | tr '\n' ' '; }
run 0 -f jsonl --summary a/same.wav ./b/same.wav a/deep/other.wav
[ "$(sources)" = 'a/same.wav ./b/same.wav other.wav ' ] || bad "sources: $(sources)"
run 0 -f jsonl --summary a/same.wav a/same.wav; [ "$(sources)" = 'same.wav same.wav ' ] || bad "one file twice: $(sources)"
run 0 --shard 2/2 -f jsonl --summary a/same.wav b/same.wav; [ "$(sources)" = 'b/same.wav ' ] || bad "a part: $(sources)"
run 0 a/same.wav b/same.wav; says out 'a/same.wav  0:00.5'; says out 'b/same.wav  0:00.0'
run 0 --out-dir of_one_name -f jsonl --summary a/same.wav ../"$(basename "$here")"/b/same.wav "$here/a/deep/other.wav"; empty out
(cd of_one_name && find . -type f | sort | tr '\n' ' ') >out
[ "$(cat out)" = "./$(basename "$here")/b/same.wav.jsonl ./a/same.wav.jsonl ./other.wav.jsonl " ] ||
    [ "$(cat out)" = "./a/same.wav.jsonl ./other.wav.jsonl ./$(basename "$here")/b/same.wav.jsonl " ] || bad "--out-dir: $(cat out)"
silence_wav 320 | em -f jsonl --summary - stdin >out 2>err; [ "$(sources)" = '- stdin ' ] || bad "standard input and a file stdin: $(sources)"
long=$(printf 'x%.0s' $(seq 60))
mkdir -p "$long/$long"; cp one.wav "$long/$long/same.wav"
run 0 -f jsonl --summary "$long/$long/same.wav" b/same.wav
sources | grep -qE '^\.\.\.x{25,}/x{60}/same\.wav b/same\.wav $' || bad "a long path: $(sources)"

# NaN and infinity: finite scores, the reset is counted
(wav_header 3 1 32000 32 128000; printf '\0\0\300\177\0\0\200\177'; head -c 127992 /dev/zero) >nan.wav
run 0 -f jsonl --scores=all nan.wav
"$jsonl_check" <out >/dev/null || bad "NaN in, JSON out"
grep -q '"resets":[1-9]' out || bad "the reset is counted: $(tail -1 out)"

# live: the first line on stderr is the banner, and stdout has plain lines
run 0 --realtime --duration 1 "$demo"; one_line err; says err 'real-time ratio'; says err 'step 1 s'; one_line out; no_escapes out; no_escapes err
run 0 --realtime --quiet --duration 1 "$demo"; empty err
em --realtime --duration 1 --config /dev/null "$demo" >out 2>err </dev/null
JOURNAL_STREAM=$(stat -Lc %d:%i err) em --realtime --duration 1 "$demo" >out 2>>err </dev/null
tail -n 1 err | grep -q '^<6>earmark: 0' || bad "the journal gets priorities: $(tail -n 1 err)"
JOURNAL_STREAM=1:2 run 0 --realtime --duration 1 "$demo"; ! grep -q '<6>' err || bad "another stream is no journal"
silence_wav $((65 * 32000)) >silence.wav
run 0 --step 5 silence.wav; one_line err; says err 'silence.wav'; says err 'digital silence'
run 0 --color=always --duration 4 "$demo"; grep -q $'\x1b\\[1m' out || bad "--color=always has colour"
finish
