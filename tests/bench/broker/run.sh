#!/usr/bin/env bash
# The broker beside RabbitMQ, beanstalkd and NATS (Debian's), by turns in one run: run.sh BUILD_DIR [--quick]
# RabbitMQ is started in a folder of its own, with ports of its own, and ended; nothing of the system's is touched. --quick: a turn of 2 s instead of three
# of 3 s, within five minutes. The folder of all of them is TMPDIR: put it on a real disk. Prints the lines of the benches, a table of medians, and last the
# ratios to RabbitMQ. PV_JOBS: some of "1k one 64k 1m 16m". Exits 77 where rabbitmq-server or librabbitmq-dev is missing; beanstalkd and NATS are left out
# where they are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1") rounds=3
each=3
if [ "${2:-}" = --quick ]; then rounds=1 each=2; fi
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] && command -v epmd >/dev/null || { echo "skipped: rabbitmq-server is missing"; exit 77; }
[ -x "$build/tests/bench_rabbit" ] || { echo "skipped: bench_rabbit was not built (librabbitmq-dev)"; exit 77; }
work=$(mktemp -d)
pids=() peers=(rabbit rabbit-quorum)
tidy() {
    kill "${pids[@]}" 2>/dev/null || true
    wait
    [ -z "${epmd:-}" ] || ERL_EPMD_PORT=$epmd epmd -kill >/dev/null 2>&1 || true # were it Erlang's own
    rm -rf "$work"
}
trap tidy EXIT
fail() { echo "run.sh: $*" >&2; tail -n 20 "$work"/*.log "$work"/log/*.log >&2; exit 1; }
cd "$work"
# Below the ports that connections get: one of those could be taken before the server is there.
read -r amqp dist epmd bean nats < <(python3 -c 'import random, socket
held = []
while len(held) < 5:
    try: held.append(socket.create_server(("127.0.0.1", random.randrange(15000, 32000))))
    except OSError: pass
ports = [s.getsockname()[1] for s in held]
for s in held: s.close() # before they are told: a server that starts at once finds its port taken otherwise
print(*ports)')
listens() { for _ in $(seq 1200); do (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.1; done; fail "nobody listens at $1"; }

export ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1 # else Erlang leaves its name server behind
epmd -port "$epmd" >epmd.log 2>&1 &
pids+=($!)
listens "$epmd" # or Erlang starts one of its own
echo '[].' >plugins
env HOME="$work" RUNNING_UNDER_SYSTEMD=1 RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$work/none" RABBITMQ_NODENAME="bench-$$@localhost" RABBITMQ_NODE_PORT="$amqp" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
    RABBITMQ_DIST_PORT="$dist" RABBITMQ_MNESIA_BASE="$work/mnesia" RABBITMQ_LOG_BASE="$work/log" RABBITMQ_ENABLED_PLUGINS_FILE="$work/plugins" RABBITMQ_PID_FILE="$work/rabbit.pid" \
    /usr/lib/rabbitmq/bin/rabbitmq-server >rabbit.log 2>&1 &
pids+=($!)
if command -v beanstalkd >/dev/null; then
    mkdir beans
    beanstalkd -l 127.0.0.1 -p "$bean" -b beans -f 0 -z 33554432 >bean.log 2>&1 &
    pids+=($!) bean_pid=$!
    peers+=(beanstalkd)
fi
if command -v nats-server >/dev/null; then
    echo "listen: \"127.0.0.1:$nats\", max_payload: 33554432, max_pending: 268435456" >nats.conf
    nats-server -c nats.conf >nats.log 2>&1 &
    pids+=($!) nats_pid=$!
    peers+=(nats)
fi
listens "$amqp"
for peer in "${peers[@]}"; do
    case $peer in beanstalkd) listens "$bean" ;; nats) listens "$nats" ;; esac
done
rabbit_pid=$(cat rabbit.pid)

bench() { env "SECONDS=$each" "TMPDIR=$work" "$build/tests/$1" "${@:2}"; }
turn() { # JOB PEER
    case $2 in
    provost) bench bench_broker "$1" ;;
    rabbit) bench bench_rabbit "$amqp" "$rabbit_pid" classic "$1" ;;
    rabbit-quorum) [ "$1" != one ] || bench bench_rabbit "$amqp" "$rabbit_pid" quorum "$1" ;;
    beanstalkd) bench bench_lines beanstalkd "$bean" "$bean_pid" "$1" ;;
    nats) bench bench_lines nats "$nats" "$nats_pid" "$1" ;;
    esac
}

echo "# $(uptime)"
for _ in $(seq $rounds); do
    for job in ${PV_JOBS:-1k one 64k 1m 16m}; do
        for peer in provost "${peers[@]}"; do turn "$job" "$peer" || fail "$peer $job"; done
    done
done | tee lines
echo "# $(uptime)"
python3 "$here/ratios.py" lines
