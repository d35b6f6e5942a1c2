#!/bin/sh
# planted.sh CLOSED.SH: it passes a good object and finds each planted mistake.
closed=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

# try WORDS CODE: CODE compiles to an object that closed.sh refuses with WORDS; "" means it must pass.
try() {
    printf '#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n#include <sys/syscall.h>\n%s\n' "$2" > x.c
    ${CC:-cc} -O2 -fPIC -fno-stack-protector -fstack-usage -c x.c -o x.o || exit 1
    log=$(sh "$closed" memcpy x.o 2>&1)
    rc=$?
    if [ -z "$1" ]; then
        [ $rc -eq 0 ] || { echo "a good object was refused: $log"; exit 1; }
        return
    fi
    [ $rc -ne 0 ] || { echo "not found: $2"; exit 1; }
    case $log in
    *"$1"*) ;;
    *) echo "found, but without the words \"$1\": $log"; exit 1 ;;
    esac
}
copy='void copy(char *a, const char *b, size_t n) { memcpy(a, b, n); }'
try "" "$copy"
try "malloc" "$copy void *bad(size_t n) { return malloc(n); }"
try "allowed are exactly" "int nothing_at_all;"
try "indirect call" "$copy int bad(int (*f)(int)) { return f(3) + 1; }"
try "system call" "$copy long bad(void) { long r; __asm__ volatile(\"syscall\" : \"=a\"(r) : \"a\"(39) : \"rcx\", \"r11\"); return r; }"
try "stack:" "$copy void bad(char *out) { char big[2000]; memcpy(big, out, 2000); __asm__ volatile(\"\" :: \"r\"(big) : \"memory\"); }"
try "stack:" "$copy void bad(char *out, size_t n) { char vla[n]; memcpy(vla, out, n); __asm__ volatile(\"\" :: \"r\"(vla) : \"memory\"); }"
