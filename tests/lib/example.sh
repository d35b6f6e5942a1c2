#!/bin/bash
# example.sh EARMARK CMAKE BUILD SOURCE CC [SANITIZE] - examples/tag.c against libearmark as it is installed into a folder of its own,
# shared and static, C99 and C++; it tells the events that the program tells.
set -eu
earmark=$1 cmake=$2 build=$3 source=$4 cc=$5 sanitize=${6-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
model=$source/config/models/nano.safetensors sound=$source/config/demo/demo.flac

for part in libearmark libearmark-dev; do
    "$cmake" --install "$build" --prefix "$folder/made" --component $part > "$folder/log" || { cat "$folder/log"; exit 1; }
done
mv "$folder/made" "$folder/moved"                       # earmark.pc says where it lies itself
PKG_CONFIG_PATH=$(dirname "$(find "$folder/moved" -name earmark.pc)")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion earmark)" = "$("$earmark" --version | sed -n '1s/^earmark //p')" ] || { echo "another version"; exit 1; }
libraries=$(pkg-config --variable=libdir earmark)

[ "$(wc -l < "$source/examples/tag.c")" -le 40 ] || { echo "it is said to have forty lines"; exit 1; }
# shellcheck disable=SC2046,SC2086
"$cc" -std=c99 -pedantic -Wall -Wextra -Werror $sanitize "$source/examples/tag.c" -o "$folder/tag" $(pkg-config --cflags --libs earmark sndfile)
mkdir "$folder/static"
cp "$libraries/libearmark.a" "$folder/static"
# shellcheck disable=SC2046,SC2086
"$cc" $sanitize "$source/examples/tag.c" -o "$folder/tag_static" -L"$folder/static" \
    $(pkg-config --static --cflags --libs earmark | sed "s#-L[^ ]*##") $(pkg-config --libs sndfile)
for language in c++98 c++17; do
    printf '#include <earmark.h>\nint main() { return !earmark_version(); }\n' |
        g++ -x c++ -std=$language -pedantic -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags earmark) -
done

"$earmark" -q -f audacity --scores=none -m "$model" "$sound" | sort > "$folder/want"
[ "$(wc -l < "$folder/want")" -ge 8 ] || { echo "the program tells too little"; exit 1; }
LD_LIBRARY_PATH=$libraries "$folder/tag" "$model" "$sound" | sort > "$folder/shared"
"$folder/tag_static" "$model" "$sound" | sort > "$folder/alone"
diff "$folder/want" "$folder/shared" && diff "$folder/want" "$folder/alone" || { echo "other events than the program's"; exit 1; }

if LD_LIBRARY_PATH=$libraries "$folder/tag" /nowhere "$sound" 2> "$folder/err"; then echo "no failure"; exit 1; fi
grep -q '^/nowhere' "$folder/err" || { cat "$folder/err"; exit 1; }
