# lib.sh - for the tests of the program as people run it. $1 is the program, $2 the source tree, $3 the reader of
# JSON Lines; the test runs in a folder of its own, with no configuration but its own.
set -u
earmark=$1 source_dir=$2 jsonl_check=$3
demo=$source_dir/config/demo/demo.flac
here=$(mktemp -d) || exit 1
trap 'rm -rf "$here"' EXIT
cd "$here" || exit 1
export XDG_CONFIG_HOME=$here/config XDG_DATA_HOME=$here/data HOME=$here LC_ALL=C
unset NO_COLOR JOURNAL_STREAM ${!EARMARK_*}
export EARMARK_BACKEND=cpu                              # with CUDA built in, auto tells each time that there is no device
n_failed=0

# Every run has a limit; 124 means that it was reached.
em() { timeout 60 "$earmark" "$@"; }

bad() { echo "FAILED: $*"; n_failed=$((n_failed + 1)); }

# run CODE args...: standard output in out, standard error in err, no terminal, nothing on standard input.
run() {
    local want=$1 code
    shift
    em "$@" >out 2>err </dev/null
    code=$?
    [ $code -eq "$want" ] || bad "earmark $*: exit code $code, not $want: $(head -c 300 err)"
}

# says FILE TEXT: the fixed TEXT is in it.
says() { grep -qF -- "$2" "$1" || bad "'$2' is not in: $(head -c 400 "$1")"; }
one_line() { [ "$(wc -l <"$1")" -eq "${2:-1}" ] || bad "not ${2:-1} line(s): $(head -c 400 "$1")"; }
empty() { [ ! -s "$1" ] || bad "$1 is not empty: $(head -c 300 "$1")"; }

le16() { printf "\\x$(printf %02x $(($1 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))"; }
le32() { le16 $(($1 & 65535)); le16 $(($1 >> 16)); }

# wav_header FORMAT CHANNELS RATE BITS DATA_BYTES
wav_header() {
    printf RIFF; le32 $((36 + $5)); printf WAVEfmt\ ; le32 16; le16 "$1"; le16 "$2"; le32 "$3"
    le32 $(($3 * $2 * $4 / 8)); le16 $(($2 * $4 / 8)); le16 "$4"; printf data; le32 "$5"
}
# silence_wav SAMPLES [CHANNELS]
silence_wav() { wav_header 1 "${2:-1}" 32000 16 $(($1 * 2 * ${2:-1})); head -c $(($1 * 2 * ${2:-1})) /dev/zero; }

# noise_wav SAMPLES: the bytes of the model file, heard as sound.
noise_wav() { wav_header 1 1 32000 16 $(($1 * 2)); noise_raw "$1"; }
noise_raw() { head -c $(($1 * 2)) "$source_dir/config/models/nano.safetensors"; }

finish() { [ $n_failed -eq 0 ] && echo "all passed"; exit $((n_failed > 0)); }
