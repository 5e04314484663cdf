#!/usr/bin/env bash
# What only a GPU can tell: tests/gpu/gpu_run.sh [PART ...], parts being build rates arithmetic tests sort ntt msm phases
# kernels prove sanitizer opcodes; without a name all of them. `build` alone needs no GPU; the others exit 77 without a device. Each part takes
# less than ten minutes and writes JSON lines to $OUT/<part>.jsonl (default build/gpu); one whose file is complete is skipped, so
# a run that was cut off goes on where it stopped. Last, a table. KERNELS="a.o b.o": kernels that nvcc compiled already.
# BIN=FOLDER: programs that `OUT=FOLDER tests/gpu/gpu_run.sh build` made on another machine, beside them provost-prover and
# make_circuit for part prove: none of the GPU's time goes into compiling then.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-build/gpu}
bin=${BIN:-$out}
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
mkdir -p "$out"
arch=${ARCH:-sm_90}
flags=(-arch="$arch" -std=c++17 -O3 -Ibase -Icrypto/bn254/field -Icuda -Icuda/field -Icuda/msm -Icuda/ntt -Itests/emu -Itests/gpu)
gmp=$(find /usr/lib -name libgmp.a 2>/dev/null | head -1) # linked in, so that programs can travel
read -ra kernels <<< "${KERNELS:-}"

declare -A sources=(
    [gpu_rates]=tests/gpu/rates.cu
    [gpu_arithmetic]="tests/gpu/arithmetic.cu tests/emu/probe.cu"
    [gpu_bench]=tests/gpu/bench.cu
    [gpu_sort]=tests/gpu/sort.cu
    [gpu_phases]=tests/gpu/phases.cu
    [gpu_test_field]="tests/emu/test_field.cu tests/emu/probe.cu"
    [gpu_test_ntt]=tests/emu/test_ntt.cu
    [gpu_test_msm]=tests/emu/test_msm.cu
)
newer() { # OBJECT FOLDERS...: is it newer than every source?
    local object=$1; shift
    [ -e "$object" ] && [ -z "$(find "$@" -newer "$object" \( -name '*.c' -o -name '*.cu' -o -name '*.cuh' -o -name '*.h' \) | head -1)" ]
}
build_kernels() { # once for all programs
    newer "$out/gpu_msm_plan.o" cuda || gcc -std=c11 -O2 -Ibase -Icuda/msm -c cuda/msm/gpu_msm_plan.c -o "$out/gpu_msm_plan.o"
    [ ${#kernels[@]} -gt 0 ] && return 0
    for k in cuda/*.cu cuda/*/*.cu; do
        local object
        object=$out/$(basename "$k" .cu).o
        kernels+=("$object")
        newer "$object" cuda && continue
        echo "building $k" >&2
        "$nvcc" "${flags[@]}" -c "$k" -o "$object"
    done
}
build() { # PROGRAM...
    [ -z "${BIN:-}" ] || return 0
    [ -x "$nvcc" ] || { echo "no nvcc"; exit 77; }
    for program in "$@"; do
        build_kernels
        newer "$out/$program" cuda tests/emu tests/gpu && continue
        echo "building $program" >&2
        "$nvcc" "${flags[@]}" ${sources[$program]} "${kernels[@]}" "$out/gpu_msm_plan.o" -o "$out/$program" "${gmp:--lgmp}"
    done
}
part_build() { build gpu_rates gpu_bench gpu_sort gpu_phases gpu_test_ntt gpu_test_msm ${ALL:+gpu_arithmetic gpu_test_field}; } # ALL=1: the slow ones too
[ "$*" != build ] || { part_build; exit 0; }
# the device is asked once, through the runtime
build gpu_rates
set +e; "$bin/gpu_rates" --device-only; rc=$?; set -e
[ $rc -eq 0 ] || { echo "no device"; exit 77; }

failed=()
part() { # NAME COMMAND...: runs the command unless its output is complete; one that fails does not keep the others from running
    local name=$1; shift
    [ -e "$out/$name.done" ] && { echo "== $name: done before"; return 0; }
    echo "== $name"
    if timeout "${LIMIT:-590}" "$@" | tee "$out/$name.jsonl"; then touch "$out/$name.done"; else failed+=("$name"); fi
}
part_rates()      { build gpu_rates; part rates "$bin/gpu_rates"; }
part_arithmetic() { build gpu_arithmetic; part arithmetic "$bin/gpu_arithmetic"; }
part_tests() {
    build gpu_test_field gpu_test_ntt gpu_test_msm
    part test_field "$bin/gpu_test_field"; part test_ntt "$bin/gpu_test_ntt" 20; part test_msm "$bin/gpu_test_msm"
}
part_ntt() { build gpu_bench; part ntt "$bin/gpu_bench" ntt 10 24; }
part_msm() {
    build gpu_bench
    for family in dense circom same; do part "msm_$family" "$bin/gpu_bench" msm 10 22 "$family"; part "msm_${family}_24" "$bin/gpu_bench" msm 24 24 "$family"; done
    part msm_g2 "$bin/gpu_bench" msm2 10 22 dense
}
part_sort() { build gpu_sort; part sort "$bin/gpu_sort" 8 20; } # our counting sort beside CUB's
part_phases() { build gpu_phases; for n in 14 18 20 22; do part "phases_$n" "$bin/gpu_phases" "$n"; done; }
kernel_times() { # WHAT PROGRAM...: each kernel's time, without the table's; needs the right to read the GPU's counters
    local what=$1; shift
    part "kernels_$what" sh -c "ncu --csv --clock-control none --cache-control none --metrics gpu__time_duration.sum -k 'regex:(msm_[abcls]|msm_task|ntt_pass|qap_)' -c 80 $* | python3 tests/gpu/kernel_times.py $what"
}
part_kernels() {
    command -v ncu >/dev/null || { echo "no ncu"; return 0; }
    build gpu_bench
    for n in 16 18 20 22; do kernel_times "msm_$n" "$bin/gpu_bench msm $n $n dense"; kernel_times "msm_circom_$n" "$bin/gpu_bench msm $n $n circom"; done
    for n in 18 20; do kernel_times "msm_g2_$n" "$bin/gpu_bench msm2 $n $n dense"; done
    kernel_times ntt_22 "$bin/gpu_bench ntt 22 22"
}
part_prove() { # whole proofs on the device, each verified: key opened, first proof, median with its parts, proofs a second
    local programs=$bin
    if [ ! -e "$programs/provost-prover" ]; then
        command -v cmake >/dev/null || { echo "no cmake"; return 0; }
        cmake -S . -B "$out/tree" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPV_CUDA=ON >/dev/null
        cmake --build "$out/tree" --target provost-prover make_circuit
        mkdir -p "$out/programs"
        programs=$out/programs
        ln -sf "$(realpath "$out/tree/prover/provost-prover")" "$(realpath "$out/tree/tests/make_circuit")" "$programs"
    fi
    local circuits=${CIRCUITS:-$out/circuits}
    for kind in chain bits mixed; do
        for size in ${SIZES:-12 16 20}; do
            local folder=$circuits/$kind-$size
            [ -e "$folder/witness.wtns" ] || { mkdir -p "$folder"; "$programs/make_circuit" "$kind" "$size" "$folder"; }
            part "prove_$kind-$size" "$programs/provost-prover" bench --backend cuda --rounds 20 "$folder/circuit.zkey" "$folder/witness.wtns"
        done
    done
}
part_sanitizer() {
    command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer"; return 0; }
    build gpu_test_ntt gpu_test_msm
    for tool in memcheck racecheck synccheck initcheck; do
        part "sanitizer_$tool" sh -c "compute-sanitizer --tool $tool --error-exitcode 9 $bin/gpu_test_ntt 12 && compute-sanitizer --tool $tool --error-exitcode 9 $bin/gpu_test_msm little"
    done
}
part_opcodes() { # our opcode counter beside NVIDIA's disassembler
    command -v cuobjdump >/dev/null || { echo "no cuobjdump"; return 0; }
    [ -e "$bin/msm_g1.cubin" ] || "$nvcc" "${flags[@]}" -cubin cuda/msm/msm_g1.cu -o "$bin/msm_g1.cubin"
    cuobjdump -sass "$bin/msm_g1.cubin" > "$out/msm_g1.sass"
    part opcodes python3 tests/gpu/opcodes.py "$bin/msm_g1.cubin" "$out/msm_g1.sass"
}
[ $# -gt 0 ] || set -- build rates arithmetic tests sort ntt msm phases kernels prove sanitizer opcodes
for p in "$@"; do "part_$p"; done
python3 tests/gpu/table.py "$out"
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}"; exit 1; }
