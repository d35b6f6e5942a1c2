#!/bin/bash
# deb.sh - the Debian packages: what stands in them, what lintian says, that they install and run in a clean root, and what they ask of systemd.
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
deb=$(echo made/earmark_*.deb)
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

# ---- libearmark
for part in libearmark0 libearmark-dev; do
    dpkg-deb -x made/${part}_*.deb "$part"; dpkg-deb -e made/${part}_*.deb "control-$part"; dpkg-deb -f made/${part}_*.deb >info
    says info "Package: $part"
    [ -f "$part/usr/share/doc/$part/copyright" ] && [ -f "$part/usr/share/doc/$part/changelog.gz" ] || bad "$part: no copyright or changelog"
done
says info "libearmark0 (= $(dpkg-deb -f "$deb" Version))"
[ "$(ls control-libearmark0 | tr '\n' ' ')" = 'control md5sums shlibs symbols triggers ' ] || bad "libearmark0 has $(ls control-libearmark0)"
for need in libc6 libfftw3-single3 libjansson4 libsoxr0; do
    grep -q "^Depends:.*$need" control-libearmark0/control || bad "libearmark0 does not need $need"
done
library=$(find libearmark0/usr/lib -name 'libearmark.so.*.*') libraries=${library%/*}
soname=$(readelf -d "$library" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')
says control-libearmark0/shlibs "${soname%.so.*} ${soname##*.so.} libearmark0 "
mkdir debian; printf 'Source: earmark\n\nPackage: libearmark0\nArchitecture: any\nDescription: x\n' >debian/control
dpkg-gensymbols -plibearmark0 -v"$(dpkg-deb -f "$deb" Version)" -e"$library" -Icontrol-libearmark0/symbols -c4 -Oout >said 2>&1 ||
    bad "packages/debian/libearmark0/symbols is out of step: $(grep '^[+-]' said | head -5)"
cp -a libearmark0 both; cp -a libearmark-dev/. both
grep -qx 'prefix=/usr' "both/${libraries#*/}/pkgconfig/earmark.pc" || bad "earmark.pc: $(head -2 "both/${libraries#*/}/pkgconfig/earmark.pc")"
PKG_CONFIG_SYSROOT_DIR=$here/both PKG_CONFIG_LIBDIR=$here/both/${libraries#*/}/pkgconfig pkg-config --cflags --libs earmark >flags
# shellcheck disable=SC2046
cc "$source_dir/examples/tag.c" -o tag $(cat flags) -lsndfile || bad "the example with libearmark-dev: $(cat flags)"

# The sanitizers' builds are not what is shipped.
if command -v lintian >/dev/null && ! grep -q '^EARMARK_SANITIZE:[A-Z]*=.' "$build_dir/CMakeCache.txt"; then
    timeout 100 lintian --allow-root --fail-on error,warning made/*.deb >said 2>&1 || bad "lintian: $(grep '^[EW]' said | head -5)"
else
    echo "lintian is not here, or these are no shipped binaries: not asked"
fi

# ------------------------------------------------------------------ a clean root
depends=$(sed -n 's/^Depends: //p' control/control | tr ',' '\n' | sed 's/(.*//; s/|.*//; s/ //g')
mkdir root
# shellcheck disable=SC2086
timeout 100 python3 "$tests_dir/root.py" root $depends dpkg dash coreutils diffutils libc-bin sed perl-base init-system-helpers >log 2>&1 ||
    bad "a clean root: $(tail -3 log)"
cp "$deb" root/tmp/earmark.deb
cp made/libearmark0_*.deb root/tmp/libearmark0.deb
cp tag root/tmp

# In the place of systemd: what is asked of it is kept in calls; user 1000 is logged in.
mkdir -p root/run/systemd/system root/usr/sbin
cat >root/usr/bin/systemctl <<'S'
#!/bin/sh
echo "$*" >>/tmp/calls
case "$*" in
    *--version*) echo 'systemd 252 (252.1)' ;;
    *list-units*) echo 'user@1000.service loaded active running User Manager for UID 1000' ;;
esac
S
chmod 755 root/usr/bin/systemctl
# asked TEXT...: systemd was asked for these since the last look, and not to start, stop or restart anything else.
asked() {
    local text
    touch root/tmp/calls
    for text in "$@"; do grep -qxF -- "$text" root/tmp/calls || bad "systemd was not asked: $text: $(cat root/tmp/calls)"; done
    grep -E '(^| )(start|stop|restart|try-restart) ' root/tmp/calls | grep -vxF -f <(printf '%s\n' "$@") >odd
    empty odd
    rm root/tmp/calls
}
policy() { printf '#!/bin/sh\nexit %s\n' "$1" >root/usr/sbin/policy-rc.d; chmod 755 root/usr/sbin/policy-rc.d; }

# inside COMMAND...: in the root, with nothing else of this machine but /proc and /dev.
inside() {
    timeout 120 unshare -rm bash -c 'mount --rbind /proc root/proc && mount --rbind /dev root/dev &&
        exec env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/tmp chroot root "$@"' bash "$@" >out 2>err </dev/null
}
if ! inside true; then
    [ $n_failed -eq 0 ] || finish
    echo "skipped: the packages are as they should be, but installed nowhere: no mount namespaces here, or no chroot: $(head -1 err)"
    exit 77
fi
inside test -e "$source_dir" && bad "the source tree is in the root"
inside dpkg -i /tmp/earmark.deb || bad "dpkg -i: $(tail -5 err)"
inside dpkg -s earmark; says out 'Status: install ok installed'
asked '--system daemon-reload' '--user --machine 1000@ daemon-reload'
inside dpkg -i /tmp/libearmark0.deb || bad "libearmark0: $(tail -5 err)"
inside /tmp/tag /usr/share/earmark/models/nano.safetensors /usr/share/doc/earmark/examples/demo/demo.flac ||
    bad "the example in the root: $(tail -3 err)"
grep -q Bark out || bad "the example hears no dog: $(head -3 out)"

# an upgrade: what runs goes on with the new program, where policy-rc.d allows it
again=('try-restart earmark.service earmark@*.service' '--user --machine 1000@ try-restart earmark.service')
inside dpkg -i /tmp/earmark.deb || bad "an upgrade: $(tail -5 err)"; asked "${again[@]}"
policy 101; inside dpkg -i /tmp/earmark.deb || bad "an upgrade: $(tail -5 err)"; asked '--system daemon-reload'
policy 104; inside dpkg -i /tmp/earmark.deb || bad "an upgrade: $(tail -5 err)"; asked "${again[@]}"
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
rm root/usr/sbin/policy-rc.d
mkdir -p root/etc/systemd/system/multi-user.target.wants
ln -s /lib/systemd/system/earmark@.service root/etc/systemd/system/multi-user.target.wants/earmark@porch.service
inside dpkg -r earmark || bad "dpkg -r: $(tail -3 err)"
asked 'stop earmark.service earmark@*.service' '--quiet --user --machine 1000@ stop earmark.service' '--system daemon-reload'
[ -L root/etc/systemd/system/multi-user.target.wants/earmark@porch.service ] || bad "a removal takes what a purge should"
[ ! -e root/usr/bin/earmark ] && grep -q 'top-k = 2' root/etc/earmark/earmark.conf || bad "a removal takes the configuration, or leaves the program"
inside dpkg -P earmark || bad "dpkg -P: $(tail -3 err)"
[ ! -L root/etc/systemd/system/multi-user.target.wants/earmark@porch.service ] || bad "a purge leaves links of units"
[ ! -e root/etc/earmark ] || bad "a purge leaves $(find root/etc/earmark)"
finish
