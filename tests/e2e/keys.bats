# With keys: what `provost key gen` makes opens the door, and nothing else does.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    unset PROVOST_INSECURE
    for who in broker client admin prover stranger; do provost key gen $who >/dev/null; done
    keys_file client admin prover
    broker_start --queue echo --queue other
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any PROVOST_SERVER_KEY=$PWD/broker.pub PROVOST_KEY=$PWD/client
}

teardown() {
    cluster_end
}

# The file of authorised keys, with one key each for those named.
keys_file() {
    local who
    {
        echo "keys:"
        for who in "$@"; do
            printf -- '  - name: %s\n    key: "%s"\n    roles: [%s]\n' "of-$who" "$(provost key show $who)" $who
        done
    } >keys.yaml.new
    mv keys.yaml.new keys.yaml
}

# The cluster's, with keys.
broker_start() {
    provost-broker --bind 'tcp://127.0.0.1:*' --key broker --authorized-keys keys.yaml --state "$CLUSTER/state" \
        --port-file "$CLUSTER/port" "$@" >>"$CLUSTER/broker.log" 2>&1 3>&- &
    BROKER_PID=$!
    poll 20 test -s "$CLUSTER/port"
    PROVOST_BROKER=$(head -n 1 "$CLUSTER/port")
    export PROVOST_BROKER
}

@test "a task goes through with keys on both sides" {
    PROVOST_KEY=$PWD/prover env -u PROVOST_QUEUE provost-prover run --name p1 --queue echo:echo --state spool >>"$CLUSTER/prover.log" 2>&1 3>&- &
    PROVER_PIDS=$!
    echo secret >x
    id=$(provost task submit x)
    expect 0 provost task wait "$id" result --timeout 60s
    cmp x result
    [ "$(provost task show "$id" -o json | json 'd["principal"]')" = of-client ]
}

@test "a stranger's key, no key, and another broker's key are told apart from an absent broker" {
    expect 4 provost status --key stranger
    [[ $output == *unauthorized* ]]
    expect 4 provost status --server-key stranger.pub --connect-timeout 2s
    env -u PROVOST_KEY -u PROVOST_SERVER_KEY provost status --insecure --connect-timeout 2s && false || [ $? = 4 ]
    expect 0 provost status
}

@test "roles are the key's: a client operates nothing, an administrator does" {
    expect 4 provost queue pause echo
    expect 4 provost prover ls
    expect 0 provost queue pause echo --key admin
    expect 0 provost prover ls --key admin
    expect 0 provost queue ls
}

@test "an administrator looks after the tasks of others, and nobody's look leaves a WARN line" {
    echo secret >x
    id=$(provost task submit x)
    [ "$(provost task show "$id" --key admin -o json | json 'd["principal"]')" = of-client ]
    expect 12 provost task wait "$id" --key admin --timeout 3s
    expect 1 provost task fetch "$id" --key admin
    expect 0 provost queue ls
    expect 0 provost status
    expect 0 provost task cancel "$id" --key admin
    expect 7 provost task fetch "$id" --key admin
    ! grep -q WARN "$CLUSTER/broker.log"
    expect 0 provost queue pause other --key admin
    grep 'queue.verb' "$CLUSTER/broker.log" | grep -q 'by_principal=of-admin'
    [[ $(provost events --key admin) == *"by of-admin (provost-cli-"* ]]
    # Events that this client may not see do not count.
    keys_file client admin prover stranger
    sed -i '/of-stranger/,$s/stranger\]/client]/' keys.yaml
    kill -HUP "$BROKER_PID"
    for _ in 1 2 3 4; do provost task submit x --key stranger --connect-timeout 20s >/dev/null; done
    [ "$(provost events --limit 4 -o json | json 'len(d["rows"]), any(r["principal"] == "of-stranger" for r in d["rows"])')" = "(4, False)" ]
}

@test "a refused key gets in as soon as it is allowed" {
    provost status --key stranger --connect-timeout 5s >/dev/null 2>&1 && false
    keys_file client admin prover stranger
    sed -i '/of-stranger/,$s/stranger\]/client]/' keys.yaml
    kill -HUP "$BROKER_PID"
    poll 20 provost queue ls --key stranger
}

# check WANT WORD BROKER [OPTION...]: the exit status, and the word for what became of the handshake.
check() {
    local want=$1 word=$2 broker=$3
    shift 3
    run bash -c 'provost key check --broker "$@" -o json 2>/dev/null' _ "$broker" "$@"
    [ "$status" = "$want" ] || { echo "exit $status instead of $want: $*"; echo "$output"; return 1; }
    [ "$(json 'd["brokers"][0]["result"]' <<<"$output")" = "$word" ] || { echo "$output"; return 1; }
}

@test "key check shakes hands, and tells a wrong server key from a key that is not allowed from an absent broker" {
    check 0 ok "$PROVOST_BROKER" client
    check 4 key-not-allowed "$PROVOST_BROKER" stranger
    check 8 server-key-wrong "$PROVOST_BROKER" client --server-key stranger.pub
    check 5 unreachable tcp://127.0.0.1:1 client
    # One endpoint that lets the key in is enough; each is named.
    run provost key check client --broker "tcp://127.0.0.1:1,$PROVOST_BROKER" --server-key stranger.pub,broker.pub
    [ "$status" = 0 ] && [[ $output == *unreachable*ok* ]]
    # No trace of it but connections: no client was there.
    [ "$(provost status --key admin -o json | json 'sum(r.get("clients", 0) for r in d["rows"])')" -le 1 ]
}

@test "key check knows a broker without keys, and what is no broker at all" {
    local port pid
    env -u PROVOST_KEY provost-broker --insecure --bind 'tcp://127.0.0.1:*' --state "$CLUSTER/open" --port-file "$CLUSTER/open-port" \
        >>"$CLUSTER/open.log" 2>&1 3>&- &
    pid=$!
    poll 20 test -s "$CLUSTER/open-port"
    check 1 no-keys-there "$(head -n 1 "$CLUSTER/open-port")" client
    stop "$pid"
    python3 -c '
import socket
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    c.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    c.close()' >port 3>&- &
    pid=$!
    poll 20 test -s port
    check 5 not-a-broker "tcp://127.0.0.1:$(cat port)" client
    stop "$pid"
}

@test "key check says what is wrong with a file" {
    chmod 640 client
    expect 4 provost key check client
    [[ $output == *"mode 640"* ]]
    expect 4 provost queue ls # and nobody uses it
    chmod 600 client
    expect 0 provost key check client
    expect 4 provost key check broker.pub
    expect 3 provost key check nowhere
    echo "nothing" >empty && chmod 600 empty
    expect 4 provost key check empty
    # The public key of one pair and the secret of another.
    { grep -v secret-key client; grep secret-key stranger; } >mixed && chmod 600 mixed
    expect 4 provost key check mixed
    [[ $output == *"no pair"* ]]
    expect 2 env -u PROVOST_SERVER_KEY provost key check client
}
