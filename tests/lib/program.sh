#!/bin/bash
# program.sh EARMARK RECORDS SOURCE - libearmark and the program tell the same of the same file: scores, slots, embeddings, events with
# their ids, byte for byte in JSON Lines; with the usual settings, which each has for itself, and with others.
set -eu
earmark=$1 records=$2 source=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
nano=$source/config/models/nano.safetensors demo=$source/config/demo/demo.flac
mini=$source/tests/golden/data/models/mini_p.safetensors        # random weights, hundreds of events
export XDG_CONFIG_HOME=/dev/null

# Two channels at 22.05 kHz, cut out of the clip: the second is the first, late and quiet.
python3 - "$folder" << 'P'
import math, struct, sys, wave
n, rate = 22050 * 13 + 77, 22050
with wave.open(sys.argv[1] + "/pair.wav", "wb") as w:
    w.setnchannels(2); w.setsampwidth(2); w.setframerate(rate)
    x = [int(9000 * math.sin(2 * math.pi * (300 + 200 * math.sin(t / 9000)) * t / rate) * (t // 20000 % 2)) for t in range(n)]
    w.writeframes(b"".join(struct.pack("<hh", a, b // 3) for a, b in zip(x, [0] * 400 + x)))
P

same() {                                                # same NAME MODEL SOUND "options of the program" "of the library" CHUNK FORMAT...
    local name=$1 model=$2 sound=$3 options=$4 settings=$5
    shift 5
    eval "\"$earmark\" -q -m \"$model\" -f jsonl --scores=all --slots --embeddings $options \"$sound\"" |
        grep -v -e '"type":"start"' -e '"type":"stop"' > "$folder/want"
    [ "$(grep -c '"type":"scores"' "$folder/want")" -ge 10 ] || { echo "$name: no scores"; exit 1; }
    while [ $# -gt 0 ]; do
        eval "\"$records\" \"$model\" \"$sound\" $1 $2 $settings" > "$folder/got"
        cmp "$folder/want" "$folder/got" || { echo "$name: chunks of $1, $2: not what the program tells"; exit 1; }
        shift 2
    done
}
same usual "$nano" "$demo" "" "" 4096 f32
[ "$(grep -c '"type":"offset"' "$folder/want")" -ge 8 ] || { echo "no events were compared"; exit 1; }
same small "$mini" "$demo" "" "" 77 f32 4096 s16
same pair "$mini" "$folder/pair.wav" "--channel mix --step 0.5 --window 11.25" "channel=0 step_s=0.5 window_s=11.25" 1000 f32 65536 s16
same second "$mini" "$folder/pair.wav" "--channel 2" "channel=2" 4096 f32
same settings "$mini" "$demo" \
    "-t .4 --hysteresis .1 --min-on .6 --min-off 1 --group farm=Fowl --group farm=Dog --tune farm:min-on=2 --tune Rain:threshold=.95 \
     --ignore Sneeze" \
    "threshold=.4 hysteresis=.1 min_on_s=.6 min_off_s=1 groups=farm=Fowl groups=farm=Dog tunes=farm:min-on=2 tunes=Rain:threshold=.95 ignore=Sneeze" \
    32000 f32
grep -q '"type":"offset".*"group":"farm"' "$folder/want" || { echo "no group was compared"; exit 1; }
same watched "$mini" "$demo" "--watch Bark=.7 --watch Helicopter" "watch=Bark=.7 watch=Helicopter" 4096 s16
