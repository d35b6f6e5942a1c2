#!/bin/bash
# exports.sh LIBRARY ARCHIVE HEADER [SANITIZERS] - libearmark gives other programs the functions of its header and no other name, its
# soname has a version, and it keeps no state but the lock of FFTW's planner and a log handler that nobody sets.
set -eu
library=$1 archive=$2 header=$3 sanitizers=${4-}

wanted=$(grep -o '\bearmark_[a-z0-9_]*(' "$header" | tr -d '(' | sort -u)
[ "$(echo "$wanted" | wc -l)" -ge 15 ]

same() {
    diff <(echo "$wanted") <(echo "$2") || { echo "$1 exports (>) other names than the header has (<)"; exit 1; }
}
same "$library" "$(nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sort -u)"
same "$archive" "$(nm -g --defined-only "$archive" | awk 'NF == 3 { print $3 }' | sort -u)"

readelf -d "$library" | grep -q 'SONAME.*\[libearmark\.so\.[0-9]\+\]' || { echo "no soname with a version"; exit 1; }

[ -z "$sanitizers" ] || { echo "what sanitizers add is no state of ours: not looked at"; exit 0; }
state=$(objdump -t "$library" | awk 'NF > 2 && ($(NF - 2) == ".data" || $(NF - 2) == ".bss") { print $NF }' |
        grep -v -e '^\.' -e '^__' -e '^completed\.' -e '^_edata$' -e '^_end$' | sort | tr '\n' ' ')
[ "$state" = "log_ctx log_handler log_most planner " ] || { echo "global state: $state"; exit 1; }
