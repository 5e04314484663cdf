#!/usr/bin/env bash
# The package as users get it: packed, looked at by publint and attw, installed into an empty folder, the README's first example run.
# pack_typescript.sh BUILD_DIR     Exits 77 where npm cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PROVOST_BUILD=$(realpath "$1") PROVOST_ROOT=${here%/worker/typescript/test}
package=$(bash "$here/../build_typescript.sh") || exit $?
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
fail() { echo "pack: $*" >&2; exit 1; }
cd "$package"
PATH="$package/../node20/bin:$PATH"

tarball=$work/$(npm pack --ignore-scripts --silent --pack-destination "$work")
[ "$(stat -c %s "$tarball")" -lt 200000 ] || fail "the package has $(stat -c %s "$tarball") bytes"
node node_modules/publint/src/cli.js run "$tarball" --strict || fail publint
node node_modules/@arethetypeswrong/cli/dist/index.js "$tarball" --format ascii || fail attw

node node_modules/typedoc/bin/typedoc --out "$work/docs" --logLevel Warn || fail "typedoc: something that the API needs is not documented"
[ -s "$work/docs/classes/index.Client.html" ] || fail "no API reference: $(ls "$work/docs")"

# From a clone, as the README says it; the compiler is the one that is there already.
mkdir -p "$work/clone/worker"
cp "$PROVOST_ROOT/LICENSE" "$work/clone/"
cp -r "$here/.." "$work/clone/worker/typescript"
rm -rf "$work/clone/worker/typescript/"{dist,node_modules,LICENSE}
ln -s "$package/node_modules" "$work/clone/worker/typescript/node_modules"
(cd "$work/clone/worker/typescript" && npm pack --silent >/dev/null) || fail "npm pack in a clone"
diff <(tar tzf "$tarball" | sort) <(tar tzf "$work/clone/worker/typescript/"provost-*.tgz | sort) || fail "npm pack in a clone has other files"

mkdir "$work/user"
cd "$work/user"
echo '{ "private": true, "type": "module" }' >package.json
timeout 300 npm install --ignore-scripts --no-audit --no-fund --silent "$tarball" || exit 77
[ "$(ls node_modules | tr '\n' ' ')" = "@msgpack cmake-ts node-addon-api provost zeromq " ] || fail "it brings along: $(ls node_modules)"

"$PROVOST_BUILD/broker/provost-broker" --insecure --bind 'tcp://127.0.0.1:*' --port-file port --state state --queue outer >broker.log 2>&1 &
pids+=($!)
for _ in $(seq 200); do [ -s port ] && break; sleep 0.1; done
url=$(head -n 1 port)
mkdir circuits
ln -s "$PROVOST_ROOT/tests/data/member/circuit.zkey" circuits/withdraw.zkey
cp "$PROVOST_ROOT/tests/data/member/witness.wtns" .
"$PROVOST_BUILD/prover/provost-prover" run --insecure --broker "$url" --name gpu-1 --state spool --queue outer --circuits circuits --allow-development-key >prover.log 2>&1 &
pids+=($!)
awk '/<!-- example/ { on = 1 } on && /^```$/ { exit } on == 2 { print } on && /^```js$/ { on = 2 }' "$PROVOST_ROOT/worker/typescript/README.md" |
    sed "s#tcp://127.0.0.1:7070#$url#" >example.mjs
grep -q prove example.mjs || fail "no example in README.md"
timeout 100 node example.mjs >out 2>err || { cat err prover.log; fail "the example"; }
grep -q '"pi_a".* gpu-1 ' out || { cat out err; fail "the example said something else"; }

# Without snarkjs a verification key is refused with what to do, before anything is submitted.
cp "$PROVOST_ROOT/tests/data/member/vkey.json" .
sed 's#witness: "witness.wtns",#witness: "witness.wtns", id: "ab".repeat(16), verificationKey: "vkey.json",#' example.mjs >unverified.mjs
! timeout 100 node unverified.mjs >out 2>err || fail "verified without snarkjs"
grep -q 'UsageError: snarkjs is needed .*npm install snarkjs' err || { cat err; fail "what is said without snarkjs"; }
! "$PROVOST_BUILD/worker/cli/provost" task show "$(printf 'ab%.0s' $(seq 16))" --broker "$url" --insecure >out 2>&1 || { cat out; fail "it was submitted"; }

# CommonJS has the same.
echo 'const { connect, TimeoutError } = require("provost"); const { ProverPool } = require("provost/pool"); const { mockClient } = require("provost/mock");
if ([connect, TimeoutError, ProverPool, mockClient].some((f) => typeof f !== "function")) process.exit(1);' >common.cjs
node common.cjs || fail "require"
echo "ok: $(stat -c %s "$tarball") bytes, publint, attw, ESM and CommonJS, the README's example"
