#!/bin/bash
# install.sh - `cmake --install` into a prefix that is moved afterwards: the program finds model, labels and modules beside
# itself, and nothing that was installed names the source tree.
. "$(dirname "$0")/lib.sh"

cmake --install "$build_dir" --prefix "$here/first" >log 2>&1 || bad "cmake --install: $(tail -3 log)"
mv first prefix
earmark=$here/prefix/bin/earmark demo=$here/prefix/share/doc/earmark/examples/demo/demo.flac

for file in bin/earmark share/earmark/models/nano.safetensors share/earmark/models/README.md share/earmark/labels/audioset.csv \
            share/earmark/labels/ontology.csv share/earmark/labels/README.md share/doc/earmark/LICENSE \
            share/applications/earmark.desktop share/icons/hicolor/scalable/apps/earmark.svg \
            share/doc/earmark/examples/earmark.conf share/doc/earmark/examples/demo/CREDITS.md; do
    [ -f "prefix/$file" ] || bad "$file is not installed"
done
for module in "$build_dir"/earmark-*.so; do
    [ ! -e "$module" ] || [ -n "$(find prefix -name "$(basename "$module")")" ] || bad "$(basename "$module") is not installed"
done
# The sanitizers' builds keep the names of sources, which their reports tell.
if ! grep -q '^EARMARK_SANITIZE:[A-Z]*=.' "$build_dir/CMakeCache.txt"; then
    grep -rlaF "$source_dir/" prefix >named && bad "the source tree is named in: $(cat named)"
fi

run 0 -vv --duration 3 "$demo"
says err "model file $here/prefix/share/earmark/models/nano.safetensors"; says out 'Bark'
run 0 --inspect nano; says out 'CC-BY-4.0'
run 0 --labels prefix/share/earmark/labels/audioset.csv --list-classes; one_line out 528
run 0 -c prefix/share/doc/earmark/examples/earmark.conf --print-config
run 3 -m nope --duration 1 "$demo"; says err "$here/prefix/share/earmark/models"

# a module, loaded from the installed place
if [ -e "$build_dir/earmark-plot.so" ]; then
    mkdir set
    noise_wav 64000 >set/a.wav
    printf 'filename,labels\na.wav,Rain\n' >set/set.csv
    run 0 --eval --data set --plot picture; [ -s picture-pr.png ] || bad "no picture: $(cat err)"
    rm prefix/lib*/earmark/earmark-plot.so prefix/lib*/*/earmark/earmark-plot.so 2>/dev/null
    run 2 --eval --data set --plot again; says err 'earmark-plot.so is not there'
fi
finish
