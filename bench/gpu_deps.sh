#!/usr/bin/env bash
# bench/gpu_deps.sh DIR [GOLDEN] - what bench/gpu.sh wants and a bare GPU machine lacks, into DIR: the files of five Debian
# packages (JSON, tests, pkg-config) and, if GOLDEN names the folder of golden data, the models the tests compare with.
# Run where there is a network; then take DIR along and give it to bench/gpu.sh as GPU_DEPS.
set -euo pipefail
dir=$(realpath -m -- "$1")
golden=${2:-}
mkdir -p "$dir/debs"
(cd "$dir/debs" && apt-get download libjansson-dev libjansson4 libcmocka-dev libcmocka0 pkgconf pkgconf-bin libpkgconf3)
for deb in "$dir"/debs/*.deb; do
    dpkg -x "$deb" "$dir"
done
rm -rf "$dir/debs" "$dir/usr/share/doc" "$dir/usr/share/man"
if [ -n "$golden" ]; then
    mkdir -p "$dir/shared/golden/models"
    for name in nano mini_a; do
        cp "$golden/models/$name.safetensors" "$golden/models/$name.io.safetensors" "$dir/shared/golden/models/"
    done
    chmod -R u+w "$dir/shared"
fi
du -sh "$dir"
