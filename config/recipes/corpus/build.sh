#!/bin/sh
# build.sh OUT ESC10 [options of make_corpus.py] - installs what the recipe needs and builds the corpus in the folder OUT.
set -eu
[ $# -ge 2 ] || { sed -n 2p "$0" | cut -c3- >&2; exit 2; }
here=$(dirname "$0")
out=$1 esc10=$2
shift 2
"$here/../../../packages/install.sh" corpus
# Debian's own Python: the packages' numpy and soundfile belong to it.
exec nice -n 10 /usr/bin/python3 "$here/make_corpus.py" "$out" --esc10 "$esc10" "$@"
