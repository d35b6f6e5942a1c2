#!/usr/bin/env bash
# bench/ablation.sh ESC10 [OUT] - what the paper varies (its table 2), each row trained from scratch on ESC-10 without fold 1 and measured
# on it; the recipe is config/recipes/esc10.conf with EPOCHS (20) epochs, the same for all rows. Writes bench/results/ablation.jsonl, a
# line a row. Goes on where it was stopped. One fold of 80 clips: differences below some nine points say nothing.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
data=${1:?which ESC-10?} out=${2:-build/ablation} epochs=${EPOCHS:-20}
earmark=${EARMARK:-build/earmark} recipe=config/recipes/esc10.conf fold=1
mkdir -p "$out"

# row NAME [options of the network or the augmentation]
row() {
    local name=$1
    shift
    "$earmark" --train --config "$recipe" --epochs "$epochs" --data "$data" --fold $fold "$@" --out "$out/$name" --resume
    "$earmark" --eval --config "$recipe" -m "$out/$name/last.safetensors" --data "$data" --fold $fold --json > "$out/$name.json"
    python3 - "$name" "$epochs" "$out/$name.json" "$*" >> "$out/rows.jsonl" <<'PY'
import json, sys
name, epochs, path, options = sys.argv[1:]
report = json.load(open(path))
print(json.dumps({"dataset": "esc10", "fold": 1, "row": name, "options": options, "epochs": int(epochs),
                  "accuracy": report["accuracy"], "mAP": report["map"]}))
PY
    cp "$out/rows.jsonl" bench/results/ablation.jsonl
}

: > "$out/rows.jsonl"
row audio-mamba
row audio-mamba-transformer --transformer-block
row audio-mamba-transformer-cutmix --transformer-block --cutmix 1
row audio-mamba-cutmix --cutmix 1
row audio-mamba-d-state-16 --d-state 16
row audio-mamba-gate --gated
row htsat --preset htsat
