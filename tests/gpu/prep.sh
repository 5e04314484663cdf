#!/usr/bin/env bash
# prep.sh [FOLDER]: into FOLDER (build/gpu) all that run.sh wants on a machine with a GPU, built on one without. Minutes the first time.
# FOLDER travels (travels.sh checks that it can): all programs in one archive, a thirteenth of their size, since their kernels are nearly the
# same, and the libraries that they want. Objects and the programs stay in FOLDER.work. What cannot be built is left out and named; run.sh skips it.
# Exit status: 0; 1 when a program or a switch does not compile (the rest is there) or too much would travel; 77 without nvcc.
#   ARCH=sm_90        the card's architecture            SWITCHES="NAME ..."   those of switches.txt (default all, "" none)
#   JOBS=2            compilers side by side (default: one a core)
#   PROGRAMS="..."    of gpu_rates gpu_bench ... (default those that run.sh calls; gpu_sort gpu_arithmetic gpu_test_field are slow to build)
#   KERNELS="a.o b.o" kernels that nvcc compiled already  PROVER=no             no provost-prover and make_circuit
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-build/gpu}
work=$out.work
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
[ -x "$nvcc" ] || { echo "prep.sh: no nvcc; install CUDA 13's compiler or name one with NVCC=" >&2; exit 77; }
programs=$work/programs
mkdir -p "$out/lib" "$programs"
paths=(-Ibase -Icrypto/bn254/field -Icuda -Icuda/field -Icuda/msm -Icuda/ntt -Itests/emu -Itests/gpu)
arch=${ARCH:-sm_90}
architecture=${arch#sm_} # of provost-prover too: a release build has six, and takes six times as long
flags=(-arch="$arch" -std=c++17 -O3 "${paths[@]}")
links=(-Xcompiler -static-libgcc -Xcompiler -static-libstdc++)
gmp=$(find /usr/lib -name libgmp.a 2> /dev/null | head -1)
left_out=() broken=0
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
# Compilers run side by side, one for each of JOBS cores; wait_for_all before what they make is wanted.
jobs=${JOBS:-$(nproc)}
running=()
wait_for_oldest() {
    wait "${running[0]}" || { echo "prep.sh: a compiler failed, see above" >&2; wait; exit 1; }
    running=("${running[@]:1}")
}
wait_for_all() { while [ ${#running[@]} -gt 0 ]; do wait_for_oldest; done; }
start() { # COMMAND ...
    while [ ${#running[@]} -ge "$jobs" ]; do wait_for_oldest; done
    "$@" &
    running+=($!)
}
compile_one() { # OBJECT SOURCE FLAGS...
    local object=$1 source=$2; shift 2
    echo "compiling $source $*" >&2
    case $source in
    *.c) gcc -std=c11 -O2 "${paths[@]}" "$@" -c "$source" -o "$object.part" ;;
    *) "$nvcc" "${flags[@]}" "$@" -c "$source" -o "$object.part" ;;
    esac && mv "$object.part" "$object"
}
try() { # WHAT COMMAND ...: where it fails, WHAT is left out and nothing else
    local what=$1; shift
    "$@" || echo "$what" >> "$work/broken"
}
is_broken() { [ -e "$work/broken" ] && grep -qx -- "$1" "$work/broken"; }
leave_out_broken() { # WHAT WHY
    left_out+=("$1 ($2)") broken=1
}
compile() { # OBJECT SOURCE
    newer "$1" cuda || start compile_one "$@"
}
objects=()
read -ra kernels <<< "${KERNELS:-}"
build_kernels() { # once for all programs
    local source
    for source in cuda/*.cu cuda/*/*.cu cuda/*/*.c; do
        [ ${#kernels[@]} -gt 0 ] && [[ $source == *.cu ]] && continue
        compile "$work/$(basename "${source%.*}").o" "$source"
        objects+=("$work/$(basename "${source%.*}").o")
    done
    objects+=("${kernels[@]}")
}
link() { # PROGRAM SOURCES AND OBJECTS ...
    local program=$1; shift
    echo "building $program" >&2
    "$nvcc" "${flags[@]}" "$@" "${links[@]}" -o "$work/$program.part" && mv "$work/$program.part" "$programs/$program"
}
build() { # PROGRAM
    local libs=() needs_gmp=no
    newer "$programs/$1" cuda tests/emu tests/gpu && return 0
    [[ $1 != gpu_test_* ]] || needs_gmp=yes
    [ $needs_gmp = no ] || [ -n "$gmp" ] || { left_out+=("$1 (no libgmp.a)"); return 0; }
    [ $needs_gmp = no ] || libs=("$gmp")
    # shellcheck disable=SC2086
    start link "$1" ${sources[$1]} "${objects[@]}" "${libs[@]}"
}
headers() { # SOURCE: it and the headers of ours that it includes, found once for all switches
    local list=("$nvcc" "${flags[@]}" -M) to=$work/${1//\//-}.headers
    [[ $1 != *.c ]] || list=(gcc "${paths[@]}" -MM)
    newer "$to" cuda tests/gpu || "${list[@]}" "$1" | sed 's/[ \\]/\n/g' | grep -E '^(\./)?(cuda|base|crypto|tests)/' | grep -v 'variants\.cuh$' > "$to"
    cat "$to"
}
uses() { headers "$1" | xargs grep -qw -- "$2"; } # SOURCE SWITCH: does it ask for the switch?
kind_of() { case $1 in phases:*) echo phases ;; *) echo bench ;; esac; } # SIZES: the program that measures them
switches() { # NAME SWITCH=VALUE SIZES: those that are wanted and not built
    local name switch sizes
    while read -r name switch sizes; do
        [[ " ${SWITCHES-$name} " == *" $name "* ]] && ! newer "$programs/$(kind_of "$sizes")_$name" cuda tests/gpu && echo "$name $switch $sizes"
    done < <(grep -v '^#' tests/gpu/switches.txt)
    return 0
}
compile_with() { # NAME OBJECT SOURCE FLAG
    newer "$2" cuda || { rm -f "$2" && start try "$1" compile_one "${@:2}"; } # none of an earlier day is linked in its place
}
compile_switch() { # NAME SWITCH=VALUE SIZES: the kernels that ask for it
    local source
    for source in cuda/*.cu cuda/*/*.cu cuda/*/*.c; do
        ! uses "$source" "${2%%=*}" || compile_with "$1" "$work/$(basename "${source%.*}").$1.o" "$source" "-D$2"
    done
}
build_switch() { # NAME SWITCH=VALUE SIZES: gpu_bench or gpu_phases with it
    local object with own=() found=no program
    program=$(kind_of "$3")
    ! is_broken "$1" || { leave_out_broken "${program}_$1" "$2 does not compile"; return 0; }
    for object in "${objects[@]}"; do
        with=$work/$(basename "${object%.o}").$1.o
        ! newer "$with" cuda || { found=yes object=$with; }
        own+=("$object")
    done
    ! uses "tests/gpu/$program.cu" "${2%%=*}" || found=yes
    [ $found = yes ] || { left_out+=("${program}_$1 (nothing asks for ${2%%=*})"); return 0; }
    start try "${program}_$1" link "${program}_$1" "-D$2" "tests/gpu/$program.cu" "${own[@]}"
}
left_out_by_links() { # NAME SWITCH=VALUE SIZES
    local program; program=$(kind_of "$3")_$1
    ! is_broken "$program" || leave_out_broken "$program" "$2 does not link"
}
build_prover() {
    cmake -S . -B "$work/tree" -DCMAKE_BUILD_TYPE=Release -DPV_CUDA=ON -DPV_CUDA_ARCHITECTURES="$architecture" > "$work/cmake.log" 2>&1 \
        && cmake --build "$work/tree" -j "$(nproc)" --target provost-prover make_circuit >> "$work/cmake.log" 2>&1 \
        || { leave_out_broken "provost-prover, make_circuit" "$work/cmake.log says why"; return 0; }
    cp "$work/tree/prover/provost-prover" "$work/tree/tests/make_circuit" "$programs"
}
take_libraries() { # what the programs want besides glibc
    local program library
    for program in "$programs"/*; do
        ldd "$program" 2> /dev/null | awk '$3 ~ /^\// && $1 !~ /^lib(c|m|dl|rt|pthread|resolv)\.so/ { print $3 }'
    done | sort -u | while read -r library; do cp -L "$library" "$out/lib"; done
}
pack() { tar -C "$programs" -cf - . | xz -1 --lzma2=preset=1,dict=64MiB > "$out/programs.tar.xz"; }
keep_the_budget() { # the last switches go first
    local name what
    pack
    for name in $(grep -v '^#' tests/gpu/switches.txt | cut -d' ' -f1 | tac); do
        tests/gpu/travels.sh "$out" > /dev/null 2>&1 && break
        for what in "$programs"/{bench,phases}_"$name"; do
            [ ! -e "$what" ] || { rm "$what" && left_out+=("${what##*/} (the limit of what travels)") && pack; }
        done
    done
    return 0
}
rm -f "$work/broken"
wanted_switches=$(switches) # once: a switch that does not compile would be asked for again
build_kernels
while read -r name switch sizes; do [ -z "$name" ] || compile_switch "$name" "$switch" "$sizes"; done <<< "$wanted_switches"
wait_for_all
for program in ${PROGRAMS-gpu_rates gpu_bench gpu_phases gpu_test_ntt gpu_test_msm}; do build "$program"; done
while read -r name switch sizes; do [ -z "$name" ] || build_switch "$name" "$switch" "$sizes"; done <<< "$wanted_switches"
wait_for_all
while read -r name switch sizes; do [ -z "$name" ] || left_out_by_links "$name" "$switch" "$sizes"; done <<< "$wanted_switches"
[ "${PROVER:-}" = no ] || build_prover
find "$programs" -type f -exec strip {} + 2> /dev/null || true
take_libraries
keep_the_budget
tests/gpu/travels.sh "$out" || broken=1
for what in "${left_out[@]}"; do echo "left out: $what"; done
[ $broken -eq 0 ]
