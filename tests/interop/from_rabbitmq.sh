#!/usr/bin/env bash
# The code of docs/from-rabbitmq.md as printed: before, on a RabbitMQ of its own with a consumer that proves; after, on Provost with keys, in
# JavaScript and in Python. All three get a proof of the same statement, which provost-prover verifies.
# from_rabbitmq.sh BUILD_DIR     Exits 77 where rabbitmq-server or npm's registry are not to be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1") root=${here%/tests/interop} member=${here%/interop}/data/member rabbit=/usr/lib/rabbitmq/bin/rabbitmq-server python=${PV_PYTHON:-/usr/bin/python3}
[ -x $rabbit ] && command -v epmd >/dev/null || { echo "skipped: rabbitmq-server is missing"; exit 77; }
"$python" -c 'import zmq, msgpack' 2>/dev/null || { echo "skipped: python3-zmq or -msgpack is missing"; exit 77; }
package=$(bash "$root/worker/typescript/build_typescript.sh") || exit $?
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
fail() { echo "from_rabbitmq: $*" >&2; tail -n 20 "$work"/*.log >&2; exit 1; }
cd "$work"
PATH=$package/../node20/bin:$PATH

# Its own folder, ports and name server (epmd): nothing of the system's RabbitMQ is touched, and nothing is left.
read -r amqp_port dist_port epmd_port < <("$python" -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
ports = [s.getsockname()[1] for s in held]
for s in held: s.close() # before they are told: a server that starts at once finds its port taken otherwise
print(*ports)')
export ERL_EPMD_PORT=$epmd_port ERL_EPMD_ADDRESS=127.0.0.1
epmd -port "$epmd_port" >epmd.log 2>&1 &
pids+=($!)
echo '[].' >plugins
env HOME="$work" RUNNING_UNDER_SYSTEMD=1 RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$work/none" RABBITMQ_NODENAME=provost-test@localhost RABBITMQ_NODE_PORT="$amqp_port" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
    RABBITMQ_DIST_PORT="$dist_port" RABBITMQ_MNESIA_BASE="$work/mnesia" RABBITMQ_LOG_BASE="$work/log" RABBITMQ_ENABLED_PLUGINS_FILE="$work/plugins" RABBITMQ_PID_FILE="$work/pid" \
    $rabbit >rabbit.log 2>&1 &
pids+=($!)
echo '{ "private": true, "type": "module" }' >package.json
timeout 200 npm install --ignore-scripts --no-audit --no-fund --silent amqplib@2.3.1 || exit 77
ln -s "$package" node_modules/provost
cp "$member/witness.wtns" .
for _ in $(seq 600); do (exec 3<>"/dev/tcp/127.0.0.1/$amqp_port") 2>/dev/null && break; sleep 0.1; done

"$build/worker/cli/provost" key gen broker >/dev/null && mv broker broker.secret
for who in worker.key prover; do "$build/worker/cli/provost" key gen $who >/dev/null; done
{
    echo "keys:"
    for who in "worker.key client" "prover prover"; do
        printf '  - name: %s\n    key: "%s"\n    roles: [%s]\n' "${who% *}" "$("$build/worker/cli/provost" key show "${who% *}")" "${who#* }"
    done
} >keys.yaml
"$build/broker/provost-broker" --key broker.secret --authorized-keys keys.yaml --bind 'tcp://127.0.0.1:*' --port-file port --state state --queue outer >broker.log 2>&1 &
pids+=($!)
for _ in $(seq 200); do [ -s port ] && break; sleep 0.1; done
url=$(head -n 1 port)
mkdir circuits
ln -s "$member/circuit.zkey" circuits/withdraw.zkey
"$build/prover/provost-prover" run --broker "$url" --key prover --server-key broker.pub --name gpu-1 --state spool --queue outer --circuits circuits --allow-development-key >prover.log 2>&1 &
pids+=($!)

# What proved before: a consumer of the queue.
cat >consumer.mjs <<JS
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import amqp from "amqplib";
const connection = await amqp.connect("amqp://127.0.0.1:$amqp_port");
const channel = await connection.createChannel();
await channel.assertQueue("outer", { durable: true, deadLetterExchange: "dead" });
await channel.prefetch(1);
await channel.consume("outer", (m) => {
  if (m.properties.deliveryMode !== 2) throw new Error("it is not persistent");
  writeFileSync("taken.wtns", m.content);
  execFileSync("$build/prover/provost-prover", ["prove", "--allow-development-key", "$member/circuit.zkey", "taken.wtns", "made.json", "public.json"]);
  const answer = { proof: JSON.parse(readFileSync("made.json")), publicSignals: JSON.parse(readFileSync("public.json")) };
  channel.sendToQueue(m.properties.replyTo, Buffer.from(JSON.stringify(answer)), { correlationId: m.properties.correlationId });
  channel.ack(m);
});
console.log("ready");
JS
node consumer.mjs >consumer.log 2>&1 &
pids+=($!)
for _ in $(seq 100); do grep -q ready consumer.log && break; sleep 0.1; done

# The n-th piece of code in a language, with the addresses of here.
printed() { awk -v start="\`\`\`$1" -v n="$2" 'on && /^```$/ { exit } on { print } $0 == start && ++seen == n { on = 1 }' "$root/docs/from-rabbitmq.md" | sed "s#amqp://broker#amqp://127.0.0.1:$amqp_port#; s#tcp://broker:7070#$url#"; }
for n in 1 2; do
    printed js $n >said$n.mjs
    grep -q 'async function request' said$n.mjs || fail "no code $n in docs/from-rabbitmq.md"
    cat >>said$n.mjs <<'JS'
import { readFileSync as readFile, writeFileSync as writeFile } from "node:fs";
const answers = await Promise.all([request(readFile("witness.wtns")), request(readFile("witness.wtns"))]);
if (answers[0] === answers[1]) throw new Error("one answer for two requests");
writeFile(process.argv[2], JSON.stringify({ proof: answers[1].proof, publicSignals: answers[1].publicSignals }));
process.exit(0);
JS
    timeout 60 node said$n.mjs answer$n.json >said$n.log 2>&1 || fail "code $n"
done
printed python 1 >said3.py
grep -q 'client.prove' said3.py || fail "no Python in docs/from-rabbitmq.md"
echo 'import json; json.dump({"proof": proof, "publicSignals": public_signals}, open("answer3.json", "w"))' >>said3.py
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/worker/python timeout 60 "$python" said3.py >said3.log 2>&1 || fail "the Python code"

for n in 1 2 3; do
    node -e 'const { proof, publicSignals } = JSON.parse(require("fs").readFileSync(process.argv[1])); const { writeFileSync } = require("fs");
writeFileSync("proof.json", JSON.stringify(proof)); writeFileSync("public.json", JSON.stringify(publicSignals));' answer$n.json
    "$build/prover/provost-prover" verify "$member/vkey.json" public.json proof.json >verify.log 2>&1 || fail "the proof of code $n"
    cmp -s <(tr -d ' \n' <public.json) <(tr -d ' \n' <"$member/public.json") || fail "the statement of code $n"
done
echo "ok: before and after, as printed, three proofs of one statement"
