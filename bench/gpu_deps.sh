#!/usr/bin/env bash
# bench/gpu_deps.sh DIR [GOLDEN] - what bench/gpu.sh wants and a bare GPU machine lacks, into DIR: the files of the Debian packages that
# the program and its tests need (JSON, FFT, sound files, resampling, pkg-config), and, if GOLDEN names the folder of golden data, the
# models and the training run that the tests compare with.
# Run where there is a network; then take DIR along and give it to bench/gpu.sh as GPU_DEPS.
set -euo pipefail
dir=$(realpath -m -- "$1")
golden=${2:-}
mkdir -p "$dir/debs"
(cd "$dir/debs" && apt-get download libjansson-dev libjansson4 libcmocka-dev libcmocka0 pkgconf pkgconf-bin libpkgconf3 libfftw3-dev \
    libfftw3-single3 libsoxr-dev libsoxr0 libgomp1 libsndfile1-dev libsndfile1 libflac-dev libflac12 libogg-dev libogg0 libvorbis-dev \
    libvorbis0a libvorbisenc2 libopus-dev libopus0 libmpg123-dev libmpg123-0 libmp3lame0)
for deb in "$dir"/debs/*.deb; do
    dpkg -x "$deb" "$dir"
done
rm -rf "$dir/debs" "$dir/usr/share/doc" "$dir/usr/share/man"
find "$dir/usr/lib" -name '*.a' -delete
if [ -n "$golden" ]; then
    mkdir -p "$dir/shared/golden/models"
    for name in nano mini_a mini_gated mini_v0 mini_attn; do
        cp "$golden/models/$name.safetensors" "$golden/models/$name.io.safetensors" "$dir/shared/golden/models/"
    done
    cp "$golden/train.safetensors" "$golden/train.json" "$dir/shared/golden/"
    chmod -R u+w "$dir/shared"
fi
du -sh "$dir"
