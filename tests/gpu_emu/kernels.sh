#!/bin/sh
# kernels.sh GPU RAN - every __global__ function of the sources in GPU must be in RAN, the list of what gpu_emu launched.
set -eu
missing=$(cat "$1"/*.cu "$1"/*.cuh | sed -nE 's/^__global__ void( __launch_bounds__\([^)]*\))? ([A-Za-z0-9_]+)\(.*/\2/p' | sort -u |
    while read -r kernel; do grep -qx "$kernel" "$2" || echo "$kernel"; done)
count=$(cat "$1"/*.cu "$1"/*.cuh | grep -c '^__global__')
[ "$count" -gt 5 ] || { echo "no kernels found in $1"; exit 1; }
[ -z "$missing" ] || { echo "launched by no gpu_emu case:" $missing; exit 1; }
echo "$count kernels, all launched"
