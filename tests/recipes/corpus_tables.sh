#!/bin/sh
# corpus_tables.sh RECIPE ESC10 - the promises of corpus_tables.py; skipped (77) without Python.
command -v python3 >/dev/null || { echo "skipped: no python3"; exit 77; }
exec env PYTHONDONTWRITEBYTECODE=1 python3 "$(dirname "$0")/corpus_tables.py" "$@"
