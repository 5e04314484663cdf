#!/usr/bin/env bash
# Circuits to measure, in an ignored folder (build/circuits): three families by make_circuit, keys from a fixed seed.
#   circuits.sh MAKE-CIRCUIT [LOG_N...]     default 12 14 16; 18 takes a minute and 0.4 GB
set -euo pipefail
make=$(realpath "$1")
shift
to=$(cd "$(dirname "$0")/../.." && pwd)/build/circuits
for n in "${@:-12 14 16}"; do
    for kind in chain bits mixed; do
        for log_n in $n; do
            mkdir -p "$to/$kind-$log_n"
            [ -e "$to/$kind-$log_n/witness.wtns" ] || "$make" "$kind" "$log_n" "$to/$kind-$log_n"
            echo "$to/$kind-$log_n"
        done
    done
done
