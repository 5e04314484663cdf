#!/usr/bin/env bash
# prep.sh [FOLDER]: into FOLDER (build/gpu) all that run.sh wants on a machine with a GPU, built on one without. Minutes the first time.
# FOLDER travels (travels.sh checks that it can); objects stay in FOLDER.work. What cannot be built is left out and named; run.sh skips it.
#   ARCH=sm_90        the card's architecture            SWITCHES="NAME ..."   those of switches.txt (default all, "" none)
#   PROGRAMS="..."    of gpu_rates gpu_bench ... (default those that run.sh calls; gpu_sort gpu_arithmetic gpu_test_field are slow to build)
#   KERNELS="a.o b.o" kernels that nvcc compiled already  PROVER=no             no provost-prover and make_circuit
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-build/gpu}
work=$out.work
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
[ -x "$nvcc" ] || { echo "prep.sh: no nvcc; install CUDA 13's compiler or name one with NVCC=" >&2; exit 77; }
mkdir -p "$out/lib" "$work"
paths=(-Ibase -Icrypto/bn254/field -Icuda -Icuda/field -Icuda/msm -Icuda/ntt -Itests/emu -Itests/gpu)
arch=${ARCH:-sm_90}
architecture=${arch#sm_} # of provost-prover too: a release build has six, and takes six times as long
flags=(-arch="$arch" -std=c++17 -O3 "${paths[@]}")
links=(-Xcompiler -static-libgcc -Xcompiler -static-libstdc++)
gmp=$(find /usr/lib -name libgmp.a 2> /dev/null | head -1)
left_out=()
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
newer() { # FILE FOLDERS...: is it newer than every source?
    local file=$1; shift
    [ -e "$file" ] && [ -z "$(find "$@" -newer "$file" \( -name '*.c' -o -name '*.cu' -o -name '*.cuh' -o -name '*.h' \) | head -1)" ]
}
compile() { # OBJECT SOURCE FLAGS...
    local object=$1 source=$2; shift 2
    newer "$object" cuda && return 0
    echo "compiling $source $*" >&2
    case $source in
    *.c) gcc -std=c11 -O2 "${paths[@]}" "$@" -c "$source" -o "$object.part" ;;
    *) "$nvcc" "${flags[@]}" "$@" -c "$source" -o "$object.part" ;;
    esac && mv "$object.part" "$object"
}
objects=()
read -ra kernels <<< "${KERNELS:-}"
build_kernels() { # once for all programs
    local source
    [ ${#objects[@]} -eq 0 ] || return 0
    for source in cuda/*.cu cuda/*/*.cu cuda/*/*.c; do
        [ ${#kernels[@]} -gt 0 ] && [[ $source == *.cu ]] && continue
        compile "$work/$(basename "${source%.*}").o" "$source"
        objects+=("$work/$(basename "${source%.*}").o")
    done
    objects+=("${kernels[@]}")
}
build() { # PROGRAM
    local libs=() needs_gmp=no
    newer "$out/$1" cuda tests/emu tests/gpu && return 0
    [[ $1 != gpu_test_* ]] || needs_gmp=yes
    [ $needs_gmp = no ] || [ -n "$gmp" ] || { left_out+=("$1 (no libgmp.a)"); return 0; }
    [ $needs_gmp = no ] || libs=("$gmp")
    echo "building $1" >&2
    # shellcheck disable=SC2086
    "$nvcc" "${flags[@]}" ${sources[$1]} "${objects[@]}" "${libs[@]}" "${links[@]}" -o "$out/$1"
}
uses() { # SOURCE SWITCH: does it, or a header of ours that it includes, ask for the switch?
    local list=("$nvcc" "${flags[@]}" -M)
    [[ $1 != *.c ]] || list=(gcc "${paths[@]}" -MM)
    "${list[@]}" "$1" | sed 's/[ \\]/\n/g' | grep -E '^(\./)?(cuda|base|crypto|tests)/' | grep -v 'variants\.cuh$' | xargs grep -qw -- "$2"
}
build_switch() { # NAME SWITCH=VALUE SIZES: gpu_bench or gpu_phases with it
    local name=$1 switch=$2 source object own=() found=no kind=bench
    [[ $3 != phases:* ]] || kind=phases
    newer "$out/${kind}_$name" cuda tests/gpu && return 0
    for source in cuda/*.cu cuda/*/*.cu cuda/*/*.c; do
        object=$work/$(basename "${source%.*}")
        if uses "$source" "${switch%%=*}"; then
            found=yes
            compile "$object.$name.o" "$source" "-D$switch"
            own+=("$object.$name.o")
        else
            compile "$object.o" "$source"
            own+=("$object.o")
        fi
    done
    ! uses "tests/gpu/$kind.cu" "${switch%%=*}" || found=yes
    [ $found = yes ] || { left_out+=("${kind}_$name (nothing asks for ${switch%%=*})"); return 0; }
    echo "building ${kind}_$name" >&2
    "$nvcc" "${flags[@]}" "-D$switch" "tests/gpu/$kind.cu" "${own[@]}" "${links[@]}" -o "$out/${kind}_$name"
}
build_prover() {
    cmake -S . -B "$work/tree" -DCMAKE_BUILD_TYPE=Release -DPV_CUDA=ON -DPV_CUDA_ARCHITECTURES="$architecture" > "$work/cmake.log" 2>&1 \
        && cmake --build "$work/tree" -j "$(nproc)" --target provost-prover make_circuit >> "$work/cmake.log" 2>&1 \
        || { left_out+=("provost-prover, make_circuit ($work/cmake.log says why)"); return 0; }
    cp "$work/tree/prover/provost-prover" "$work/tree/tests/make_circuit" "$out"
}
take_libraries() { # what the programs want besides glibc
    local program library
    for program in "$out"/*; do
        [ -f "$program" ] || continue
        ldd "$program" 2> /dev/null | awk '$3 ~ /^\// && $1 !~ /^lib(c|m|dl|rt|pthread|resolv)\.so/ { print $3 }'
    done | sort -u | while read -r library; do cp -L "$library" "$out/lib"; done
}
keep_the_budget() { # the last switches go first
    local name what
    for name in $(grep -v '^#' tests/gpu/switches.txt | cut -d' ' -f1 | tac); do
        tests/gpu/travels.sh "$out" > /dev/null 2>&1 && break
        for what in "$out"/{bench,phases}_"$name"; do
            [ ! -e "$what" ] || { rm "$what" && left_out+=("${what##*/} (the limit of what travels)"); }
        done
    done
    return 0
}
build_kernels
for program in ${PROGRAMS-gpu_rates gpu_bench gpu_phases gpu_test_ntt gpu_test_msm}; do build "$program"; done
while read -r name switch sizes; do
    [[ " ${SWITCHES-$name} " != *" $name "* ]] || build_switch "$name" "$switch" "$sizes"
done < <(grep -v '^#' tests/gpu/switches.txt)
[ "${PROVER:-}" = no ] || build_prover
find "$out" -maxdepth 1 -type f -exec strip {} + 2> /dev/null || true
take_libraries
keep_the_budget
for what in "${left_out[@]}"; do echo "left out: $what"; done
tests/gpu/travels.sh "$out"
