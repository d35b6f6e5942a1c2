#!/bin/sh
# planted.sh - layers.sh must name every file in planted/ whose name says it breaks the list, and pass every other.
set -eu
here=$(dirname "$0")
if found=$("$here/layers.sh" "$here/planted"); then
    echo "layers.sh passes what breaks the list"
    exit 1
fi
want=$(cd "$here/planted" && find . -name 'breaks_*' | sed 's|^\./||' | sort)
[ "$(echo "$found" | sed 's/:.*//' | sort -u)" = "$want" ] || { echo "found: $found"; echo "wanted: $want"; exit 1; }
