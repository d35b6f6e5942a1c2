#!/usr/bin/env bash
# setup.sh [FOLDER] - a Python environment with the peers' pinned packages, build/peers-venv unless told otherwise.
#
# PyPI's PyTorch for x86-64 is linked against CUDA's libraries and does not load without them, so they come along (6.5 GB
# on disk, all unused here) unless PIP_INDEX_URL names an index with CPU wheels. On arm64 the wheel is CPU-only. Triton is
# the one dependency that a CPU can do without, and is left out.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
venv=${1:-build/peers-venv}
pins=bench/peers/requirements.txt

if [ -x "$venv/bin/python" ] && cmp -s "$pins" "$venv/installed.txt"; then
    exit 0
fi
python3 -m venv "$venv"
pip() { "$venv/bin/python" -m pip --quiet --disable-pip-version-check "$@"; }
pip install --no-cache-dir -r "$pins"
pip uninstall -y triton 2>/dev/null || true
cp "$pins" "$venv/installed.txt"
