#!/usr/bin/env bash
# events.sh PROGRAM SOURCE_DIR - the program with the shipped model on the demo clip: the emulated GPU tells the events that the CPU tells.
# Its first 14 seconds, in which two sounds are whole, a hop each 2 s, for a window takes some 5 s here; bench/gpu.sh takes the whole clip on a card.
set -- "$1" "$2" none
. "$(dirname "$0")/../cli/lib.sh"
hear() { timeout 800 "$earmark" --backend="$1" -m "$source_dir/config/models/nano.safetensors" -f jsonl -q --step 2 --duration 14 "$demo"; }

hear cpu >cpu || bad "the CPU: exit code $?"
hear cuda >gpu || bad "the emulated GPU: exit code $?"
says cpu '"backend":"cpu"'
says gpu '"backend":"cuda"'
python3 "$source_dir/tests/gpu/same_events.py" cpu gpu || bad "other events"
for label in Bark Rain; do says gpu "\"label\":\"$label\""; done

# The comparison sees what is not the same.
sed 's/"onset":2.0/"onset":2.4/' gpu >late
grep -v '"label":"Rain"' gpu >fewer
for other in late fewer /dev/null; do
    python3 "$source_dir/tests/gpu/same_events.py" cpu "$other" >/dev/null 2>&1 && bad "$other passes as the same"
done
finish
