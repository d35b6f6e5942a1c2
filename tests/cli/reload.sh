#!/bin/bash
# reload.sh - SIGHUP reads the configuration again while sound goes on: events follow the new rules from then on, of several sources each with
# its own gate; no frame is lost and no time, what cannot change is named, and a broken file changes nothing.
. "$(dirname "$0")/lib.sh"
command -v setsid >/dev/null && command -v jq >/dev/null || { echo "setsid or jq is not installed"; exit 77; }
pid=
trap 'kill $pid 2>/dev/null; wait 2>/dev/null; rm -rf "$here"' EXIT

# One second of noise, over and over, at its own pace: to the model it is always the same, so that events are a matter of thresholds.
noise_wav 32000 >second.wav
for i in $(seq 60); do tail -c 64000 second.wav; done >noise.raw

# begin ARGS...: the stream, without a terminal that could hang up.
begin() {
    rm -f out.jsonl out.jsonl.part err
    setsid timeout 100 "$earmark" --progress never -c live.conf -f jsonl --scores=top -o out.jsonl "$@" >/dev/null 2>err &
    pid=$!
}
# now N: the hops told so far are N or more.
now() {
    for _ in $(seq 1200); do [ "$(grep -cs '"scores"' out.jsonl.part)" -ge "$1" ] 2>/dev/null && return; sleep 0.05; done
    bad "hop $1 does not come"
}
hang_up() { pkill -HUP -P $pid; }
# said N TEXT: N times within 10 s.
said() {
    for _ in $(seq 200); do [ "$(grep -cF -- "$2" err)" -eq "$1" ] && return; sleep 0.05; done
    bad "'$2' is not there $1 time(s): $(head -c 600 err)"
}
# any CONDITION: of one of the records.
any() { jq -se --arg class "$class" --argjson low "$low" "any(.[]; $1)" out.jsonl >/dev/null; }
end() {
    wait $pid; local code=$?
    [ $code -eq 0 ] || bad "exit code $code: $(head -c 300 err)"
    "$jsonl_check" <out.jsonl >/dev/null || bad "whole records, and the counters add up"
    any '.type == "stop" and .captured == .taken + .dropped + .waiting and .dropped == 0 and .skipped_hops == 0' ||
        bad "frames: $(tail -n 1 out.jsonl)"
    ! grep -q '"type":"gap"' out.jsonl || bad "a gap"
    [ "$(jq -s '[.[] | select(.type == "scores") | .time] == [range(1; 1 + length)]' <(grep '"scores"' out.jsonl))" = true ] ||
        bad "times: $(jq -c 'select(.type == "scores") | .time' out.jsonl | tr '\n' ' ')"
}
labels() { jq -r "select(.type == \"$1\") | .label" out.jsonl | sort -u | tr '\n' ' '; }

# What the noise is to the model: its best class whose score stays, in windows that are full, and half of that as a threshold.
wav_header 1 1 32000 16 $((60 * 64000)) | cat - noise.raw >noise.wav
em --progress never -f jsonl --scores=top -k 1 --duration 14 noise.wav >probe.jsonl 2>err || bad "probe: $(cat err)"
class=$(jq -r 'select(.type == "scores" and .filled == 1) | .top[0].label' probe.jsonl | tail -n 1)
score=$(jq -s '[.[] | select(.type == "scores" and .filled == 1) | .top[0].score] | min' probe.jsonl)
low=$(jq -n "$score / 2") high=$(jq -n "($score * 1.5) | if . > 1 then 1 else . end")

# ---- a threshold that is too high is lowered: the event begins then; a group comes; one class goes
printf 'watch = %s\n[class "%s"]\nthreshold = 1\n' "$class" "$class" >live.conf
begin --realtime --duration 24 noise.wav
now 11
printf 'watch = %s\nmodel = other\n[class "%s"]\nthreshold = %s\n' "$class" "$class" "$low" >live.conf
printf '[group "din"]\nclass = %s\n[class "din"]\nthreshold = %s\n' "$class" "$low" >>live.conf
hang_up
said 1 'the configuration was read again'
said 1 '--model has changed, which counts from the next start on'
now 16
printf 'watch = Dog\n[group "din"]\nclass = %s\n[class "din"]\nthreshold = %s\n' "$class" "$low" >live.conf
hang_up
said 2 'the configuration was read again'
end
[ "$(labels onset)" = "$(printf '%s\ndin\n' "$class" | sort | tr '\n' ' ')" ] || bad "onsets of $(labels onset)"
any '.type == "onset" and .label == $class and (.threshold - $low | fabs) < 0.001 and .time + .delay >= 11' ||
    bad "$(grep onset out.jsonl)"
# who is told no more ends, and the other goes on to the end of the sound
any '.type == "offset" and .label == $class and .time + .delay < 20' || bad "the end: $(grep offset out.jsonl)"
any '.type == "offset" and .label == "din" and .time > 20' || bad "the group: $(grep offset out.jsonl)"
[ "$(grep -c '"type":"onset"' out.jsonl)" -eq 2 ] || bad "every sound is told once: $(grep -c onset out.jsonl)"

# ---- a broken file, and one that names what there is not: one sentence, and all goes on as it was
printf 'watch = %s\n' "$class" >live.conf
begin --realtime --duration 9 noise.wav
now 2
echo 'tresholt = 0.1' >live.conf; hang_up
said 1 "live.conf:1: unknown key 'tresholt'; the nearest is 'threshold'; the old settings stay"
echo 'watch = Dogg' >live.conf; hang_up
said 2 'the old settings stay'; says err 'class "Dogg" is unknown; the nearest are "Dog"'
rm live.conf; hang_up
said 3 'the old settings stay'; says err 'live.conf: cannot be read'
end

# ---- what a run keeps until its end: each key that says something else now is named, at every reading, and none once all is as it was
printf 'watch = %s\nformat = jsonl\noutput = out.jsonl\n' "$class" >live.conf
rm -f out.jsonl out.jsonl.part err
setsid timeout 100 "$earmark" --progress never -c live.conf --scores=top --realtime --duration 9 noise.wav >/dev/null 2>err &
pid=$!
now 2
printf 'watch = %s\nformat = csv\noutput = out.csv\nstore = out.scores\n' "$class" >live.conf
printf 'clip-dir = clips\npre-roll = 1\npost-roll = 1\nclip-max = 9\n' >>live.conf
printf 'plot = out.png\ntime-format = utc\n[midi]\nBark = note 36 channel 10\n' >>live.conf
hang_up
said 1 'the configuration was read again'
for key in format output store clip-dir pre-roll post-roll clip-max plot time-format midi-map; do
    said 1 "--$key has changed, which counts from the next start on"
done
hang_up
said 2 'the configuration was read again'
said 2 '--store has changed'; said 2 '--clip-dir has changed'; said 20 'has changed'
printf 'watch = %s\nformat = jsonl\noutput = out.jsonl\n' "$class" >live.conf
hang_up
said 3 'the configuration was read again'
said 20 'has changed'
end
[ -z "$(ls -d out.csv* out.scores* clips out.png 2>/dev/null)" ] || bad "outputs that nobody opened: $(ls)"

# ---- several sources: each has the new rules, and its own gate still
sections='[source "near"]\ninput = noise.wav\ngate = -1\n[source "far"]\ninput = noise.wav\n'
printf "watch = %s\n[class \"%s\"]\nthreshold = 1\n$sections" "$class" "$class" >live.conf
begin --realtime --duration 15
now 22
printf "watch = %s\n[class \"%s\"]\nthreshold = %s\n$sections" "$class" "$class" "$low" >live.conf
hang_up
said 1 'the configuration was read again'
wait $pid; code=$?
[ $code -eq 0 ] || bad "several: exit code $code: $(cat err)"
! grep -q 'has changed' err || bad "several: $(cat err)"
[ "$(jq -r 'select(.type == "onset") | .source' out.jsonl)" = far ] || bad "several: onsets: $(grep onset out.jsonl)"
[ "$(jq -s '[.[] | select(.type == "scores") | (.gated // false) == (.source == "near")] | all' out.jsonl)" = true ] ||
    bad "several: $(tail -n 3 out.jsonl)"
jq -se '[.[] | select(.type == "stop") | .captured == .taken + .dropped + .waiting and .dropped == 0 and .time == 15] == [true, true]' \
    out.jsonl >/dev/null || bad "several: $(grep '"stop"' out.jsonl)"

# ---- a device's queue: commands to run come and go, and so do their records
printf 'exec = %s\nexec-on = both\nwatch = %s\n[class "%s"]\nthreshold = 1\n' "/bin/false" "$class" "$class" >live.conf
begin --live --duration 22 noise.wav
now 11
printf '#!/bin/sh\ncat >>%s/told\n' "$here" >tell; chmod +x tell
printf 'exec = %s/tell\nexec-on = both\nwatch = %s\n[class "%s"]\nthreshold = %s\n' "$here" "$class" "$class" "$low" >live.conf
hang_up
said 1 'the configuration was read again'
wait $pid; code=$?
[ $code -eq 0 ] || bad "live: exit code $code: $(cat err)"
any '.type == "stop" and .captured == .taken + .dropped + .waiting and .dropped == 0' || bad "live: $(tail -n 1 out.jsonl)"
[ "$(jq -r .type told | sort | tr '\n' ' ')" = 'offset onset ' ] ||
    bad "the new command was told: $(cat told 2>&1 | head -c 300); $(grep -c onset out.jsonl)"
finish
