#!/bin/bash
# sound_modules.sh - the program brings no sound system along: microphones and JACK are modules, each missed by its own name, and
# neither hides the other.
. "$(dirname "$0")/lib.sh"
build_dir=$(dirname "$earmark") features=$(em --version)

ldd "$earmark" >libraries || bad "ldd: $(cat libraries)"
grep -E 'lib(jack|asound|portaudio|db)' libraries && bad "they are loaded before they are asked for"

export EARMARK_MODULES=$here/modules
mkdir modules
run 0 --duration 1 "$demo"
case $features in *'jack: yes'*) run 4 --jack; empty out; one_line err; says err 'earmark-jack.so is not there' ;; esac
case $features in *'portaudio: yes'*) run 4 --device x; empty out; one_line err; says err 'earmark-portaudio.so is not there' ;; esac

# A device that needs no hardware.
echo 'pcm.!default { type null }' >.asoundrc
case $features in *'portaudio: yes, jack: yes'*)
    run 4 --list-devices; one_line err 2; says err 'earmark-portaudio.so is not there'; says err 'earmark-jack.so is not there'
    cp "$build_dir/earmark-jack.so" modules
    run 4 --list-devices; one_line err; says err 'earmark-portaudio.so is not there'
    rm modules/earmark-jack.so
    cp "$build_dir/earmark-portaudio.so" modules
    run 4 --list-devices; one_line err; says err 'earmark-jack.so is not there'; says out 'default'
    cp "$build_dir/earmark-jack.so" modules
    run 0 --list-devices; empty err; says out 'default' ;;
esac
finish
