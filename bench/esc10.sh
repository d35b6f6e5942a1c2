#!/usr/bin/env bash
# bench/esc10.sh ESC10 [OUT] - ESC-10, five folds, from scratch, by config/recipes/esc10.conf; writes bench/results/esc10.jsonl and
# every clip's prediction beside it. Goes on where it was stopped. RECIPE names another recipe, NAME another result.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
data=${1:?which ESC-10?} out=${2:-build/esc10} recipe=${RECIPE:-config/recipes/esc10.conf} name=${NAME:-esc10}
earmark=${EARMARK:-build/earmark}
mkdir -p "$out"
for fold in 1 2 3 4 5; do
    "$earmark" --train --config "$recipe" --data "$data" --fold "$fold" --out "$out/fold$fold" --resume
    "$earmark" --eval --config "$recipe" -m "$out/fold$fold/last.safetensors" --window 5 --data "$data" --fold "$fold" --json \
        --predictions "$out/fold$fold.jsonl" > "$out/fold$fold.json"
done
python3 bench/esc10.py "$recipe" "$out" "bench/results/$name"
