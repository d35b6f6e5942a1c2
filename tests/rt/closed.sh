#!/bin/sh
# closed.sh "SYMBOLS" OBJECT...: linked together, the objects need exactly SYMBOLS, make no indirect call and no
# system call, and each function's stack is fixed and at most 1024 bytes. What runs in the audio callback can then
# not allocate, lock or print, by construction.
allowed=$1
shift
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
bad=0

ld -r -o "$folder/all.o" "$@" || exit 1
printf '%s\n' $allowed | sort > "$folder/want"
nm -u "$folder/all.o" | awk '{ print $NF }' | sort > "$folder/got"
if ! cmp -s "$folder/want" "$folder/got"; then
    echo "the objects need: $(tr '\n' ' ' < "$folder/got")- allowed are exactly: $allowed"
    bad=1
fi
if objdump -d --no-show-raw-insn "$folder/all.o" | grep -E '[[:space:]](call|jmp)q?[[:space:]]+\*|[[:space:]](blr|br)[[:space:]]+x'; then
    echo "an indirect call"
    bad=1
fi
if objdump -d --no-show-raw-insn "$folder/all.o" | grep -wE 'syscall|sysenter|svc|int[[:space:]]+\$0x80'; then
    echo "a system call"
    bad=1
fi
for object in "$@"; do
    su=${object%.o}.su
    [ -s "$su" ] || { echo "$su is missing: compile with -fstack-usage"; bad=1; continue; }
    awk -F '\t' '$2 > 1024 || $3 != "static" { print "stack: " $0; bad = 1 } END { exit bad }' "$su" || bad=1
done
exit $bad
