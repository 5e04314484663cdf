#!/usr/bin/env bash
# Provost's TypeScript client beside amqplib on RabbitMQ, bare zeromq.js, and `provost bench` (libprovost), by turns, three times:
# compare_amqplib.sh BUILD_DIR [TASKS_1K TASKS_64K]      Needs rabbitmq-server, and npm. Prints the lines of speed.mjs, then medians
# and ratios. Processor time of each is of the process that calls; the broker's and the provers' is not in it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1") small=${2:-4000} large=${3:-1500} port=5698
package=$(bash "$here/../build_typescript.sh")
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"
echo '{ "private": true }' >package.json
timeout 200 npm install --ignore-scripts --no-audit --no-fund --silent amqplib@2.3.1
ln -s "$package" node_modules/provost
cp "$here/speed.mjs" "$here/bare_zeromq.mjs" .
PATH=$package/../node20/bin:$PATH
echo "# $(uptime)"
"$build/broker/provost-broker" --insecure --bind 'tcp://127.0.0.1:*' --port-file port --state state --queue echo >broker.log 2>&1 &
pids+=($!)
for _ in $(seq 200); do [ -s port ] && break; sleep 0.1; done
url=$(head -n 1 port)
"$build/prover/provost-prover" run --insecure --broker "$url" --name p1 --state spool --queue echo:echo --slots 8 >prover.log 2>&1 &
pids+=($!)
chmod 777 .
export RABBITMQ_NODENAME=bench-ts@localhost RABBITMQ_NODE_PORT=$port RABBITMQ_MNESIA_BASE=$work/mnesia RABBITMQ_LOG_BASE=$work/log RABBITMQ_DIST_PORT=25698
export RABBITMQ_ENABLED_PLUGINS_FILE=$work/plugins RABBITMQ_PID_FILE=$work/pid
echo '[].' >plugins
export ERL_EPMD_PORT=24698 # else Erlang leaves its name server behind
epmd -port 24698 >epmd.log 2>&1 &
pids+=($!)
HOME=$work /usr/lib/rabbitmq/bin/rabbitmq-server >rabbit.log 2>&1 &
pids+=($!)
for _ in $(seq 600); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
node speed.mjs consumers "amqp://127.0.0.1:$port" >consumers.log &
pids+=($!)
for _ in $(seq 200); do [ -s consumers.log ] && break; sleep 0.1; done

# The time of `provost bench` begins with its process: what a task costs is the difference of two runs.
libprovost() {
    local TIMEFORMAT='%R %U %S' few=200 one two
    one=$({ time "$build/worker/cli/provost" bench --insecure --broker "$url" --queue echo --circuit any --bytes "$1" --count $few >/dev/null; } 2>&1 | tail -n 1)
    two=$({ time "$build/worker/cli/provost" bench --insecure --broker "$url" --queue echo --circuit any --bytes "$1" --count $((few + $2)) >/dev/null; } 2>&1 | tail -n 1)
    echo "$one $two" | awk -v bytes="$1" -v n="$2" '{ printf "{\"which\":\"libprovost\",\"bytes\":%d,\"tasks\":%d,\"per_second\":%d,\"cpu_us_per_task\":%d}\n", bytes, n, n / ($4 - $1), ($5 + $6 - $2 - $3) * 1e6 / n }'
}

for _ in 1 2 3; do
    for job in "1024 $small" "65536 $large"; do
        # shellcheck disable=SC2086
        { node speed.mjs provost "$url" $job; node speed.mjs amqplib "amqp://127.0.0.1:$port" $job; node bare_zeromq.mjs "$url" $job; libprovost $job; }
    done
done | tee lines
echo "# $(uptime)"
node -e '
const lines = require("fs").readFileSync("lines", "utf8").trim().split("\n").map((l) => JSON.parse(l));
const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
for (const bytes of [1024, 65536]) {
  const of = (which, what) => median(lines.filter((l) => l.bytes === bytes && l.which === which).map((l) => l[what]));
  for (const which of ["provost", "amqplib", "zeromq", "libprovost"]) console.log(bytes, which, of(which, "per_second"), of(which, "cpu_us_per_task"));
  const rate = of("provost", "per_second") / of("amqplib", "per_second");
  const time = of("provost", "cpu_us_per_task") / of("libprovost", "cpu_us_per_task");
  console.log(bytes, "rate", rate.toFixed(2), "of amqplib (goal 1.3), processor time", time.toFixed(2), "of libprovost (goal at 64 KiB: 2)");
}'
