#!/usr/bin/env bash
# What only a GPU can tell, in one call.
#   run.sh prep  [FOLDER]        builds all that is needed, without a GPU; FOLDER (build/gpu) then travels beside this checkout
#   run.sh first [FOLDER]        on the machine with the GPU: every step, the most wanted first; ends inside 570 s
#   run.sh again [FOLDER]        the sums, the switches of the kernels and why they wait; ends inside 240 s
#   run.sh only FOLDER STEP ...  these steps; inside 570 s
#   run.sh steps [first|again]   names the steps, with the seconds that each may take
#   run.sh check FOLDER          whether FOLDER can travel: its size, and that nothing but a driver is wanted there
# A step has its own limit and spoils no other; what is not there is skipped, and says so. What comes back, in $OUT (FOLDER/out):
# results.jsonl, which grows step by step, and all.tgz, what the programs said. A table is printed last. EXPECTED.md has for each
# step what was predicted and what hangs on it. Exit status: 0, 1 when a step failed, 77 when there is no GPU.
# For tests: PV_TOTAL_S, seconds for everything; PV_LIMITS="STEP=SECONDS ...", other limits of steps;
# PV_SWITCHES, another list of switches.
set -u
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-}
case $what in
prep) exec "$here/prep.sh" "${@:2}" ;;
check) exec "$here/travels.sh" "${@:2}" ;;
first | again) bin=${2:-build/gpu} only=() ;;
only) bin=${2:-} only=("${@:3}") ;;
steps) bin=. only=() what=list mode=${2:-first} ;;
*) sed -n '2,/^set/p' "$0" | grep '^#' >&2; exit 2 ;;
esac
[ "$what" != list ] || case $mode in first | again) ;; *) echo "run.sh steps: first or again, not \"$mode\"" >&2; exit 2 ;; esac
[ "$what" = list ] || mode=$what
[ "$what" != only ] || [ ${#only[@]} -gt 0 ] || { echo "run.sh only: which steps? \"run.sh steps\" names them" >&2; exit 2; }
[ -d "$bin" ] || { echo "run.sh: no folder \"$bin\": make it with \"run.sh prep\"" >&2; exit 2; }
bin=$(cd "$bin" && pwd)
store=$bin
export bin here LD_LIBRARY_PATH=$store/lib:${LD_LIBRARY_PATH:-}
unpack() { # the programs, once; tar wants an xz beside it, which Python has in itself
    bin=$store/programs
    [ "$store/programs.tar.xz" -nt "$bin/.unpacked" ] || return 0
    mkdir -p "$bin" && { tar -C "$bin" -xJf "$store/programs.tar.xz" 2> /dev/null ||
        python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$store/programs.tar.xz" "$bin"; } && touch "$bin/.unpacked" && return 0
    echo "run.sh: $store/programs.tar.xz cannot be unpacked" >&2
    exit 1
}
[ "$what" = list ] || [ ! -e "$store/programs.tar.xz" ] || unpack

total=570; [ "$mode" != again ] || total=240
total=${PV_TOTAL_S:-$total}
reserve=$((total / 25)) # for the table and the archive

wanted() { [ ${#only[@]} -eq 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }
missing() { # prints the first program of ours in a command that is not there
    local word
    for word in "$@"; do [[ $word != "$bin/"* ]] || [ -x "$word" ] || { echo "${word#"$bin/"}"; return; }; done
}
state_of() { # RC LIMIT OUTPUT
    case $1 in
    0) echo ok ;;
    77) local why; why=$(tail -n 1 "$3" | cut -c1-80 | sed 's/["\\]//g'); echo "skipped: ${why:-${3##*/} does not say why}" ;;
    124 | 137) echo "stopped at its limit of $2 s" ;;
    *) echo "failed with status $1" ;;
    esac
}
note() { # NAME STATE SECONDS
    printf '{"bench":"step","step":"%s","state":"%s","seconds":%d,"at":%d}\n' "$1" "$2" "$3" $SECONDS >> "$out/results.jsonl"
    printf '== %-24s %s, %d s, %d s in all\n' "$1" "$2" "$3" $SECONDS
    case $2 in ok) ran=1 ;; failed* | stopped*) failed=1 ran=1 ;; esac
}
step() { # LIMIT NAME COMMAND ...: a program or a function of steps.sh
    local limit=$1 name=$2 from=$SECONDS rc=0 left cut='' state; shift 2
    [ "$what" != list ] || { echo "$name $limit"; return 0; }
    wanted "$name" || return 0
    left=$((total - reserve - SECONDS - 5)) # 5: from the first signal to the last
    [[ " ${PV_LIMITS:-} " =~ \ $name=([0-9]+)\  ]] && limit=${BASH_REMATCH[1]}
    [ "$left" -lt "$limit" ] && limit=$left && cut="cut off after $limit s: no time left"
    [ "$limit" -ge 1 ] || { note "$name" "skipped: no time left" 0; return 0; }
    local lacks; lacks=$(missing "$@")
    [ -z "$lacks" ] || { note "$name" "skipped: no $lacks in the folder" 0; return 0; }
    # shellcheck disable=SC2016 # the inner shell expands it
    timeout -k 5 "$limit" bash -o pipefail -c '. "$here/steps.sh"; "$@"' _ "$@" > "$tmp/$name.out" 2>&1 < /dev/null || rc=$?
    grep -a '^{.*}$' "$tmp/$name.out" | sed "s/^{/{\"step\":\"$name\",/" >> "$out/results.jsonl"
    state=$(state_of $rc "$limit" "$tmp/$name.out")
    case $state in stopped*) state=${cut:-$state} ;; esac
    note "$name" "$state" $((SECONDS - from))
    [ $rc -eq 0 ] || tail -n 4 "$tmp/$name.out" | cut -c1-300
}
. "$here/steps.sh"

[ "$what" != list ] || { plan "$mode"; exit 0; }
if [ "$what" = only ]; then
    for name in "${only[@]}"; do "$0" steps first | grep -q "^$name " || { echo "run.sh only: unknown step \"$name\"; \"run.sh steps\" names them" >&2; exit 2; }; done
    mode=first
fi
out=${OUT:-$store/out}
tmp=$(mktemp -d) || exit 1
export tmp
mkdir -p "$out" && echo "{\"bench\":\"run\",\"what\":\"$what\",\"total_s\":$total}" > "$out/results.jsonl" || exit 1
failed=0 ran=0 maker=
finish() {
    [ -z "$maker" ] || kill -- "-$maker" 2> /dev/null
    timeout -k 1 10 tar -C "$tmp" --exclude=./circuits -czf "$out/all.tgz" .
    echo
    { timeout -k 1 10 python3 "$here/table.py" "$out/results.jsonl" || cat "$out/results.jsonl"; } 2> "$tmp/table.why" | cut -c1-220 | tail -c 9000
    rm -rf "$tmp"
}
trap 'exit 1' TERM INT
trap finish EXIT
# shellcheck disable=SC2016
[ "$mode" = again ] || { setsid bash -c '. "$here/steps.sh"; make_circuits' & maker=$!; } # a group of its own, to be ended with
plan "$mode"
[ $failed -eq 0 ] || exit 1
[ $ran -eq 1 ] || exit 77
