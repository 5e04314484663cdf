# For bats: a broker and its provers as real processes, started on wildcard ports and stopped by their ids.
#   load ../support/drill/cluster        PV_BUILD is the build folder
# Run by support/postgres/postgres.sh around, each folder $CLUSTER keeps its tasks in a database of its own (PV_TEST_STORE).
# Everything lies under $BATS_TEST_TMPDIR, or $CLUSTER when that is set.

: "${PV_BUILD:?the build folder}"
PATH="$PV_BUILD/worker/cli:$PV_BUILD/prover:$PV_BUILD/broker:$PATH"

# poll SECONDS COMMAND...: until it succeeds; fails after that long. No fixed sleeps in tests, only this.
poll() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "waited in vain for: $*" >&2; return 1; }
        sleep 0.05
    done
}

# expect STATUS COMMAND...: what it said is in $output.
expect() {
    local want=$1
    shift
    run "$@"
    [ "$status" = "$want" ] || { echo "exit $status instead of $want: $*"; echo "$output"; return 1; }
}

cluster_init() {
    CLUSTER=${CLUSTER:-$BATS_TEST_TMPDIR/cluster}
    mkdir -p "$CLUSTER"
    export CLUSTER PROVOST_INSECURE=1 PROVOST_CONNECT_TIMEOUT=20s
}

on_postgres() {
    [ "${PV_TEST_STORE:-}" = postgresql ]
}

# For a test that speaks of the files of a state folder.
of_sqlite_alone() {
    ! on_postgres || skip "of SQLite's files alone"
}

# Sets store: the options that say where the tasks are, the same at each start.
store_options() {
    store=()
    on_postgres || return 0
    mkdir -p "$CLUSTER/payloads"
    [ -s "$CLUSTER/database" ] || bash "$PV_TEST_POSTGRES" fresh "$PV_TEST_SERVER" >"$CLUSTER/database"
    store=(--store "$(cat "$CLUSTER/database")" --payloads "$CLUSTER/payloads")
}

large_payloads() {
    if on_postgres; then echo "$CLUSTER/payloads/blobs"; else echo "$CLUSTER/state/blobs"; fi
}

# broker_start [OPTION...]: sets PROVOST_BROKER and BROKER_PID. Started again it takes the same port and state.
broker_start() {
    local bind='tcp://127.0.0.1:*' store
    store_options
    [ ! -s "$CLUSTER/port" ] || bind=$(head -n 1 "$CLUSTER/port")
    rm -f "$CLUSTER/port.new"
    PROVOST_BROKER='' provost-broker --insecure --bind "$bind" --state "$CLUSTER/state" "${store[@]}" \
        --port-file "$CLUSTER/port.new" "$@" >>"$CLUSTER/broker.log" 2>&1 3>&- &
    BROKER_PID=$!
    if ! poll 20 test -s "$CLUSTER/port.new"; then cat "$CLUSTER/broker.log" >&2; return 1; fi
    mv "$CLUSTER/port.new" "$CLUSTER/port"
    PROVOST_BROKER=$(head -n 1 "$CLUSTER/port")
    export PROVOST_BROKER BROKER_PID
}

# prover_start NAME [OPTION...]: dials in; sets PROVER_PID and PID_NAME (dashes as underscores).
prover_start() {
    local name=$1
    shift
    env -u PROVOST_QUEUE -u PROVOST_CIRCUIT provost-prover run --name "$name" --state "$CLUSTER/spool-$name" "$@" >>"$CLUSTER/prover-$name.log" 2>&1 3>&- &
    PROVER_PID=$!
    PROVER_PIDS="${PROVER_PIDS:-} $PROVER_PID"
    poll 30 prover_is_live_or_dead "$name" && prover_is_live "$name" || { cat "$CLUSTER/prover-$name.log" >&2; return 1; }
}

prover_is_live_or_dead() {
    ! kill -0 "$PROVER_PID" || prover_is_live "$1"
}

prover_is_live() {
    provost prover ls -o json | python3 -c '
import json, sys
rows = json.load(sys.stdin)["rows"]
sys.exit(not any(r["prover"] == sys.argv[1] and r["live"] for r in rows))' "$1"
}

# task_is ID STATE
task_is() {
    [ "$(provost task show "$1" -o json | json 'd["state"]')" = "$2" ]
}

# json EXPRESSION: of the document d on stdin
json() {
    python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
}

stop() {
    local pid
    for pid in "$@"; do kill "$pid" 2>/dev/null || true; done
    for pid in "$@"; do wait "$pid" 2>/dev/null || true; done
}

cluster_stop() {
    # Two signals: a prover that drains is told to hand back now.
    local pid
    for pid in ${PROVER_PIDS:-} ${BROKER_PID:-}; do kill "$pid" 2>/dev/null || true; done
    for pid in ${PROVER_PIDS:-}; do kill "$pid" 2>/dev/null || true; done
    for pid in ${PROVER_PIDS:-} ${BROKER_PID:-}; do wait "$pid" 2>/dev/null || true; done
}

# For a file's teardown: everything ends, and a test that failed shows the end of every log.
cluster_end() {
    cluster_stop
    [ -n "$BATS_TEST_COMPLETED" ] || tail -n 40 "$CLUSTER"/*.log >&3
}
