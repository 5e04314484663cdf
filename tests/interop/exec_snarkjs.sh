#!/usr/bin/env bash
# snarkjs itself as a handler: a task goes from the caller through broker and node to snarkjs, is verified by snarkjs in the node, and the
# proof that comes back is verified by ours. Then a witness that is none, and a verifier that says no.
#
# exec_snarkjs.sh BUILD      exits 77 where npm cannot be reached, or where the user that programs run as cannot read this tree.
set -euo pipefail
export PROVOST_PROVER_ALLOW_CODE=yes
PV_BUILD=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
npm=$(bash "$here/npm_setup.sh" 2>/dev/null) || exit 77
node=$(realpath "$(command -v node)") || exit 77
cli=$npm/node_modules/snarkjs/build/cli.cjs
work=$(mktemp -d)
chmod 755 "$work"
user=
if [ "$(id -u)" = 0 ]; then
    user="run_as: nobody"
    setpriv --reuid=nobody --regid=nogroup --clear-groups test -r "$cli" -a -x "$node" || exit 77
fi
export CLUSTER=$work/cluster
# shellcheck source=tests/support/drill/cluster.bash
. "$here/../support/drill/cluster.bash"
trap 'kill -USR1 ${PROVER_PIDS:-}; stop ${PROVER_PIDS:-} ${BROKER_PID:-}; rm -rf "$work"' EXIT
cp -r "$here/../data" "$work/data"
chmod -R u=rwX,go=rX "$work/data"

mkdir "$work/handlers"
cat >"$work/handlers/snarkjs.yaml" <<YAML
command: [$node, $cli, groth16, prove, "$work/data/{circuit}/circuit.zkey", "{input}", "{proof}", "{public}"]
verify: [$node, $cli, groth16, verify, "$work/data/{circuit}/vkey.json", "{public}", "{proof}"]
result: groth16
version: [/bin/grep, -m1, '"version"', $npm/node_modules/snarkjs/package.json]
version_has: "0."
selftest: $work/data/member/witness.wtns
selftest_circuit: member
time_limit: 60s
$user
YAML
sed '/^verify:/c verify: [/bin/false]' "$work/handlers/snarkjs.yaml" >"$work/handlers/refused.yaml"

cluster_init
broker_start --queue snarkjs --queue refused
provost-prover handlers --handlers "$work/handlers" | grep -E '^snarkjs +ok' || { provost-prover handlers --handlers "$work/handlers"; exit 1; }
prover_start p1 --handlers "$work/handlers" --queue snarkjs:snarkjs --queue refused:refused
for circuit in member hidden; do
    data=$work/data/$circuit
    provost prove --queue snarkjs --circuit $circuit --vkey "$data/vkey.json" "$data/witness.wtns" "$work/proof.json" "$work/public.json"
    provost-prover verify "$data/vkey.json" "$work/public.json" "$work/proof.json"
    cmp "$work/public.json" "$data/public.json"
    echo "$circuit: proved by snarkjs, verified by both"
done

head -c 1000 /dev/urandom >"$work/none.wtns"
id=$(provost task submit --queue snarkjs --circuit member "$work/none.wtns")
poll 60 grep -q "task.failed task=$id .*snarkjs: exit status 1: .*ERROR" "$CLUSTER/prover-p1.log"
id=$(provost task submit --queue refused --circuit member "$work/data/member/witness.wtns")
poll 60 grep -q "task.failed task=$id .*status=bad-proof .*did not pass verify" "$CLUSTER/prover-p1.log"
echo "a witness that is none, and a proof that is refused, are failed attempts"
