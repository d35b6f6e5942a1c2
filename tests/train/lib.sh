# lib.sh - for the tests of whole training runs: the rules of tests/cli/lib.sh, a small set, and a model of 0.1 M parameters.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"
made=$source_dir/tests/train/made.py
command -v python3 >/dev/null || { echo "SKIPPED: there is no python3 to make sounds"; exit 77; }
python3 "$made" model tiny.safetensors || exit 1

made() { python3 "$made" "$@" || bad "made.py $*"; }
# A run of 1.25 s windows and 4 of them a step; what it is of follows.
small=(--init tiny.safetensors --train-window 1.25 --batch 4 --micro-batch 4 --threads 1)
train() { em --train "${small[@]}" "$@" >out 2>err </dev/null; }

# trains CODE args...
trains() {
    local want=$1 code
    shift
    train "$@"
    code=$?
    [ $code -eq "$want" ] || bad "--train $*: exit code $code, not $want: $(tail -c 400 err)"
}

# The error is one sentence, the last line but for the hint of a wrong call; what was logged before is not counted.
sentence() { grep -v "^Try 'earmark" err | tail -n 1 | grep -qF -- "$1" || bad "'$1' is not the end of: $(tail -c 400 err)"; }

same() { cmp -s "$1" "$2" || bad "$1 is not $2"; }
# same_run DIR DIR: what a run is for
same_run() { for file in last.safetensors best.safetensors log.jsonl; do same "$1/$file" "$2/$file"; done; }
json() { python3 "$made" json "$1" "$2" || bad "$1: $2"; }
