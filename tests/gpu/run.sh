#!/usr/bin/env bash
# What only a GPU can tell: tests/gpu/run.sh [PART ...], parts being rates arithmetic tests ntt msm prove sanitizer opcodes.
# Exits 77 without a device. Each part takes less than ten minutes and appends JSON lines to $OUT/<part>.jsonl (default
# build/gpu); a part whose file is complete is skipped, so a run that was cut off goes on where it stopped. Last, a table.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${OUT:-build/gpu}
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
[ -x "$nvcc" ] || { echo "no nvcc"; exit 77; }
mkdir -p "$out"
arch=${ARCH:-sm_90}
flags=(-arch="$arch" -std=c++17 -O3 -Icuda -Iwire -Icrypto -Itests/emu -Itests/gpu)
kernels=(cuda/gpu.cu cuda/gpu_ntt.cu cuda/gpu_msm.cu cuda/ntt.cu cuda/quotient.cu cuda/msm_sort.cu cuda/msm_g1.cu cuda/msm_g2.cu)

built() { # PROGRAM SOURCES: newer than every source?
    [ -x "$out/$1" ] && [ -z "$(find cuda tests/emu tests/gpu -newer "$out/$1" -name '*.c*' -o -newer "$out/$1" -name '*.h' | head -1)" ]
}
build() { # PROGRAM SOURCES...
    local program=$1; shift
    built "$program" && return 0
    [ -e "$out/msm_plan.o" ] || gcc -std=c11 -O2 -Iwire -Icuda -c cuda/msm_plan.c -o "$out/msm_plan.o"
    echo "building $program" >&2
    "$nvcc" "${flags[@]}" "$@" "$out/msm_plan.o" -o "$out/$program" -lgmp
}
# the device is asked once, through the runtime
build gpu_rates tests/gpu/rates.cu
set +e; "$out/gpu_rates" --device-only; rc=$?; set -e
[ $rc -eq 0 ] || { echo "no device"; exit 77; }

part() { # NAME COMMAND...: runs the command unless its output is complete
    local name=$1; shift
    [ -e "$out/$name.done" ] && { echo "== $name: done before"; return 0; }
    echo "== $name"
    timeout 590 "$@" | tee "$out/$name.jsonl"
    touch "$out/$name.done"
}
part_rates()      { build gpu_rates tests/gpu/rates.cu; part rates "$out/gpu_rates"; }
part_arithmetic() { build gpu_arithmetic tests/gpu/arithmetic.cu tests/emu/probe.cu; part arithmetic "$out/gpu_arithmetic"; }
part_tests() {
    build gpu_test_field tests/emu/test_field.cu tests/emu/probe.cu
    build gpu_test_ntt tests/emu/test_ntt.cu "${kernels[@]}"
    build gpu_test_msm tests/emu/test_msm.cu "${kernels[@]}"
    part test_field "$out/gpu_test_field"; part test_ntt "$out/gpu_test_ntt" 20; part test_msm "$out/gpu_test_msm"
}
part_ntt() { build gpu_bench tests/gpu/bench.cu "${kernels[@]}"; part ntt "$out/gpu_bench" ntt 10 24; }
part_msm() {
    build gpu_bench tests/gpu/bench.cu "${kernels[@]}"
    for family in dense circom same; do part "msm_$family" "$out/gpu_bench" msm 10 22 "$family"; part "msm_${family}_24" "$out/gpu_bench" msm 24 24 "$family"; done
    part msm_g2 "$out/gpu_bench" msm2 10 22 dense
}
part_sanitizer() {
    command -v compute-sanitizer >/dev/null || { echo "no compute-sanitizer"; return 0; }
    build gpu_test_ntt tests/emu/test_ntt.cu "${kernels[@]}"; build gpu_test_msm tests/emu/test_msm.cu "${kernels[@]}"
    for tool in memcheck racecheck synccheck initcheck; do
        part "sanitizer_$tool" sh -c "compute-sanitizer --tool $tool --error-exitcode 9 $out/gpu_test_ntt 12 && compute-sanitizer --tool $tool --error-exitcode 9 $out/gpu_test_msm little"
    done
}
part_opcodes() { # our opcode counter beside NVIDIA's disassembler
    command -v cuobjdump >/dev/null || { echo "no cuobjdump"; return 0; }
    "$nvcc" "${flags[@]}" -cubin cuda/msm_g1.cu -o "$out/msm_g1.cubin"
    cuobjdump -sass "$out/msm_g1.cubin" > "$out/msm_g1.sass"
    part opcodes python3 tests/gpu/opcodes.py "$out/msm_g1.cubin" "$out/msm_g1.sass"
}
[ $# -gt 0 ] || set -- rates arithmetic tests ntt msm sanitizer opcodes
for p in "$@"; do "part_$p"; done
python3 tests/gpu/table.py "$out"
