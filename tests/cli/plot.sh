#!/bin/bash
# plot.sh - a run as a picture: of a file, of each of several, of stored scores, of a live run that a signal ends, of hostile labels; and
# what is said of mistakes.
. "$(dirname "$0")/lib.sh"
hostile_labels=$4
run 0 --version
if ! grep -q 'cairo: yes' out; then
    run 2 --plot p.png "$demo"; says err EARMARK_CAIRO; [ ! -e p.png ] || bad "a picture without cairo"
    finish
fi
is_png() { [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] && [ "$(stat -c %s "$1")" -gt 5000 ] || bad "$1 is no PNG"; }
is_svg() { head -c 400 "$1" | grep -q '<svg' && [ "$(tail -c 7 "$1")" = '</svg>' ] || bad "$1 is no SVG"; }
width() { od -An -j16 -N4 --endian=big -tu4 "$1" | tr -d ' '; }

# a file: both kinds, the same bytes again, and nothing else is left
run 0 --scores=none --progress never --duration 20 --plot a.png --store a.scores "$demo"; empty err; is_png a.png
run 0 --scores=none --duration 20 --plot b.png "$demo"; cmp -s a.png b.png || bad "the same run is another picture"
run 0 --scores=none --duration 20 --plot a.svg "$demo"; is_svg a.svg; says a.svg 'data:image/png'
run 0 --scores=none --duration 20 --plot b.svg "$demo"; cmp -s a.svg b.svg || bad "the same run is another SVG"
[ "$(find . -name '*.part' | wc -l)" -eq 0 ] || bad "parts are left: $(ls)"
# what else is told does not change by it
run 0 -f jsonl --scores=all --duration 5 "$demo"; cp out want
run 0 -f jsonl --scores=all --duration 5 --plot c.png "$demo"; cmp -s out want || bad "records are others with --plot"

# of stored scores: no sound, the lanes and events of other settings
run 0 --scores=none --replay a.scores --plot r.svg; is_svg r.svg; ! grep -q 'data:image/png' r.svg || bad "stored scores have no sound"
run 0 --scores=none --replay a.scores --watch Rain --plot r2.svg; ! cmp -s r.svg r2.svg || bad "--watch changes nothing"

# short, silent, long, and of two channels
silence_wav 16000 >short.wav; run 0 --scores=none --plot short.png short.wav; is_png short.png
silence_wav $((600 * 32000)) >long.wav; run 0 --scores=none --step 10 --plot long.png long.wav; is_png long.png
[ "$(width short.png)" = "$(width long.png)" ] || bad "half a second and ten minutes are not as wide"
run 0 --scores=none --duration 3 --channel each --plot each.png "$demo"; is_png each.png

# of several files each has its own, with --out-dir; without it they are refused
cp "$demo" other.flac
run 0 --scores=none --duration 3 --out-dir d --plot png "$demo" other.flac; is_png d/demo.flac.png; is_png d/other.flac.png
run 2 --plot two.png "$demo" other.flac; says err --out-dir; [ ! -e two.png ] || bad "a refused picture is there"

# live: drawn at the end that a signal makes; of a file that a signal cuts the part stays, beside the old picture
"$earmark" --scores=none --live --raw s16le --plot live.png - >out 2>err < <(noise_raw 320000; sleep 20) & running=$!
for i in $(seq 100); do [ -e live.png.part ] && break; sleep 0.05; done
sleep 1; kill -TERM $running
wait $running; code=$?; [ $code -eq 0 ] || bad "a live run that a signal ends: exit code $code: $(cat err)"
is_png live.png; [ ! -e live.png.part ] || bad "live.png.part is left"
echo old >cut.png
"$earmark" --scores=none --raw s16le --plot cut.png - >out 2>err < <(noise_raw 320000; sleep 20) & running=$!
for i in $(seq 100); do [ -e cut.png.part ] && break; sleep 0.05; done
sleep 1; kill -TERM $running; wait $running
[ "$(cat cut.png)" = old ] || bad "a run that was cut replaced the picture"; is_png cut.png.part

# labels that are meant to break a reader
"$hostile_labels" --plot hostile.png || bad "hostile labels cannot be drawn"; is_png hostile.png
"$hostile_labels" --plot hostile.svg || bad "hostile labels cannot be drawn"; is_svg hostile.svg

# what cannot be says so, before any work
for wrong in p.jpg p png .svg -; do run 2 --plot "$wrong" "$demo"; one_line err 2; says err 'a picture'; done
run 2 --out-dir e --plot p.png "$demo"; says err 'png or svg'; [ ! -e e/p.png ] || bad "a refused picture is there"
run 2 --plot s.png --summary -f jsonl "$demo"; says err --summary
run 2 --plot s.svg -o s.svg "$demo"; says err 's.svg'
run 2 --plot s.svg --store s.svg "$demo"; says err 's.svg'
run 6 --plot nowhere/p.png "$demo"; says err nowhere
echo old >full.png; (ulimit -f 1; em --scores=none --duration 1 --plot full.png "$demo" >out 2>err); [ $? -eq 6 ] || bad "a full disk is exit code 6"
says err full.png; [ "$(cat full.png)" = old ] || bad "a full disk took the old picture"
finish
