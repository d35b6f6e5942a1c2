#!/bin/bash
# import.sh - checkpoints of PyTorch through the program: good ones become model files, one without sounds only starts a
# training, hostile ones are refused (exit code 3) and leave nothing behind. $4 writes the files.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || { echo "SKIPPED: python3 is not at hand"; exit 77; }
mkdir files
python3 "$4" files || { echo "FAILED: $4"; exit 1; }

# Faults of numbers show only in a network that is one (vmamba_nan.pth): the other files hold one tensor.
n=0
while IFS=$'\t' read -r file when words; do
    [ "$when" = open ] || continue
    said=$(em --import "files/$file" -o made.safetensors 2>&1 </dev/null)
    code=$?
    [ $code -eq 3 ] || bad "$file: exit code $code"
    [[ $said == "earmark: files/$file: "*"$words"* && $said != *$'\n'* ]] || bad "$file: '$words' is not in one sentence: $said"
    n=$((n + 1))
done <files/hostile.txt
[ $n -ge 150 ] || bad "only $n hostile files"
run 3 --import files/vmamba_nan.pth -o made.safetensors
says err 'tensor layers.1.blocks.0.op.Ds: element 127 is not a finite number'
[ ! -e made.safetensors ] || bad "a refused checkpoint leaves a model file"
[ ! -e owned ] || bad "a pickle was executed"

# The bytes decide, not the name.
cp files/vmamba.pth vmamba.bin
run 0 --import vmamba.bin -o init.safetensors; empty err
says out '67 loaded, 2 skipped, 4 fresh'
says out 'skipped  classifier.head.weight'
says out 'can start a training, not tag'
run 3 -m ./init.safetensors "$demo"; empty out; one_line err; says err 'knows no sounds'
run 0 --inspect ./init.safetensors; says out '0 classes'
run 3 -m files/vmamba.pth "$demo"; says err '--import'
finish
