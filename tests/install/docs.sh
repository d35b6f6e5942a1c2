#!/bin/bash
# docs.sh - the manual page and the completions that were made from the table of options: each holds every option, the page is
# clean to man and mandoc, and real shells complete with them.
. "$(dirname "$0")/../cli/lib.sh"
docs=$4/docs tests_dir=$source_dir/tests/install

"$earmark" --help | grep -oE '^  +(-., )?--[-a-z0-9]+' | grep -oE -- '--[-a-z0-9]+' | sort -u >options
[ "$(wc -l <options)" -gt 100 ] || bad "only $(wc -l <options) options in --help"
while read -r option; do
    grep -qF -- "\\fB\\-\\-$(printf %s "${option#--}" | sed 's/-/\\-/g')\\fR" "$docs/earmark.1" || bad "$option is not in earmark.1"
    grep -qE -- "(^|[ |'])$option([ |)']|$)" "$docs/earmark.bash" || bad "$option is not in earmark.bash"
    grep -qE -- "'[^ ]*( [^ ]*\))?$option(=-?|)\[" "$docs/_earmark" || bad "$option is not in _earmark"
    grep -qE -- " -l ${option#--} " "$docs/earmark.fish" || bad "$option is not in earmark.fish"
done <options

for part in NAME SYNOPSIS OPTIONS FORMATS 'EXIT STATUS' SIGNALS KEYS 'CONFIGURATION FILE' MQTT OSC 'JACK MIDI' 'WEB PAGE' SERVICE \
    ENVIRONMENT FILES EXAMPLES; do
    grep -qE "^\.SH \"?$part\"?$" "$docs/earmark.1" || bad "earmark.1 has no $part"
done
# What the program serves, sends and takes is named in the page, as its own tables have it.
sed 's/\\-/-/g; s/\\f[BIR]//g; s/\\(dq//g; s/^\.[BIRTPQ]* //; s/[ "]//g' "$docs/earmark.1" >plain
named() { # FILE EXPRESSION [PIECE]: what the expression finds in it, or those pieces of that
    grep -oE -- "$2" "$source_dir/$1" | grep -oE -- "${3:-[^\" ]+}" | sort -u >names
    [ -s names ] || bad "nothing is found in $1"
    while read -r name; do grep -qF -- "$name" plain || bad "earmark.1 does not name $name of $1"; done <names
}
named src/sinks/web/site.c '\.path = "[^"]+"' '/[a-z0-9/]+'
named src/cli/osc_in.c '"/earmark/[a-z]+"'
named src/sinks/sink_osc.c '^ \*   /earmark/[A-Za-z/]+ +,[sifd]+' '[/,][A-Za-z/]+'
named src/sinks/mqtt_ear.h '^ \*   BASE/[A-Za-z/]+' 'SOURCE/[A-Za-z/]+'
named src/sinks/mqtt_ear.c 'add\(ear, [A-Z_]+, "[a-z/]+' '[a-z/]+$'
for section in $(grep -oE '(parts|subjects)\[\] = \{[^}]*' "$source_dir/src/cli/config_text.c" | grep -oE '"[a-z]+"' | tr -d '"') midi; do
    grep -qF "[$section" plain || bad "earmark.1 does not name [$section]"
done
for file in page.js $(cd "$source_dir/src/sinks/web/page" && ls ./*.css ./*.svg); do
    grep -qF "/${file#./}" plain || bad "earmark.1 does not name the page's $file"
done
for unit in $(cd "$source_dir/systemd" && ls earmark*.service.in); do
    name=${unit%.in}; grep -qF "${name/@/@NAME}" plain || bad "earmark.1 does not name $name"
done
! grep -q '@[A-Z]*@' "$docs/earmark.1" || bad "earmark.1: a mark was not filled in"
for code in 0 1 2 3 4 5 6 7 70; do grep -qx "\.B $code" "$docs/earmark.1" || bad "earmark.1: exit status $code"; done
says "$docs/earmark.1" "earmark $("$earmark" --version | sed -n '1s/earmark //p')"
if command -v man >/dev/null; then
    LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$docs/earmark.1" 2>&1 >/dev/null | head -5 >warned
    empty warned
else
    echo "man is not here: not asked"
fi
if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$docs/earmark.1" >warned 2>&1
    empty warned
else
    echo "mandoc is not here: not asked"
fi

for shell in bash zsh; do
    timeout 70 python3 "$tests_dir/shells.py" $shell "$docs" >said 2>&1 </dev/null
    case $? in
    0) ;;
    77) echo "$shell is not here: not asked" ;;
    *) bad "$shell: $(head -c 900 said)" ;;
    esac
done

# fish answers without a terminal
proposes() {
    fish --no-config -c "source '$docs/earmark.fish'; complete -C \"earmark $1\"" 2>&1 </dev/null | cut -f1 >proposed
    grep -qxF -- "$2" proposed || bad "fish: '$1' proposes: $(head -c 200 proposed)"
}
if command -v fish >/dev/null; then
    touch hear.conf; mkdir -p subfolder; touch subfile
    proposes --colo --color; proposes '--color al' always; proposes '--color=al' --color=always; proposes '-f audac' audacity
    proposes '--scores=no' --scores=none; proposes '--jack=n' --jack=no; proposes '-c hear.c' hear.conf; proposes '--out-dir sub' subfolder/
    ! grep -q subfile proposed || bad "fish: a file where a folder is wanted"
else
    echo "fish is not here: not asked"
fi
finish
