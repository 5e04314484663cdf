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
