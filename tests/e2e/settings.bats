# Settings as an operator meets them: variables that are one program's alone, and --check-config, which looks at all that a start
# looks at and changes nothing.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
}

teardown() {
    cluster_end
}

@test "a variable of its own goes to each program; one that all read is warned of" {
    export PROVOST_STATE=$PWD/both PROVOST_NAME=shared PROVOST_PROVER_NAME=node-1 PROVOST_PROVER_QUEUE=echo:echo
    CLUSTER=$PWD/cluster
    PROVOST_BROKER_STATE=$PWD/brokers provost-broker --insecure --queue echo --bind 'tcp://127.0.0.1:*' --port-file port \
        >>"$CLUSTER/broker.log" 2>&1 3>&- &
    BROKER_PID=$!
    poll 20 test -s port
    export PROVOST_BROKER=$(cat port)
    [ -d brokers ]
    ! grep -q settings.shared "$CLUSTER/broker.log"
    provost-prover run >>"$CLUSTER/prover.log" 2>&1 3>&- &
    PROVER_PIDS=$!
    poll 20 prover_is_live node-1
    [ -d both ] # as it was before there were others
    grep -q 'WARN settings.shared variable=PROVOST_STATE own=PROVOST_PROVER_STATE ' "$CLUSTER/prover.log"
    ! grep -q 'variable=PROVOST_NAME' "$CLUSTER/prover.log"
    provost status >/dev/null
    grep -q 'peer.hello name=shared ' "$CLUSTER/broker.log"
    PROVOST_CLIENT_NAME=mine provost status >/dev/null
    grep -q 'peer.hello name=mine ' "$CLUSTER/broker.log"
}

# checked STATUS SENTENCE [OPTION...]: --check-config of the broker ends so and says that, and a start with the same would not do.
checked() {
    local status=$1 sentence=$2
    shift 2
    expect "$status" provost-broker --check-config --insecure --queue q --bind 'tcp://127.0.0.1:7070' --state "$PWD/state" "$@"
    [[ $output == *"$sentence"* ]] || { echo "$output"; return 1; }
    [ "$status" = 0 ] || ! grep -qx ok <<<"$output"
}

@test "provost-broker --check-config looks at all that a start looks at, beside a broker that runs" {
    checked 0 ok
    [ ! -e state ] # it has changed nothing
    checked 2 'bind: no port in "tcp://127.0.0.1:99999"' --bind tcp://127.0.0.1:99999
    checked 2 'bind: no port in "tcp://127.0.0.1"' --bind tcp://127.0.0.1
    checked 2 'http: 192.0.2.1:80: Cannot assign' --http 192.0.2.1:80
    checked 2 'is not ADDRESS:PORT' --http nonsense
    checked 1 'nowhere/deep: No such file' --state nowhere/deep
    touch file
    checked 1 'file: Not a directory' --state file
    checked 1 'port_file: nowhere/port: No such file' --port-file nowhere/port
    checked 2 'lease_ms' --lease-ms 5000 --heartbeat-ms 3000
    mkdir state
    echo "no database" >state/provost.db
    checked 1 'provost.db: '
    [ "$(ls state)" = provost.db ]
    rm -r state
    expect 0 provost-broker --check-config --insecure --state "$PWD/state"
    [[ $output == *"WARN queues.none"*ok* ]]
    provost-broker --insecure --bind 'tcp://127.0.0.1:*' --http 127.0.0.1:0 --state "$PWD/state" --port-file port >>broker.log 2>&1 3>&- &
    BROKER_PID=$!
    poll 20 test -s port
    grep -q 'WARN queues.none' broker.log
    checked 0 ok --bind "$(cat port)" --http "127.0.0.1:$(sed -n 's/.*http.listening port=//p' broker.log)"
    stop $BROKER_PID
    BROKER_PID=
    checked 0 ok
    checked 0 ok --bind tcp://localhost:7070
    python3 - state/provost.db <<'P'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1]); db.execute("UPDATE meta SET value = 999 WHERE name = 'schema'"); db.commit()
P
    checked 1 'written by a newer program'
}

# node_checked STATUS SENTENCE [OPTION...]
node_checked() {
    local status=$1 sentence=$2
    shift 2
    expect "$status" provost-prover run --check-config --broker tcp://127.0.0.1:7070 --queue q --circuits "$circuits" "$@"
    [[ $output == *"$sentence"* ]] || { echo "$output"; return 1; }
    [ "$status" = 0 ] || ! grep -qx ok <<<"$output"
}

@test "provost-prover run --check-config looks at keys, folders and device" {
    circuits=$PWD/circuits
    unset PROVOST_INSECURE
    mkdir circuits
    ln -s "$BATS_TEST_DIRNAME/../data/chain-5/circuit.zkey" circuits/chain-5.zkey
    for who in node broker; do provost key gen $who >/dev/null; done
    keys=(--key node --server-key broker.pub)
    node_checked 0 ok "${keys[@]}" --state "$PWD/state" --backend cpu # a GPU that is not used has its own sentence
    [ "$output" = ok ]
    [ ! -e state ]
    node_checked 0 ok --insecure
    node_checked 2 'tcp://HOST:PORT' --insecure --broker tcp://127.0.0.1:99999
    node_checked 4 nowhere --key nowhere --server-key broker.pub
    node_checked 4 nowhere --key node --server-key nowhere.pub
    node_checked 2 '3 keys for 1 brokers' --key node --server-key broker.pub,broker.pub,broker.pub
    chmod 644 node
    node_checked 4 'others can read this secret key' "${keys[@]}"
    touch file
    node_checked 1 'file: Not a directory' --insecure --state file
    node_checked 1 'nowhere' --insecure --circuits nowhere
    if ! [ -e /dev/nvidiactl ]; then node_checked 1 'provost-prover: ' --insecure --backend cuda; fi
    rm circuits/*
    node_checked 0 'no usable key' --insecure
}

@test "a node on a queue that the broker lacks is warned of at both ends, until the broker has it" {
    broker_start --queue echo
    prover_start p1 --queue echo:echo --queue ecko:echo
    grep -q 'WARN prover.queue prover=p1 queue=ecko text="this broker has no such queue"' "$CLUSTER/broker.log"
    grep -q 'WARN broker.queue queue=ecko text="the broker has no such queue' "$CLUSTER/prover-p1.log"
    ! grep -q 'queue=echo' "$CLUSTER/broker.log" "$CLUSTER/prover-p1.log"
    stop "$BROKER_PID"
    : >"$CLUSTER/prover-p1.log"
    broker_start --queue echo --queue ecko
    poll 20 prover_is_live p1
    ! grep -q broker.queue "$CLUSTER/prover-p1.log"
}
