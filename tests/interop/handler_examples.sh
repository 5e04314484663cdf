#!/usr/bin/env bash
# The examples of prover/HANDLERS.md, built outside the tree against what is installed, and run by the installed node; and objects that are none.
# usage: handler_examples.sh BUILD_DIR
set -euo pipefail
export PROVOST_PROVER_ALLOW_CODE=yes
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /tmp/handler-examples-XXXXXX)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # whoever the programs run as has to get at them
fail() { echo "handler_examples: $*" >&2; exit 1; }
/usr/bin/python3 -c 'import msgpack' 2>/dev/null || exit 77

DESTDIR=$work/root cmake --install "$build" --component prover --prefix /opt/provost >"$work/install.log"
mv "$work/root/opt/provost" "$work/prefix"
chmod -R go+rX "$work/prefix"
PATH=$work/prefix/bin:$PATH
[ -f "$work/prefix/include/provost_handler.h" ] || fail "provost_handler.h is not installed"

# example KIND FILE: the first block of code behind its mark
example() {
    awk -v mark="<!-- example $1 -->" '$0 == mark { on = 1 } on && /^```$/ { exit } on == 2 { print } on && /^```[a-z]+$/ { on = 2 }' \
        "$here/../../prover/HANDLERS.md" >"$2"
    [ -s "$2" ] || fail "no example $1"
}
example python "$work/turned.py"
example c "$work/turned.c"
example object "$work/object.c"
for name in turned.py turned.c; do
    [ "$(wc -l <"$work/$name")" -le 90 ] || fail "$name is no small example any more"
done
warn="-Wall -Wextra -Werror -Wno-unused-parameter -pedantic"
cc -std=gnu11 $warn "$work/turned.c" -o "$work/turned"
object="cc -std=gnu11 $warn -shared -fPIC -I$work/prefix/include"
$object "$work/object.c" -o "$work/turned.so"
printf '#include <provost_handler.h>\nint main() { return provost_handler.version != PROVOST_HANDLER_VERSION; }\n' >"$work/header.cpp"
c++ -std=c++11 $warn "-I$work/prefix/include" -c "$work/header.cpp" -o "$work/header.o"

mkdir "$work/handlers"
cd "$work"
user=
[ "$(id -u)" != 0 ] || user="run_as: nobody"
handler() { # NAME LINE...
    local name=$1
    shift
    printf '%s\n' "$@" "$user" >"handlers/$name.yaml"
}
printf 'an input' >input
test="selftest: $work/input"
check='verify: [/bin/grep, -qx, "tupni na", "{result}"]'
handler in-python "mode: persistent" "command: [/usr/bin/python3, $work/turned.py]" "$test" "$check"
handler in-c "mode: persistent" "command: [$work/turned]" "$test" "$check"
handler object "mode: library" "library: $work/turned.so" "options: some" "$test" "$check"
handler object-file "mode: library" "library: $work/turned.so" "input: file" "$test" "$check"
provost-prover handlers --handlers handlers --selftest >listed || { cat listed; fail "an example cannot serve"; }
for name in in-python in-c object object-file; do
    grep -q "^$name .*self-test: 8 bytes" listed || { cat listed; fail "$name"; }
done
grep -q '^object .*turned 1.0' listed || fail "the object does not say what it is"

# refused STATUS SENTENCE: the queue of the handler `bad`, at --check-config and at a start beside a good one
refused() {
    local rc=0
    provost-prover run --check-config --insecure --broker tcp://127.0.0.1:7070 --handlers handlers --queue q:bad,r:object >said 2>&1 || rc=$?
    [ $rc = 2 ] || { cat said; fail "exit $rc in place of 2: $1"; }
    grep -qF "queue q: handler bad: handlers/bad.yaml: " said && grep -qF "$1" said || { cat said; fail "it does not say: $1"; }
    rc=0
    provost-prover run --insecure --broker tcp://127.0.0.1:7070 --handlers handlers --queue q:bad >said 2>&1 || rc=$?
    [ $rc = 2 ] && grep -qF "no queue can be served: queue q: handler bad: " said || { cat said; fail "a start with it alone: $rc"; }
}
bad() { # NAME LINE...: an object of that source
    local name=$1
    shift
    printf '%s\n' '#include <provost_handler.h>' '#include <stdlib.h>' "$@" >"$name.c"
    $object "$name.c" -o "$name.so"
    handler bad "mode: library" "library: $work/$name.so"
}
bad symbol 'int something;'
refused "symbol.so has no symbol provost_handler"
run='static int run(void *self, const struct provost_task *t) { return 1; }'
bad version "$run" 'const struct provost_handler provost_handler = { 9, sizeof(struct provost_handler), NULL, NULL, NULL, NULL, run, NULL };'
refused "version.so is of version 9 of provost_handler.h, and this node takes version 1"
bad short "$run" 'const struct provost_handler provost_handler = { 1, 8, NULL, NULL, NULL, NULL, run, NULL };'
refused "its provost_handler is too short"
bad norun 'const struct provost_handler provost_handler = { 1, sizeof(struct provost_handler), NULL, NULL, NULL, NULL, NULL, NULL };'
refused "its provost_handler has no run"
bad open "$run" 'static int open(void **self, const struct provost_opening *o) { o->refuse(o->host, "no key for this machine"); return 3; }' \
    'const struct provost_handler provost_handler = { 1, sizeof(struct provost_handler), NULL, open, NULL, NULL, run, NULL };'
refused "no key for this machine"
bad crash 'static int open(void **self, const struct provost_opening *o) { abort(); }' "$run" \
    'const struct provost_handler provost_handler = { 1, sizeof(struct provost_handler), NULL, open, NULL, NULL, run, NULL };'
refused "it ended by signal 6"
echo "no object" >text.so
handler bad "mode: library" "library: $work/text.so"
refused "it cannot be loaded: $work/text.so: "
handler bad "mode: library" "library: $work/nowhere.so"
refused "nowhere.so: No such file or directory (line: 2)"
handler bad "mode: library" "library: turned.so"
refused '"turned.so" is not a whole path'
handler bad "mode: library"
refused "mode: library needs one"
handler bad "mode: library" "library: $work/turned.so" "command: [/bin/true]"
refused "mode: library has a library in place of a command"
cp turned.so theirs.so
chmod 666 theirs.so
handler bad "mode: library" "library: $work/theirs.so"
refused "theirs.so is writable by others"
echo "ok: three examples, twelve that are refused"
