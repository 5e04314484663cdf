#!/usr/bin/env bash
# Sums and transforms of every size on every path, as lines of JSON (table_arithmetic.py makes tables): one thread, as the goals have it.
#   bench_arithmetic.sh BUILD [PIECE...]      PIECE: msm-small msm-g1-20 msm-g1-22 msm-g2 circom ntt; default all, minutes
#   PATHS="ifma adx portable"   ALONE="command to start each measurement with", e.g. one that waits for a quiet machine
set -euo pipefail
build=$(realpath "$1")
shift
[ $# -gt 0 ] || set -- msm-small msm-g1-20 msm-g1-22 msm-g2 circom ntt
alone() { # PROGRAM [ARGUMENT...]
    local program=$build/tests/$1
    shift
    ${ALONE:-} "$program" "$@"
}
for piece in "$@"; do
    for path in ${PATHS:-ifma adx portable}; do
        case $piece in
        msm-small) alone bench_msm "$path" 1 10 16 g1 && alone bench_msm "$path" 1 10 14 g2 ;;
        msm-g1-20) alone bench_msm "$path" 1 18 18 g1 && alone bench_msm "$path" 1 20 20 g1 ;;
        msm-g1-22) alone bench_msm "$path" 1 22 22 g1 ;;
        msm-g2) alone bench_msm "$path" 1 16 16 g2 && alone bench_msm "$path" 1 18 18 g2 ;;
        circom) alone bench_msm "$path" 1 16 18 g1 mixed && alone bench_msm "$path" 1 16 18 g1 bits ;;
        ntt) alone bench_ntt "$path" 1 10 18 && alone bench_ntt "$path" 1 20 22 ;;
        esac
    done
done
