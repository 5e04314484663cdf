#!/usr/bin/env bash
# The package as users get it: a wheel, installed into a fresh virtual environment, the README's examples run as printed.
# pack_python.sh BUILD_DIR     Exits 77 where setuptools, wheel, venv or the two dependencies are not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PROVOST_BUILD=$(realpath "$1") room=${here%/tests} python=${PV_PYTHON:-/usr/bin/python3}
"$python" -c 'import setuptools, wheel, venv, ensurepip, zmq, msgpack' 2>/dev/null || { echo "skipped: python3-setuptools, -wheel, -venv, -zmq or -msgpack is missing"; exit 77; }
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
fail() { echo "pack: $*" >&2; exit 1; }

# As the README prints it, in a copy of the clone, by Debian's Python; what it names is there already, and nothing is fetched.
printed() { awk -v what="<!-- $1" -v language="$2" -v n="${3:-1}" 'index($0, what) { seen++ } on && /^```$/ { exit } on { print } seen == n && $0 == "```" language { on = 1 }' "$room/README.md"; }
mkdir -p "$work/clone/worker" "$work/python"
cp -r "$room" "$work/clone/worker/python"
rm -rf "$work/clone/worker/python/"{build,docs,*.egg-info}
ln -s "$python" "$work/python/python3"
cd "$work/clone"
printed install sh >../install.sh
grep -q 'pip wheel' ../install.sh || fail "no installation in README.md"
env -u PIP_FIND_LINKS -u PYTHONPATH PIP_NO_INDEX=1 PATH="$work/python:$PATH" bash -eux ../install.sh >../install.log 2>&1 || { cat ../install.log; fail "the README's installation"; }
rm -rf worker
mkdir user
cd user
run() { env -u PYTHONPATH timeout 60 ../env/bin/python "$@"; }
run -c 'import provost, importlib.metadata as m, pathlib; f = pathlib.Path(provost.__file__); assert "env" in f.parts, f
assert m.version("provost") == provost.__version__ and f.with_name("py.typed").exists()
import provost.blocking, provost.mock, provost.pool, provost.wire.codec, provost.io.engine' || fail "what is installed"

run "$room/api_pages.py" docs || fail "api_pages: something that the API needs is not documented"
grep -q 'async prove(.*href="provost.html#Result"' docs/provost.html && grep -q 'id="OnProgress"' docs/provost.blocking.html || fail "no API reference: $(ls docs)"

"$PROVOST_BUILD/broker/provost-broker" --insecure --bind 'tcp://127.0.0.1:*' --port-file port --state state --queue outer >broker.log 2>&1 &
pids+=($!)
for _ in $(seq 200); do [ -s port ] && break; sleep 0.1; done
url=$(head -n 1 port)
mkdir circuits
ln -s "${room%/worker/python}/tests/data/member/circuit.zkey" circuits/withdraw.zkey
cp "${room%/worker/python}/tests/data/member/witness.wtns" .
"$PROVOST_BUILD/prover/provost-prover" run --insecure --broker "$url" --name gpu-1 --state spool --queue outer --circuits circuits --allow-development-key >prover.log 2>&1 &
pids+=($!)
for n in 1 2; do
    printed example python $n | sed "s#tcp://127.0.0.1:7070#$url#" >example$n.py
    grep -q prove example$n.py || fail "no example $n in README.md"
    run example$n.py >out$n 2>err || { cat err prover.log; fail "example $n"; }
done
grep -q "'pi_a'.* gpu-1 " out1 || { cat out1; fail "example 1 said something else"; }
grep -q '^running 100\|^succeeded\|^queued\|^running' out2 || { cat out2; fail "example 2 told no progress"; }
echo "ok: wheel, fresh environment, API reference, the README's examples"
