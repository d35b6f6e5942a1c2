#!/bin/bash
# sinks.sh EARMARK SOURCE_DIR - every output at once, two of them hung and readers that take nothing, as bench/sinks.py has them: no hop is late,
# no frame lost, and the end comes all the same. How long hops take is measured there, on a machine that is quiet.
for program in mosquitto jq; do command -v $program >/dev/null || { echo "$program is not installed"; exit 77; }; done
for part in mqtt osc http; do "$1" --version | grep -q "$part: yes" || { echo "built without $part"; exit 77; }; done
rows=$(EARMARK=$1 timeout 250 python3 -B "$2/bench/sinks.py" --blocks 1 --seconds 20 --step 1) || { echo "no figures"; exit 1; }
echo "$rows"
jq -e -s '.[:2] | all(.late_hops == 0 and .lost_frames == 0 and .hops >= 20 and .seconds_heard == 20) and
    .[0].exit_status == [0] and .[1].exit_status == [6]' <<<"$rows" >/dev/null || { echo "FAILED"; exit 1; }
