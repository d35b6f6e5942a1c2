#!/bin/sh
# python.sh SCRIPT [ARGUMENT...] - a test of this folder; skipped (77) without Python.
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
script=$(dirname "$0")/$1
shift
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$script" "$@"
