#!/usr/bin/env bash
# packages/install.sh GROUP... - installs the Debian packages of packages/GROUP.txt that are missing.
#
# Nothing missing: does nothing and needs no network. Not Debian: says what is wanted and goes on, since the same
# libraries may be there under other names; CMake names what it then lacks. EARMARK_INSTALL=no only reports.
set -euo pipefail
here=$(dirname -- "${BASH_SOURCE[0]}")

wanted=()
for group in "$@"; do
    if [ ! -r "$here/$group.txt" ]; then
        echo "packages/install.sh: no list packages/$group.txt" >&2
        exit 2
    fi
    mapfile -t -O "${#wanted[@]}" wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$here/$group.txt")
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "Not a Debian system: install what these packages hold yourself: ${wanted[*]}" >&2
    exit 0
fi

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=absent
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "${EARMARK_INSTALL:-yes}" = no ]; then
    echo "Missing, and left so (EARMARK_INSTALL=no): ${missing[*]}" >&2
    exit 0
fi
as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing: ${missing[*]}" >&2
        echo "Run as root: apt-get install ${missing[*]}   (or EARMARK_INSTALL=no to go on without)" >&2
        exit 1
    fi
    as_root=(sudo env DEBIAN_FRONTEND=noninteractive)
fi

echo "Installing: ${missing[*]}"
options=(-q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
"${as_root[@]}" apt-get "${options[@]}" update
"${as_root[@]}" apt-get "${options[@]}" install --no-install-recommends "${missing[@]}"
