#!/bin/bash
# events.sh - what sounded, from when to when, as the program tells it: each event once and ended, the same bytes however the
# sound comes, and who is told of by which options.
. "$(dirname "$0")/lib.sh"

same() { cmp -s "$1" "$2" || bad "$1 and $2 differ: $(diff "$1" "$2" | head -c 300)"; }
labels() { jq -r 'select(.type == "offset") | .label' out | sort -u; }
true_labels() { tail -n +2 "$source_dir/config/demo/demo.tsv" | cut -f 3 | sort -u; }
first_label() { tail -n +2 "$source_dir/config/demo/demo.tsv" | head -n 1 | cut -f 3; }

# each onset has one end, an offset or a retract; records keep the order of time in which they were known
run 0 -f jsonl "$demo"; cp out demo.jsonl
"$jsonl_check" <out >types || bad "a record is not JSON"
[ "$(head -n 1 types)$(tail -n 1 types)" = startstop ] || bad "the ends: $(tr '\n' ' ' <types)"
jq -e -s '[.[] | select(.type == "onset") | .id] as $on | [.[] | select(.type == "offset" or .type == "retract") | .id] as $off |
          ($on | length > 0) and ($on | sort) == ($off | sort) and ($on | unique | length) == ($on | length)' out >/dev/null ||
    bad "not every onset has one end: $(head -c 500 out)"
jq -e -s 'all(.[] | select(.type == "offset"); .onset < .offset and .time == .offset and .res > 0 and .delay >= 0 and .peak >= .mean and
          (.duration - (.offset - .onset) | fabs) < 0.002)' out >/dev/null || bad "times and figures: $(grep offset out | head -c 500)"
[ "$(comm -13 <(labels) <(true_labels) | wc -l)" -eq 0 ] || bad "not told: $(comm -13 <(labels) <(true_labels))"

# the same bytes with any number of threads, and from a pipe
run 0 -f jsonl --threads 1 "$demo"; same out demo.jsonl
noise_wav $((15 * 32000)) >noise.wav
run 0 -f jsonl --all-classes -t 0.01 noise.wav; cp out noise.jsonl; says out '"type":"offset"'
without_names() { sed 's/"stdin"/"noise.wav"/; s/"id":"[^"]*"/"id":""/' "$1"; }        # an id is made of the source's name, too
em -f jsonl --all-classes -t 0.01 - <noise.wav >piped.jsonl 2>err; without_names piped.jsonl >out; without_names noise.jsonl >want; same out want

# text: a line an event, between the lines of hops, or alone
run 0 "$demo"; grep -cE '^[0-9:.]+ - [0-9:.]+  .* [01]\.[0-9]{2}$' out >n
[ "$(cat n)" -eq "$(grep -c '"offset"' demo.jsonl | head -n 1)" ] || bad "$(cat n) lines of events"
grep -qE '^0:01\.0  ' out || bad "lines of hops stay: $(head -n 3 out)"
run 0 --scores=none -T seconds "$demo"; one_line out "$(cat n)"
grep -qE "^[0-9.]+ - [0-9.]+  $(first_label) " out || bad "seconds: $(cat out)"

# who is told of: the first sound of the clip and what follows until it is surely over
loud=$(first_label)
first() { run 0 -f jsonl --duration "$(sed -n 2p "$source_dir/config/demo/demo.tsv" | awk '{ print int($2 + 4) }')" "$@" "$demo"; }
first --watch "$loud"; [ "$(labels)" = "$loud" ] || bad "--watch: $(labels)"
first --ignore "$loud"; ! labels | grep -qxF "$loud" || bad "--ignore: $(labels)"
first --watch "$loud" --min-on 600; [ -z "$(labels)" ] || bad "--min-on: $(labels)"
first --watch "$loud=1"; [ -z "$(labels)" ] || bad "a threshold that nothing reaches: $(labels)"
first --watch "$loud" --tune "$loud:min-on=600"; [ -z "$(labels)" ] || bad "--tune: $(labels)"
printf '[class "%s"]\nmin-on = 600\n[group "it"]\nclass = %s\n' "$loud" "$loud" >section.conf
first -c section.conf --watch "$loud"; [ "$(labels)" = it ] || bad "sections: $(labels)"
jq -e -s 'any(.[]; .type == "onset" and .group == "it" and .slug == "it" and (has("index") | not))' out >/dev/null || bad "a group's record: $(cat out)"
run 2 --tune "Bogus sound:min-on=1" "$demo"; says err 'Bogus sound'
run 2 --group "alarm=Bogus sound" "$demo"; says err 'Bogus sound'

# kept scores tell the same again, byte by byte, from files, several channels and a device, and other events by other rules
run 0 -f jsonl --store demo.scores -o demo.again -f text -o demo.txt "$demo"; same demo.again demo.jsonl
run 0 --replay demo.scores -f jsonl; same out demo.jsonl; empty err
run 0 -f jsonl --watch "$loud" --min-off 0 "$demo"; cp out want
run 0 -f jsonl --watch "$loud" --min-off 0 --replay demo.scores; same out want
run 0 --replay demo.scores; grep ' - ' out >events; grep ' - ' demo.txt >want; same events want; one_line out "$(wc -l <demo.txt)"
silence_wav 64000 2 >two.wav
run 0 --channel each -f jsonl --all-classes -t 0.005 --start-time 2026-05-01T04:30:00Z --store two.scores noise.wav two.wav; cp out want
run 0 -f jsonl --all-classes -t 0.005 --replay two.scores; same out want; says out '"source":"two.wav:2"'
run 0 --all-classes -t 0.005 --replay two.scores; says out 'noise.wav:1  '
for _ in 1 2 3; do          # a machine that is busy may lose records of one output that the other has
    em --live -f jsonl --all-classes -t 0.005 --store live.scores - <noise.wav >want 2>err
    grep -q '"type":"lost"' want || break
done
says want '"type":"offset"'; says want '"state":"up"'
run 0 -f jsonl --all-classes -t 0.005 --replay live.scores; same out want

# a file of scores that is none, or damaged
run 4 --replay nope.scores; says err nope.scores; one_line err
run 4 --replay noise.wav; says err 'no file of scores'; one_line err; empty out
head -c 90000 demo.scores >cut.scores
run 4 -f jsonl --replay cut.scores; says err 'ends inside a record'; says out '"type":"start"'
run 2 --replay demo.scores noise.wav; says err noise.wav
run 2 --replay demo.scores --store x.scores; says err '--store'
run 2 --store x.scores --summary noise.wav; says err '--summary'
run 2 --store - noise.wav; says err 'standard output'
run 2 --store x.txt -o x.txt noise.wav; says err 'x.txt'
run 2 -f store noise.wav; says err "'store'"
run 6 --store nowhere/x.scores noise.wav; says err 'nowhere/x.scores'

# silence, and too little sound for an event
silence_wav $((3 * 32000)) >silence.wav
run 0 -f jsonl silence.wav; one_line out 2
first --summary; ! grep -q onset out || bad "a summary stands in place of events: $(cat out)"
finish
