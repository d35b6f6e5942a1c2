# lib.sh - for the tests of what was installed. $1 to $3 as ../cli/lib.sh has them, $4 the build folder.
. "$(dirname "$0")/../cli/lib.sh"
build_dir=$4

# hidden COMMAND...: runs it where empty folders lie over the source tree and the build folder, so that nothing of them can
# be what makes it work.
hidden() {
    timeout 120 unshare -rm bash -c 'for tree in "$1" "$2"; do [ ! -e "$tree" ] || mount -t tmpfs none "$tree" || exit 99; done
                                     shift 2; exec "$@"' bash "$source_dir" "$build_dir" "$@"
}
if hidden test ! -e "$source_dir/README.md" 2>/dev/null; then
    em() { hidden "$earmark" "$@"; }
else
    echo "no mount namespaces here: the source tree stays in sight, only the paths that the program tells are checked"
fi
