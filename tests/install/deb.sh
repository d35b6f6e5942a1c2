#!/bin/bash
# deb.sh - the Debian package: what stands in it, what lintian says, and that it installs and runs in a clean root.
#
# The root is made of this machine's files, no others being at hand without a network: of the packages that the .deb depends
# on, all that these depend on, and dpkg with a shell. dpkg in there checks the dependencies and installs. So this shows that
# what Depends names is enough and that nothing of source tree or build folder is needed; it does not show that another
# machine's libraries are new enough, for which dpkg-shlibdeps answers.
. "$(dirname "$0")/lib.sh"
tests_dir=$source_dir/tests/install
if ! command -v dpkg-shlibdeps >/dev/null || ! command -v gzip >/dev/null; then
    echo "skipped: dpkg-dev is not here"
    exit 77
fi

(cd "$build_dir" && cpack -G DEB -B "$here/made") >log 2>&1 || bad "cpack: $(tail -5 log)"
deb=$(echo made/*.deb)
[ -f "$deb" ] || { bad "no package: $(tail -5 log)"; finish; }
dpkg-deb -I "$deb" >info
for field in 'Package: earmark' 'Maintainer: ' 'Section: sound' 'libfftw3-single3' 'libsndfile1' 'libsoxr0' 'libc6'; do says info "$field"; done
dpkg-deb -x "$deb" tree
dpkg-deb -e "$deb" control
for file in usr/bin/earmark usr/share/man/man1/earmark.1.gz usr/share/earmark/models/nano.safetensors \
            lib/systemd/system/earmark.service lib/systemd/system/earmark@.service usr/lib/systemd/user/earmark.service \
            usr/share/zsh/vendor-completions/_earmark usr/share/bash-completion/completions/earmark; do
    [ -f "tree/$file" ] || bad "$file is not in the package"
done
# every file of /etc is the administrator's, and every one of them is there
find tree/etc -type f | sed 's/^tree//' | sort | diff - <(sort control/conffiles) >wrong || bad "conffiles: $(cat wrong)"
grep -q '^[a-z]' tree/etc/earmark/earmark.conf && bad "/etc/earmark/earmark.conf sets something: $(grep -m1 '^[a-z]' tree/etc/earmark/earmark.conf)"
grep -q '^#rate = 32000' tree/etc/earmark/earmark.conf || bad "/etc/earmark/earmark.conf does not show rate"
for unit in tree/lib/systemd/system/*.service tree/usr/lib/systemd/user/*.service; do
    grep -q '^ExecStart=/usr/bin/earmark ' "$unit" || bad "$unit starts $(grep ExecStart "$unit")"
done
says tree/usr/share/doc/earmark/copyright 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/'
for licence in Apache-2.0 CC-BY-4.0 CC-BY-SA-4.0 CC0-1.0; do
    grep -qx "License: $licence" tree/usr/share/doc/earmark/copyright || bad "copyright: $licence has no text"
done

# The sanitizers' builds are not what is shipped.
if command -v lintian >/dev/null && ! grep -q '^EARMARK_SANITIZE:[A-Z]*=.' "$build_dir/CMakeCache.txt"; then
    timeout 100 lintian --allow-root --fail-on error "$deb" >said 2>&1 || bad "lintian: $(grep '^E' said | head -5)"
else
    echo "lintian is not here, or these are no shipped binaries: not asked"
fi

# ------------------------------------------------------------------ a clean root
depends=$(sed -n 's/^Depends: //p' control/control | tr ',' '\n' | sed 's/(.*//; s/|.*//; s/ //g')
mkdir root
# shellcheck disable=SC2086
timeout 100 python3 "$tests_dir/root.py" root $depends dpkg dash coreutils diffutils libc-bin sed >log 2>&1 || bad "a clean root: $(tail -3 log)"
cp "$deb" root/tmp/earmark.deb

# inside COMMAND...: in the root, with nothing else of this machine but /proc and /dev.
inside() {
    timeout 120 unshare -rm bash -c 'mount --rbind /proc root/proc && mount --rbind /dev root/dev &&
        exec env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp chroot root "$@"' bash "$@" >out 2>err </dev/null
}
if ! inside true; then
    echo "no mount namespaces here, or no chroot: installed nowhere ($(head -1 err))"
    finish
fi
inside test -e "$source_dir" && bad "the source tree is in the root"
inside dpkg -i /tmp/earmark.deb || bad "dpkg -i: $(tail -5 err)"
inside dpkg -s earmark; says out 'Status: install ok installed'
inside earmark -vv /usr/share/doc/earmark/examples/demo/demo.flac || bad "earmark in the root: $(tail -3 err)"
says err 'model file /usr/share/earmark/models/nano.safetensors'; says err 'read /etc/earmark/earmark.conf'
for event in Bark Rain Helicopter Sneeze Crackle; do grep -q "^0:.* - .*$event" out || bad "the demo clip: no $event"; done
inside earmark --config /etc/earmark/service.conf --print-config; says out 'wait = 90'
inside earmark --list-devices; [ -s err ] && grep -q 'not found' err && bad "a library is missing: $(cat err)"
inside ls /usr/lib/earmark
for module in $(cat out); do
    inside ldd "/usr/lib/earmark/$module"; ! grep 'not found' out || bad "$module wants what is not there"
done

# what the administrator wrote outlives a removal, but no purge
inside sh -c 'echo "top-k = 2" >>/etc/earmark/earmark.conf'
inside earmark --print-config; says out 'top-k = 2'
inside dpkg -r earmark || bad "dpkg -r: $(tail -3 err)"
[ ! -e root/usr/bin/earmark ] && grep -q 'top-k = 2' root/etc/earmark/earmark.conf || bad "a removal takes the configuration, or leaves the program"
inside dpkg -P earmark || bad "dpkg -P: $(tail -3 err)"
[ ! -e root/etc/earmark ] || bad "a purge leaves $(find root/etc/earmark)"
finish
