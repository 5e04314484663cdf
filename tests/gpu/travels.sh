#!/usr/bin/env bash
# travels.sh FOLDER: whether FOLDER and this checkout's files together keep the limit of what travels (BUDGET_MIB, 64), and whether its
# programs want nothing on the other machine but glibc and a driver: every other library lies in FOLDER/lib.
set -euo pipefail
[ $# -eq 1 ] && [ -d "$1" ] || { echo "usage: travels.sh FOLDER" >&2; exit 2; }
budget=${BUDGET_MIB:-64} bad=0
bin=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
tree=$(git ls-files -z | xargs -0 du -cb -- 2> /dev/null | awk '$2 == "total" { sum += $1 } END { print sum + 0 }')
folder=$(du -sb --exclude=out --exclude=programs "$bin" | cut -f1)
mib() { echo "$((($1 + 1048575) >> 20)) MiB"; }
echo "checkout $(mib "$tree"), $bin $(mib "$folder"), limit $budget MiB"
if [ $((tree + folder)) -gt $((budget << 20)) ]; then
    echo "$(mib $((tree + folder - (budget << 20)))) too much: leave out programs, the switches (bench_*) first" >&2
    bad=1
fi
unpacked=$bin
if [ -e "$bin/programs.tar.xz" ]; then
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    tar -C "$unpacked" -xJf "$bin/programs.tar.xz"
fi
for program in "$unpacked"/*; do
    [ -f "$program" ] && head -c 4 "$program" | grep -q ELF || continue
    wants=$(LD_LIBRARY_PATH=$bin/lib ldd "$program" 2>&1 | awk -v own="$bin/lib/" '
        /linux-vdso|ld-linux|not a dynamic|statically linked/ { next }
        $1 ~ /^lib(c|m|dl|rt|pthread|resolv)\.so/ { next }
        index($3, own) == 1 { next }
        { print $1 }')
    [ -z "$wants" ] || { echo "${program##*/} wants what the other machine may lack: $wants; put it into $bin/lib" >&2; bad=1; }
done
exit $bad
