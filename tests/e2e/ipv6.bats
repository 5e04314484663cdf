# Addresses of IPv6: broker, its page, node, client and administrator, with keys and without.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
}

teardown() {
    cluster_end
}

# page HOST PATH
page() {
    local port
    port=$(sed -n 's/.*http.listening port=//p' "$CLUSTER/broker.log" | tail -n 1)
    python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())' "http://$1:$port$2"
}

# counted N: /metrics says that so many provers wait for work.
counted() { page '[::1]' /metrics | grep -q "^provost_provers{state=\"ready\"} $1\$"; }

a_task_goes_through() {
    echo "$1" >input
    local id
    id=$(provost task submit input)
    expect 0 provost task wait "$id" output --timeout 20s
    cmp input output
}

@test "broker, page, node, client and administrator on an address of IPv6, beside one of IPv4" {
    echo 'tcp://[::1]:*,tcp://127.0.0.1:*' >"$CLUSTER/port"
    broker_start --queue echo --http '[::1]:0'
    [[ "$PROVOST_BROKER" == 'tcp://[::1]:'* ]]
    prover_start p1 --queue echo:echo
    a_task_goes_through six
    expect 0 provost queue pause echo
    expect 0 provost queue resume echo
    [ "$(page '[::1]' /healthz)" = ok ]
    poll 10 counted 1 # the figures are those of a second ago
    four=$(sed -n 2p "$CLUSTER/port")
    [[ "$four" == 'tcp://127.0.0.1:'* ]]
    PROVOST_BROKER=$four a_task_goes_through four
}

@test "with keys, on every address of both kinds" {
    unset PROVOST_INSECURE
    for who in broker client prover; do provost key gen $who >/dev/null; done
    {
        echo "keys:"
        for who in client prover; do
            printf -- '  - name: %s\n    key: "%s"\n    roles: [%s]\n' "of-$who" "$(provost key show $who)" $who
        done
    } >keys.yaml
    provost-broker --bind 'tcp://[::]:*' --http '[::]:0' --key broker --authorized-keys keys.yaml --state "$CLUSTER/state" --queue echo \
        --port-file "$CLUSTER/port" >>"$CLUSTER/broker.log" 2>&1 3>&- &
    BROKER_PID=$!
    poll 20 test -s "$CLUSTER/port"
    port=$(sed 's/.*://' "$CLUSTER/port")
    export PROVOST_SERVER_KEY=$PWD/broker.pub
    for host in '[::1]' 127.0.0.1; do
        expect 0 provost key check client --broker "tcp://$host:$port" --server-key broker.pub
        [ "$(page "$host" /healthz)" = ok ]
    done
    PROVOST_KEY=$PWD/prover provost-prover run --name p1 --broker "tcp://[::1]:$port" --queue echo:echo --state spool >prover.log 2>&1 3>&- &
    PROVER_PIDS=$!
    export PROVOST_KEY=$PWD/client PROVOST_BROKER="tcp://[::1]:$port"
    a_task_goes_through six
    PROVOST_BROKER="tcp://127.0.0.1:$port" a_task_goes_through four
}

@test "what is no address of IPv6 is refused" {
    run provost-broker --insecure --bind 'tcp://127.0.0.1:*' --state state --queue echo --http '[::1:9090'
    [ "$status" -ne 0 ] && [[ "$output" == *'is not ADDRESS:PORT'* ]]
    run provost-broker --insecure --bind 'tcp://[::]:*' --state state --queue echo
    [ "$status" -ne 0 ]
    run provost-broker --insecure --bind 'tcp://[::2]:*' --state state --queue echo
    [ "$status" -ne 0 ]
}
