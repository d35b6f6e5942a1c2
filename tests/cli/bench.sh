#!/bin/bash
# bench.sh - --bench [--training | --streams N] --json is one record with the keys that programs rely on, for every kind of preset, and bench/table.py
# reads it.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || { echo "SKIPPED: no jq"; exit 77; }

# record PRESET: measures it, and looks at what was printed.
record() {
    run 0 --bench --preset "$1" --threads 1 --json; empty err; one_line out
    for key in threads window_ms p99_ms sgemm_gflops floors rss_mb; do
        jq -e ".$key | numbers > 0" out >keys || bad "$1: no $key: $(head -c 300 out)"
    done
    jq -e --arg preset "$1" '.preset == $preset' out >keys || bad "$1: another preset: $(head -c 300 out)"
    jq -e '[.operators[].op] | index("scan")' out >keys || bad "$1: no operator \"scan\": $(head -c 300 out)"
    jq -e '[.operators[].share] | add > 0.5 and add < 1.5' out >keys || bad "$1: the shares do not add up"
    cat out >>results/earmark.jsonl
}
# step: the same of a step of training.
step() {
    run 0 --bench --training --preset nano --threads 1 --batch 2 --train-window 1.25 --json; empty err; one_line out
    for key in threads batch step_ms p99_ms forward_ms backward_ms window_ms gmac sgemm_gflops floors3 rss_mb activations_mb; do
        jq -e ".$key | numbers > 0" out >keys || bad "training: no $key: $(head -c 300 out)"
    done
    jq -e '.preset == "nano" and .batch == 2 and .window_s == 1.25' out >keys || bad "training: another step: $(head -c 300 out)"
    jq -e '.operators[] | select(.op == "scan") | .forward_ms > 0 and .backward_ms > 0' out >keys || bad "training: no way back through \"scan\""
    jq -e '(.forward_ms + .backward_ms) < 1.1 * .step_ms' out >keys || bad "training: the parts are longer than the step"
    cat out >>results/train.jsonl
}
# on_terminal ARGS...: standard error is one, and what it is told is in err; standard output is a file.
on_terminal() {
    timeout 120 python3 - "$earmark" "$@" <<'PY'
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
with open("out", "w") as out, open("err", "wb") as err:
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=out, stderr=theirs)
    os.close(theirs)
    try:
        while text := os.read(ours, 65536):
            err.write(text)
    except OSError:                                 # its end, on Linux
        pass
sys.exit(program.wait(10))
PY
    [ $? -eq 0 ] || bad "on a terminal: $(head -c 300 err)"
}
# streams PRESET N STEP: of many live streams.
streams() {
    run 0 --bench --streams "$2" --preset "$1" --step "$3" --threads 1 --json; empty err; one_line out
    for key in threads hops hop_ms p99_ms frontend_ms windows_per_s served rss_mb; do
        jq -e ".$key | numbers > 0" out >keys || bad "streams: no $key: $(head -c 300 out)"
    done
    jq -e --argjson n "$2" --argjson step "$3" '.streams == $n and .step_s == $step and .batch == ([$n, 64] | min)' out >keys ||
        bad "streams: other ones: $(head -c 300 out)"
    jq -e '.hop_ms <= .p99_ms and .frontend_ms < .hop_ms' out >keys || bad "streams: the parts are longer than the hop"
    jq -e '.served * .hop_ms / 1000 / .step_s / .streams | . > 0.99 and . < 1.01' out >keys || bad "streams: served by another rule"
}
mkdir results
streams nano 3 0.25
run 0 --bench --streams 2 --preset nano --threads 1; says out '2 streams with windows of 10 s'; says out 'a hop every 1 s'
record nano
step
record vmamba-s1l8      # weights of ImageNet: 527 random classes
on_terminal --bench --preset nano --threads 1 --json; one_line out
for stage in operators live log-mel windows; do
    grep -qE "bench  \[[=> ]{12}\]  +[0-9]+ %  $stage" err || bad "no line of $stage: $(tail -c 300 err | cat -v)"
done
[ "$(tr '\r' '\n' <err | tail -n 1 | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | tr -d ' \n')" = '' ] || bad "the line stays: $(tail -c 100 err | cat -v)"
on_terminal --bench --preset nano --threads 1 --json --progress never; one_line out; empty err
run 0 --bench --preset nano --threads 1 --json --progress jsonl; one_line out
jq -se '(map(.done) | . == sort and .[0] == 0 and all(. <= 1)) and (map(.type) | unique) == ["progress"]' err >keys ||
    bad "records of progress: $(head -c 300 err)"
python3 "$source_dir/bench/table.py" results >table || bad "bench/table.py does not read it"
says table 'nano'; says table 'vmamba-s1l8'; says table '2 x 1.25 s'; says table 'over 3 floors'; says table 'of the roofline'; says table 'scan'
finish
