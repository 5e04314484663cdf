#!/usr/bin/env bash
# The installed package, used from outside the tree: pkg-config shared and static, C and C++, find_package, exact exports.
# usage: consumer.sh BUILD_DIR
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "consumer: $*" >&2; exit 1; }

# Installed as a package's build does, under another root, and moved afterwards: nothing names the place of the install.
for component in library client; do
  DESTDIR=$work/root cmake --install "$build" --component $component --prefix /opt/provost >>"$work/install.log"
done
mv "$work/root/opt/provost" "$work/prefix"
pc=$(find "$work/prefix" -name provost.pc)
export PKG_CONFIG_PATH=${pc%/*}
lib=$(realpath "$(pkg-config --variable=libdir provost)")
[ "$(realpath "$(pkg-config --variable=prefix provost)")" = "$(realpath "$work/prefix")" ] || fail "provost.pc does not say where it lies"
if grep -rIl -e "$build" -e /opt/provost -e "$work" "$work/prefix"; then fail "files that name the place of the build or of the install"; fi

[ "$(cd "$work/prefix/include" && echo *)" = provost.h ] || fail "more than one header is installed"

# The README's program is the example.
awk '/<!-- example/ { on = 1 } on && /^```$/ { exit } on == 2 { print } on && /^```c$/ { on = 2 }' "$here/../../worker/README.md" >"$work/example.c"
grep -q pv_prove "$work/example.c" || fail "no example in worker/README.md"

warn="-Wall -Wextra -Werror -pedantic"
cc -std=c11 $warn "$work/example.c" -o "$work/shared" $(pkg-config --cflags --libs provost)
cc -std=c11 $warn "$work/example.c" -o "$work/static" $(pkg-config --cflags provost) "$lib/libprovost.a" \
    $(pkg-config --static --libs-only-l provost | sed 's/-lprovost//') -pthread
c++ -std=c++11 $warn "$here/consumer/consumer.cpp" -o "$work/cxx" $(pkg-config --cflags --libs provost)
cmake -S "$here/consumer" -B "$work/cmake" -DCMAKE_PREFIX_PATH="$work/prefix" -DEXAMPLE="$work/example.c" >"$work/cmake.log" || fail "find_package"
cmake --build "$work/cmake" >>"$work/cmake.log" || { cat "$work/cmake.log"; fail "the CMake consumer does not build"; }

export LD_LIBRARY_PATH=$lib
"$work/cxx"
"$work/cmake/consumer_cxx"
for program in shared static cmake/consumer_c; do
    # Not a broker's address with --insecure: refused before anything is sent.
    rc=0; "$work/$program" tcp://192.0.2.1:7070 /dev/null 2>"$work/err" || rc=$?
    [ $rc = 2 ] || fail "$program: exit $rc instead of 2: $(cat "$work/err")"
done
if ldd "$work/static" | grep -q libprovost; then fail "the static program needs the shared library"; fi
if ldd "$lib/libprovost.so" | grep -q czmq; then fail "libprovost needs czmq"; fi

# Exactly the functions that the header declares are visible.
grep -oE '\bpv_[a-z0-9_]+\(' "$work/prefix/include/provost.h" | tr -d '(' | sort -u >"$work/named"
nm -D --defined-only "$lib/libprovost.so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/visible"
nm -g --defined-only "$lib/libprovost.a" | awk '$2 == "T" || $2 == "D" || $2 == "B" || $2 == "R" { print $3 }' | sort -u >"$work/visible.a"
cmp "$work/visible" "$work/visible.a" || fail "the two libraries differ in what is visible"
[ -s "$work/visible" ] || fail "nothing is visible"
missing=$(comm -23 <(grep -v '^typedef' "$work/prefix/include/provost.h" | grep -oE '\bpv_[a-z0-9_]+\(' | tr -d '(' | sort -u) "$work/visible")
[ -z "$missing" ] || fail "declared and not there: $missing"
[ -z "$(comm -13 "$work/named" "$work/visible")" ] || fail "visible and not declared: $(comm -13 "$work/named" "$work/visible")"
if grep -v '^pv_' "$work/visible"; then fail "names that are not ours"; fi
echo "ok: $(wc -l <"$work/visible") functions, shared, static, C++, pkg-config, find_package"
