#!/usr/bin/env bash
# live.sh [-m CPU_MINUTES] [-j JOBS] [TARGET...]: fuzzes each target (default: all) for so many minutes of processor time, JOBS at
# a time (default 30 and 2), and prints a row of README.md's table for each. Beside anything else: at the lowest priority.
#
# What is found is kept in PV_FUZZ_KEEP/TARGET (default /tmp/provost-fuzz): corpus/, logs, a tally of the runs so far. A run that
# was stopped goes on from there; a target that has had its minutes is only printed. A crash ends the run of its target, and the
# input lies in PV_FUZZ_KEEP/TARGET/crash-*: mended, it goes to corpus/ of the tree, and the next run goes on.
set -euo pipefail
cd "$(dirname "$0")/../.."
keep=${PV_FUZZ_KEEP:-/tmp/provost-fuzz} minutes=30 jobs=2

# The test data that are seeds too, the dictionary, and the longest input where the largest seed is no good limit.
settings() { # TARGET
    seeds=() options=()
    case $1 in
    wire) seeds=(tests/vectors/wire/*) ;;
    zkey) seeds=(tests/data/{hidden,chain-5}/circuit.zkey) options=(-max_len=8192) ;;
    wtns) seeds=(tests/data/{hidden,chain-5}/witness.wtns) options=(-max_len=4096) ;;
    vkey | proof | public) seeds=(tests/data/{hidden,member}/"$1".json) options=(-dict=tests/fuzz/dict/json.dict) ;;
    result) options=(-dict=tests/fuzz/dict/json.dict) ;;
    *config | authorized_keys) options=(-dict=tests/fuzz/dict/yaml.dict) ;;
    key_file) options=(-dict=tests/fuzz/dict/zpl.dict) ;;
    http) options=(-dict=tests/fuzz/dict/http.dict) ;;
    esac
}

cpu_seconds() { # PID: processor time of all its threads; false when it has ended
    local stat ticks
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra ticks <<<"${stat##*) }"
    [ "${ticks[0]}" != Z ] || return 1
    echo $(((ticks[11] + ticks[12]) / $(getconf CLK_TCK)))
}

# A tally has a line "seconds executions edges crashes" for each run.
sum() { # TALLY COLUMN
    awk -v column="$2" '{ s += $column } END { print s + 0 }' "$1"
}

row() { # TARGET TALLY
    awk -v target="$1" '{ s += $1; n += $2; crashes += $4; if ($3 > edges) edges = $3 }
        END { printf "| fuzz_%s | %.1f | %d | %d | %d |\n", target, s / 60, n, edges, crashes }' "$2"
}

one() { # TARGET
    trap '' TERM INT # its fuzzer is ended, and then it goes on to its row
    local target=$1 home=$keep/$1 log pid spent=0 now left
    mkdir -p "$home/corpus"
    touch "$home/tally"
    settings "$target"
    for seed in "${seeds[@]}"; do cp -n "$seed" "$home/corpus/$(sha1sum <"$seed" | cut -c 1-40)"; done
    left=$((minutes * 60 - $(sum "$home/tally" 1)))
    if ((left > 0)); then
        log=$home/log.$(wc -l <"$home/tally")
        local folders=("$home/corpus") ours=tests/fuzz/corpus/$target
        [ ! -d "$ours" ] || folders+=("$ours")
        nice -n 19 chrt -i 0 build/fuzz/tests/fuzz_"$target" -print_final_stats=1 -rss_limit_mb=2048 -reload=0 \
            -artifact_prefix="$home/" "${options[@]}" "${folders[@]}" >"$log" 2>&1 &
        pid=$!
        while now=$(cpu_seconds "$pid"); do
            spent=$now
            ((spent < left)) || kill "$pid" 2>/dev/null || true
            sleep 2 || true
        done
        wait "$pid" || true
        awk -v spent="$spent" '/cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
            /^stat::number_of_executed_units/ { n = $2 }
            /Test unit written to .*\/(crash|leak|oom|timeout)-/ { crashes++ }
            END { print spent, n + 0, edges + 0, crashes + 0 }' "$log" >>"$home/tally"
    fi
    row "$target" "$home/tally"
}

while getopts m:j: option; do
    case $option in
    m) minutes=$OPTARG ;;
    j) jobs=$OPTARG ;;
    *) sed -n 2,7p "$0" && exit 2 ;;
    esac
done
shift $((OPTIND - 1))
(($#)) || set -- $(cd tests/fuzz && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
set -- "${@#fuzz_}"

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${@/#/fuzz_}" >&2
# Told to end, it ends the fuzzers, and their runs are counted.
ending=
trap 'ending=yes; for job in $(jobs -p); do pkill -TERM -P "$job" || true; done' TERM INT
for target; do
    while [ ! "$ending" ] && (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
    [ ! "$ending" ] || break
    one "$target" &
done
while (($(jobs -rp | wc -l))); do wait || true; done
