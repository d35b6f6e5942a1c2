#!/usr/bin/env bash
# default.sh OUT ESC10 - the default model, from sounds to OUT/nano.safetensors: builds the corpus (corpus/README.md), trains on
# ESC-10 from scratch, then on the whole corpus, first in windows of 5 s, then in those that are heard live; chooses thresholds on
# the valid clips, stores halves, and measures on clips that never trained (default.jsonl, card.md, scenes.txt, esc10-scenes.txt). Goes
# on where it was stopped. Some hours of two cores.
set -euo pipefail
out=${1:?where to?} esc10=${2:?which ESC-10?}
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
earmark=${EARMARK:-$here/../../build/earmark}
corpus=${CORPUS:-$out/corpus}
data=$corpus/final.csv
mkdir -p "$out"
[ -e "$data" ] || "$here/corpus/build.sh" "$corpus" "$esc10"

# The real sounds first, alone: most of the corpus is synthesised, and told apart by less. No clip of fold 5 is heard in any phase.
"$earmark" --train --config "$here/esc10.conf" --data "$esc10" --fold 5 --out "$out/esc10" --resume
# Half a window costs half, and most clips fill it.
"$earmark" --train --config "$here/default.conf" --data "$data" --init "$out/esc10/last.safetensors" --train-window 5 --epochs 6 \
    --out "$out/first" --resume
"$earmark" --train --config "$here/default.conf" --data "$data" --init "$out/first/last.safetensors" --lr 0.0007 --epochs 16 \
    --out "$out/live" --resume
# Then what sounds when is asked for, too: until here a slot was only a part of its clip, and events were seconds too long.
"$earmark" --train --config "$here/default.conf" --data "$data" --init "$out/live/last.safetensors" --lr 0.0007 --epochs 20 --slot-loss 1 \
    --out "$out/timed" --resume

# ESC-10's ten classes have no valid clips, their fourth fold having trained: they keep what is best on the clips that trained. Short
# sounds score low, for a clip's score is the mean of its slots: a sneeze has .3. General classes (Vehicle) stand in for what is not
# known for sure: below .6 they were two in five of the false events in scenes of known clips
# (make_scenes.py --known --n 24 --seed 7), and two of 210 right ones.
"$earmark" --eval --config "$here/default.conf" -m "$out/timed/last.safetensors" --data "$data" --split train \
    --thresholds "$out/begun.safetensors" > "$out/train.txt"
"$earmark" --eval --config "$here/default.conf" -m "$out/begun.safetensors" --data "$data" --split valid \
    --thresholds "$out/chosen.safetensors" > "$out/valid.txt"
"$earmark" --rewrite "$out/chosen.safetensors" --half -o "$out/half.safetensors"
"$earmark" --eval -m "$out/half.safetensors" --data "$data" --json --predictions "$out/test.jsonl" > "$out/test.json"
"$earmark" --eval -m "$out/half.safetensors" --data "$data" --fold 5 --json --predictions "$out/fold5.jsonl" > "$out/fold5.json"
metrics=$(python3 "$here/default_report.py" "$data" "$out/test" "$out/fold5" "$out")
echo "$metrics" > "$out/default.jsonl"
"$earmark" --rewrite "$out/half.safetensors" -o "$out/nano.safetensors" --metrics "$metrics" \
    --provenance "trained from scratch by earmark (config/recipes/default.sh) on folds 1-4 of ESC-10, sounds of Debian packages and \
synthesised sounds; their authors: CREDITS.md beside the default model"

# Events: scenes of clips that never trained, heard as a user would.
tell_scenes() {
    local to=$out/$1
    shift
    /usr/bin/python3 "$here/corpus/make_scenes.py" "$corpus" "$to" "$@" > /dev/null
    "$earmark" -m "$out/nano.safetensors" -f audacity --out-dir "$to/told" "$to"/*.flac
    python3 "$here/scenes_report.py" "$to" "$to/told" "$here/../labels/ontology.csv" "$@" 2> "$to.txt" >> "$out/default.jsonl"
}
tell_scenes scenes
tell_scenes esc10-scenes --only esc10 --n 10 --events 8
