# shellcheck shell=bash
# The steps of run.sh, in their order, and what they call; read by run.sh and by the shell of each step.
plan() { # first|again
    if [ "$1" = first ]; then
        step 15 facts facts
        step 20 rates "$bin/gpu_rates"
        step 60 test_msm "$bin/gpu_test_msm" little
        step 40 test_ntt "$bin/gpu_test_ntt" 14
        for c in chain-13 chain-16; do step 40 "prove_$c" prove "$c" --rounds 20 --no-check "$bin/provost-prover"; done
    fi
    step 40 msm_dense "$bin/gpu_bench" msm 10 22 dense
    step 40 msm_g2 "$bin/gpu_bench" msm2 14 22 dense
    step 30 msm_circom "$bin/gpu_bench" msm 14 20 circom
    if [ "$1" = first ]; then
        for c in chain-20 bits-18; do step 60 "prove_$c" prove "$c" --rounds 20 --no-check "$bin/provost-prover"; done
        for c in chain-13 chain-16 chain-20; do step 40 "slots_$c" slots "$c" "$bin/provost-prover"; done
        step 25 ntt "$bin/gpu_bench" ntt 10 22
        step 60 key_chain-20 prove chain-20 --rounds 1 "$bin/provost-prover"
    fi
    while read -r name _ sizes; do step 25 "switch_$name" by_turns "$bin/$(kind_of "$sizes")_$name" "$bin/gpu_$(kind_of "$sizes")" $sizes; done < <(switches)
    for k in msm-16-dense msm-20-dense msm-20-circom msm2-20-dense ntt-20; do step 30 "kernels_$k" kernels "$k" "$bin/gpu_bench"; done
    step 35 stalls_g1 stalls msm_accumulate "$bin/gpu_bench" msm 20 20 dense
    step 35 stalls_g2 stalls msm_accumulate "$bin/gpu_bench" msm2 20 20 dense
    step 35 stalls_ntt stalls ntt_pass "$bin/gpu_bench" ntt 20 20
    if [ "$1" = first ]; then
        for n in 13 16 20; do step 25 "phases_$n" "$bin/gpu_phases" "$n"; done
        step 30 user as_nobody "$bin/provost-prover"
        step 20 msm_24 "$bin/gpu_bench" msm 24 24 dense
        step 70 sanitizer_memcheck sanitizer memcheck "$bin/gpu_test_msm" little
        step 70 sanitizer_racecheck sanitizer racecheck "$bin/gpu_test_msm" little
    fi
}
kind_of() { case $1 in phases:*) echo phases ;; *) echo bench ;; esac; } # SIZES: the program that measures them
switches() { grep -v '^#' "${PV_SWITCHES:-$here/switches.txt}"; } # NAME SWITCH=VALUE SIZES
shows_card() { # where NVIDIA's tools are and no card is, each fails in its own words
    ! command -v nvidia-smi > /dev/null || nvidia-smi -L 2>&1 | grep '^GPU ' > "$tmp/cards" || { echo "nvidia-smi shows no GPU"; return 77; }
}
facts() {
    command -v nvidia-smi > /dev/null || { echo "no nvidia-smi"; return 77; }
    shows_card || return
    nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.max.sm,power.limit,pcie.link.gen.current,pcie.link.width.current,ecc.mode.current,memory.total \
        --format=csv,noheader | sed 's/"//g; s/.*/{"bench":"facts","card":"&"}/'
    printf '{"bench":"facts","host":"%s, %d cores"}\n' "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)" "$(nproc)"
    nvidia-smi topo -m; ldd --version | sed -n 1p # to its end: ldd must not be stopped by a closed pipe
}
make_circuits() { # beside the first steps, on the upper half of the cores
    local half=$(($(nproc) / 2)) c made
    [ -x "$bin/make_circuit" ] || return 0
    for c in "chain 13" "chain 16" "chain 20" "bits 18"; do
        made=$tmp/circuits/${c/ /-}
        mkdir -p "$made"
        timeout --foreground 300 taskset -c "$half-$(($(nproc) - 1))" nice "$bin/make_circuit" $c "$made" && touch "$made/made"
    done > "$tmp/make_circuits.out" 2>&1
    touch "$tmp/circuits/all"
}
circuit() { # waits for it; the step's limit ends that
    [ -e "$tmp/circuits/$1/made" ] || echo "waits until circuit $1 is made"
    until [ -e "$tmp/circuits/$1/made" ]; do
        [ -x "$bin/make_circuit" ] && [ ! -e "$tmp/circuits/all" ] || { echo "no circuit $1"; return 77; }
        sleep 0.2
    done
}
prove() { # CIRCUIT OPTIONS ... PROGRAM
    [ ! -s "$tmp/no_card" ] || { cat "$tmp/no_card"; return 77; } # nobody waits for a circuit of minutes then
    circuit "$1" || return
    "${!#}" bench --backend cuda "${@:2:$#-2}" "$tmp/circuits/$1/circuit.zkey" "$tmp/circuits/$1/witness.wtns" 2>&1 | tee "$tmp/said" || no_card
}
no_card() { # a failure whose reason is that there is no card, as the others say it with their status
    ! grep -E 'no NVIDIA driver here|the driver shows no GPU' "$tmp/said" > "$tmp/no_card" || return 77
    return 1
}
slots() { # CIRCUIT PROGRAM: proofs a second of 1, 2 and 4 at a time
    local n
    for n in 1 2 4; do prove "$1" --rounds 20 --no-check --threads 2 --slots $n "$2" || return; done
}
measure() { # PROGRAM GROUP LOG_N
    case $2 in phases) "$1" "$3" ;; *-circom) "$1" "${2%-circom}" "$3" "$3" circom ;; *) "$1" "$2" "$3" "$3" dense ;; esac
}
by_turns() { # VARIANT BASE GROUP:LOG_N ...: each size by both, twice
    local size program
    for size in "${@:3}"; do
        for _ in 1 2; do
            for program in "$2" "$1"; do
                measure "$program" "${size%:*}" "${size#*:}" | sed "s/^{/{\"program\":\"${program##*/}\",/" || return
            done
        done
    done
}
kernels() { # WHAT-LOG_N-FAMILY PROGRAM: each kernel's time
    command -v ncu > /dev/null || { echo "no ncu"; return 77; }
    shows_card || return
    local kind n family; IFS=- read -r kind n family <<< "$1"
    ncu --csv --clock-control none --cache-control none --metrics gpu__time_duration.sum -k 'regex:(msm_|comb_|ntt_pass|qap_)' -c 40 \
        "$2" "$kind" "$n" "$n" $family | python3 "$here/kernel_times.py" "$1"
}
stalls() { # KERNEL PROGRAM ...: why its warps wait
    command -v ncu > /dev/null || { echo "no ncu"; return 77; }
    shows_card || return
    ncu --csv --page raw --clock-control none --cache-control none --section WarpStateStats --section ComputeWorkloadAnalysis \
        --section MemoryWorkloadAnalysis --section LaunchStats -k "regex:$1" -c 1 "${@:2}"
}
as_nobody() { # PROGRAM: its self-test, which is content without a GPU; this step is not
    setpriv --reuid=65534 --regid=65534 --clear-groups "$1" selftest 2>&1 | tee "$tmp/said" || return
    grep -qE '^cuda +proof +ok' "$tmp/said" || no_card
}
sanitizer() { # TOOL PROGRAM ...
    command -v compute-sanitizer > /dev/null || { echo "no compute-sanitizer"; return 77; }
    shows_card || return
    compute-sanitizer --tool "$1" --error-exitcode 9 "${@:2}"
}
