#!/bin/bash
# events.sh - what sounded, from when to when, as the program tells it: each event once and ended, the same bytes however the
# sound comes, and who is told of by which options.
. "$(dirname "$0")/lib.sh"

same() { cmp -s "$1" "$2" || bad "$1 and $2 differ: $(diff "$1" "$2" | head -c 300)"; }
labels() { jq -r 'select(.type == "offset") | .label' "$1" | sort -u; }
true_labels() { tail -n +2 "$source_dir/config/demo/demo.tsv" | cut -f 3 | sort -u; }
first_label() { tail -n +2 "$source_dir/config/demo/demo.tsv" | head -n 1 | cut -f 3; }

# each onset has one end, an offset or a retract; records keep the order of time in which they were known
run 0 -f jsonl -o demo.jsonl -f text -o demo.txt --store demo.scores "$demo"
"$jsonl_check" <demo.jsonl >types || bad "a record is not JSON"
[ "$(head -n 1 types)$(tail -n 1 types)" = startstop ] || bad "the ends: $(tr '\n' ' ' <types)"
jq -e -s '[.[] | select(.type == "onset") | .id] as $on | [.[] | select(.type == "offset" or .type == "retract") | .id] as $off |
          ($on | length > 0) and ($on | sort) == ($off | sort) and ($on | unique | length) == ($on | length)' demo.jsonl >/dev/null ||
    bad "not every onset has one end: $(head -c 500 demo.jsonl)"
jq -e -s 'all(.[] | select(.type == "offset"); .onset < .offset and .time == .offset and .res > 0 and .delay >= 0 and .peak >= .mean and
          (.duration - (.offset - .onset) | fabs) < 0.002)' demo.jsonl >/dev/null || bad "times and figures: $(grep offset demo.jsonl | head -c 500)"
[ "$(comm -13 <(labels demo.jsonl) <(true_labels) | wc -l)" -eq 0 ] || bad "not told: $(comm -13 <(labels demo.jsonl) <(true_labels))"

# the same bytes with any number of threads, and from a pipe
run 0 -f jsonl --threads 1 "$demo"; same out demo.jsonl
noise_wav $((12 * 32000)) >noise.wav
run 0 -f jsonl --all-classes -t 0.01 noise.wav; cp out noise.jsonl; says out '"type":"offset"'
without_names() { sed 's/"stdin"/"noise.wav"/; s/"id":"[^"]*"/"id":""/' "$1"; }        # an id is made of the source's name, too
em -f jsonl --all-classes -t 0.01 - <noise.wav >piped.jsonl 2>err; without_names piped.jsonl >out; without_names noise.jsonl >want; same out want

# text: a line an event, between the lines of hops
grep -cE '^[0-9:.]+ - [0-9:.]+  .* [01]\.[0-9]{2}$' demo.txt >n
[ "$(cat n)" -eq "$(grep -c '"type":"offset"' demo.jsonl)" ] || bad "$(cat n) lines of events"
grep -qE '^0:01\.0  ' demo.txt || bad "lines of hops stay: $(head -n 3 demo.txt)"

# kept scores tell the same again, byte by byte, from files, several channels and a device, and other events by other rules
again() { run 0 --replay demo.scores "$@"; }
again -f jsonl; same out demo.jsonl; empty err
again; grep ' - ' out >events; grep ' - ' demo.txt >want; same events want; one_line out "$(wc -l <demo.txt)"
loud=$(first_label)
run 0 -f jsonl --watch "$loud" --min-off 0 "$demo"; cp out want; again -f jsonl --watch "$loud" --min-off 0; same out want
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

# events alone, and who is told of
again --scores=none -T seconds; one_line out "$(cat n)"
grep -qE "^[0-9.]+ - [0-9.]+  $loud " out || bad "seconds: $(cat out)"
again -f jsonl --watch "$loud"; [ "$(labels out)" = "$loud" ] || bad "--watch: $(labels out)"
again -f jsonl --ignore "$loud"; ! labels out | grep -qxF "$loud" || bad "--ignore: $(labels out)"
again -f jsonl --watch "$loud" --min-on 600; [ -z "$(labels out)" ] || bad "--min-on: $(labels out)"
again -f jsonl --watch "$loud=1"; [ -z "$(labels out)" ] || bad "a threshold that nothing reaches: $(labels out)"
again -f jsonl --watch "$loud" --tune "$loud:min-on=600"; [ -z "$(labels out)" ] || bad "--tune: $(labels out)"
printf '[class "%s"]\nmin-on = 600\n[group "it"]\nclass = %s\n' "$loud" "$loud" >section.conf
again -f jsonl -c section.conf --watch "$loud"; [ "$(labels out)" = it ] || bad "sections: $(labels out)"
jq -e -s 'any(.[]; .type == "onset" and .group == "it" and .slug == "it" and (has("index") | not))' out >/dev/null ||
    bad "a group's record: $(cat out)"
for option in --tune=Bogus:min-on=1 --group=alarm=Bogus --explain=Bogus --watch=Bogus; do run 2 "$option" "$demo"; says err '"Bogus" is unknown'; done

# why
again --scores=none --explain "$loud" --explain it --group "it=$loud"; says out "$loud? told: "; says out 'it? told: '
again -f jsonl --ignore "$loud" --explain "$loud"
"$jsonl_check" <out >types || bad "a record is not JSON"
jq -e -s 'any(.[]; .verdict == "ignored") and all(.[] | select(.type == "explain"); .verdict != "told" and .lasts <= .threshold)' out >/dev/null ||
    bad "verdicts: $(grep explain out | head -c 500)"

# a file of scores that is none, or damaged
run 4 --replay nope.scores; says err nope.scores; one_line err
run 4 --replay noise.wav; says err 'no file of scores'; one_line err; empty out
head -c 90000 demo.scores >cut.scores
run 4 -f jsonl --replay cut.scores; says err 'ends inside a record'; says out '"type":"start"'
run 2 --replay demo.scores noise.wav; says err noise.wav
run 2 --replay demo.scores --store x.scores; says err '--store'

# options of what is heard and of the model are settled: a mistake on the command line, and of no matter in a file
for option in --duration=2 --step=2 -mnano --realtime --live --midi --threads=1 --window=10 --backend=cpu --raw=s16le --rate=16000 \
              --stall=2 --wait --osc-port=9000 --source=a:input=x.wav --shard=1/2 --precision=fp32 --labels=x.csv; do
    run 2 --replay demo.scores "$option"; says err ' is for sound that is heard, and --replay has scores alone'; one_line err 2; empty out
done
printf 'step = 2\nduration = 3\nrealtime = yes\nthreads = 1\nmodel = nope\nosc-port = 9000\n' >heard.conf
again -c heard.conf -f jsonl; same out demo.jsonl; empty err

# but the wall clock may be told: as if it had been when the sound was heard, of several files each its own; a device knew it
run 0 -f jsonl --start-time 2026-05-01T04:30:00Z "$demo"; cp out want; says want '"utc":"2026-05-01T04:30:02.000Z"'
again -f jsonl --start-time 2026-05-01T04:30:00Z; same out want
run 0 -f csv --start-time 2026-05-01T04:30:00Z "$demo"; cp out want; again -f csv --start-time 2026-05-01T04:30:00Z; same out want
run 0 -f jsonl --all-classes -t 0.005 --start-time 2027-01-02T03:04:05Z --channel each noise.wav two.wav; cp out want
run 0 -f jsonl --all-classes -t 0.005 --start-time 2027-01-02T03:04:05Z --replay two.scores; same out want
run 0 -f jsonl --all-classes -t 0.005 --replay live.scores; cp out want
run 0 -f jsonl --all-classes -t 0.005 --start-time 2027-01-02T03:04:05Z --replay live.scores; same out want
run 2 --store x.scores --summary noise.wav; says err '--summary'
run 2 --store - noise.wav; says err 'standard output'
run 2 --store x.txt -o x.txt noise.wav; says err 'x.txt'
run 2 -f store noise.wav; says err "'store'"
run 6 --store nowhere/x.scores noise.wav; says err 'nowhere/x.scores'

# silence; and a summary stands in place of events
silence_wav $((3 * 32000)) >silence.wav
run 0 -f jsonl silence.wav; one_line out 2
run 0 -f jsonl --summary --all-classes -t 0.01 noise.wav; one_line out 3; says out '"type":"summary"'
finish
