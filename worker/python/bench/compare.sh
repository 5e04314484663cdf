#!/usr/bin/env bash
# Provost's Python client beside pika on RabbitMQ, by turns, three times: compare.sh BUILD_DIR [TASKS_1K TASKS_64K]
# Beside them libprovost, and bare.py: what pyzmq alone costs. Needs rabbitmq-server and python3-pika. Prints the lines of speed.py, then medians.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1") small=${2:-4000} large=${3:-1500} port=5699
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
export PROVOST_BUILD=$build PYTHONPATH=$here/.. PYTHONDONTWRITEBYTECODE=1
cd "$work"
echo "# $(uptime)"
"$build/broker/provost-broker" --insecure --bind 'tcp://127.0.0.1:*' --port-file port --state state --queue echo >broker.log 2>&1 &
pids+=($!)
for _ in $(seq 200); do [ -s port ] && break; sleep 0.1; done
url=$(head -n 1 port)
"$build/prover/provost-prover" run --insecure --broker "$url" --name p1 --state spool --queue echo:echo --slots 8 >prover.log 2>&1 &
pids+=($!)
chmod 777 .
export RABBITMQ_NODENAME=bench@localhost RABBITMQ_NODE_PORT=$port RABBITMQ_MNESIA_BASE=$work/mnesia RABBITMQ_LOG_BASE=$work/log RABBITMQ_DIST_PORT=25699
export HOME=$work RABBITMQ_ENABLED_PLUGINS_FILE=$work/plugins RABBITMQ_PID_FILE=$work/pid
echo '[].' >plugins
export ERL_EPMD_PORT=24699 # else Erlang leaves its name server behind
epmd -port 24699 >epmd.log 2>&1 &
pids+=($!)
/usr/lib/rabbitmq/bin/rabbitmq-server >rabbit.log 2>&1 &
pids+=($!)
for _ in $(seq 600); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
/usr/bin/python3 "$here/speed.py" consumers $port &
pids+=($!)
sleep 2
for _ in 1 2 3; do
    for job in "1024 $small" "65536 $large"; do
        # shellcheck disable=SC2086
        for which in "provost $url" "pika $port" "blocking $url" "libprovost $url"; do /usr/bin/python3 "$here/speed.py" $which $job; done
        # shellcheck disable=SC2086
        /usr/bin/python3 "$here/bare.py" "$url" $job
    done
done | tee lines
echo "# $(uptime)"
/usr/bin/python3 - lines <<'PY'
import json, statistics, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
for key in sorted({(line["bytes"], line["which"]) for line in lines}):
    mine = [line for line in lines if (line["bytes"], line["which"]) == key]
    print(*key, *(int(statistics.median(line[what] for line in mine)) for what in ("per_second", "cpu_us_per_task")))
PY
