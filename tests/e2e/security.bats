# Keys and secrets with the programs as users meet them. The first: the server key is replaced while everybody works,
# with two endpoints that have a key each, until the old one is taken away.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    unset PROVOST_INSECURE
    for who in old new client node stranger; do provost key gen $who >/dev/null; done
    allow client node
}

teardown() {
    cluster_end
}

# The file of authorised keys: NAME or NAME=ROLE for each.
allow() {
    local who role
    {
        echo "keys:"
        for who in "$@"; do
            role=${who#*=}
            [ "$role" != node ] || role=prover
            printf -- '  - name: %s\n    key: "%s"\n    roles: [%s]\n' "${who%=*}" "$(provost key show "${who%=*}")" "$role"
        done
    } >keys.yaml.new
    mv keys.yaml.new keys.yaml
}

# serve ENDPOINTS KEYS: a broker with these; PORTS are what it listens on.
serve() {
    rm -f "$CLUSTER/port"
    env -u PROVOST_KEY -u PROVOST_SERVER_KEY provost-broker --bind "$1" --key "$2" --authorized-keys keys.yaml --queue echo \
        --state "$CLUSTER/state" --port-file "$CLUSTER/port" >>"$CLUSTER/broker.log" 2>&1 3>&- &
    BROKER_PID=$!
    poll 30 test -s "$CLUSTER/port"
    mapfile -t PORTS <"$CLUSTER/port"
}

node() {
    env -u PROVOST_QUEUE provost-prover run --name p1 --queue echo:echo --state spool "$@" >>"$CLUSTER/prover.log" 2>&1 3>&- &
    PROVER_PIDS=$!
}

works() {
    echo "$1" >in
    id=$(provost task submit in --queue echo --circuit any)
    provost task wait "$id" out --timeout 30s
    cmp in out
}

@test "a server key is rotated: two endpoints, clients and provers with both keys, then the old one is gone" {
    serve 'tcp://127.0.0.1:*,tcp://127.0.0.1:*' old,new
    [ "${#PORTS[@]}" = 2 ]
    # Each endpoint has its key, and only that.
    provost key check client --broker "${PORTS[0]}" --server-key old.pub
    provost key check client --broker "${PORTS[1]}" --server-key new.pub
    run provost key check client --broker "${PORTS[1]}" --server-key old.pub
    [ "$status" = 8 ]
    export PROVOST_BROKER="${PORTS[0]},${PORTS[1]}" PROVOST_SERVER_KEY=$PWD/old.pub,$PWD/new.pub PROVOST_KEY=$PWD/client
    PROVOST_KEY=$PWD/node node
    works first
    kept=$(provost task submit in --queue echo --circuit any)
    cp in kept.in
    poll 30 task_is "$kept" succeeded
    # The old key is taken away: the same prover process comes back by itself, what was done is still there.
    stop "$BROKER_PID"
    serve "${PORTS[1]}" new
    works second
    provost task fetch "$kept" again
    cmp kept.in again
    kill -0 "$PROVER_PIDS"
    # Who was never given the new key is told which of the two it is.
    run provost key check client --broker "${PORTS[0]}" --server-key old.pub
    [ "$status" = 8 ]
}

@test "as many server keys as endpoints, or one" {
    run provost-broker --bind 'tcp://127.0.0.1:*,tcp://127.0.0.1:*,tcp://127.0.0.1:*' --key old,new --authorized-keys keys.yaml --state s
    [ "$status" != 0 ]
    [[ $output == *"more endpoints than keys"* ]]
    run provost-broker --bind 'tcp://127.0.0.1:*' --key old,new --authorized-keys keys.yaml --state s
    [ "$status" != 0 ]
    [[ $output == *"one for all, or one for each"* ]]
    run provost-prover run --broker tcp://127.0.0.1:1 --key node --server-key old.pub,new.pub --queue echo:echo
    [ "$status" = 4 ]
    run provost queue ls --broker tcp://127.0.0.1:1 --key client --server-key old.pub,new.pub
    [ "$status" = 2 ]
}

@test "a refused prover says UNAUTHORIZED, backs off, and works by itself once it is allowed" {
    serve 'tcp://127.0.0.1:*' old
    export PROVOST_BROKER="${PORTS[0]}" PROVOST_SERVER_KEY=$PWD/old.pub PROVOST_KEY=$PWD/client
    PROVOST_KEY=$PWD/stranger node
    poll 20 grep -q 'broker.refused status=unauthorized' "$CLUSTER/prover.log"
    sleep 2 # what a node that does not back off would use for some hundred attempts
    [ "$(grep -c 'broker.refused' "$CLUSTER/prover.log")" -le 8 ]
    allow client stranger=prover
    kill -HUP "$BROKER_PID"
    works later
}

@test "without keys nothing leaves this machine, and nobody else gets in" {
    for bind in 'tcp://0.0.0.0:*' 'tcp://*:*' 'tcp://127.0.0.1:*,tcp://0.0.0.0:*' 'tcp://127.0.0.1.example.org:7070'; do
        run provost-broker --insecure --bind "$bind" --state s
        [ "$status" = 2 ]
        [[ $output == *"loopback"* ]]
    done
    run provost-broker --bind 'tcp://127.0.0.1:*' --state s # plaintext only when asked for
    [ "$status" = 2 ]
    run provost-broker --bind 'tcp://127.0.0.1:*' --key old --state s
    [ "$status" = 2 ]
    [ ! -e s ]
    for there in tcp://192.0.2.1:7070 tcp://127.0.0.1.example.org:7070; do
        run provost queue ls --insecure --broker $there
        [ "$status" = 2 ]
        run provost-prover run --insecure --broker $there --queue echo:echo
        [ "$status" = 2 ]
    done
}

@test "a secret key that others can read is used by nobody" {
    for mode in 640 604 644; do
        chmod $mode old client node
        run provost-broker --bind 'tcp://127.0.0.1:*' --key old --authorized-keys keys.yaml --state s
        [ "$status" = 4 ]
        run provost queue ls --broker tcp://127.0.0.1:1 --key client --server-key old.pub
        [ "$status" = 4 ]
        run provost-prover run --broker tcp://127.0.0.1:1 --key node --server-key old.pub --queue echo:echo
        [ "$status" = 4 ]
    done
}

# No core file, no tracing, files for their owner alone, nothing of an input in a log.
@test "secrets stay in the processes and in files of their owner" {
    umask 000
    serve 'tcp://127.0.0.1:*' old
    export PROVOST_BROKER="${PORTS[0]}" PROVOST_SERVER_KEY=$PWD/old.pub PROVOST_KEY=$PWD/client
    PROVOST_KEY=$PWD/node node --log-level debug
    head -c 100000 /dev/urandom >input
    id=$(provost task submit input --queue echo --circuit any)
    provost task wait "$id" out --timeout 60s
    cmp input out
    for pid in "$BROKER_PID" "$PROVER_PIDS"; do
        grep -Eq 'Max core file size +0 +0 ' "/proc/$pid/limits"
    done
    # A small one is in a row of the store, a large one in a file: both are the owner's alone.
    queued=$(provost task submit input --queue echo --circuit any)
    [ -n "$queued" ]
    [ "$(stat -c %a "$CLUSTER/state")" = 700 ]
    [ "$(stat -c %a spool)" = 700 ]
    [ -z "$(find "$CLUSTER/state" spool -type f -perm /077)" ]
    [ -z "$(find "$CLUSTER/state" spool -mindepth 1 -type d -perm /077)" ]
    python3 - input "$CLUSTER"/*.log <<'P'
import base64, sys
data = open(sys.argv[1], "rb").read()
logs = b"".join(open(f, "rb").read() for f in sys.argv[2:])
assert logs.count(b"peer.hello") >= 1, "no log to look at"
for at in range(0, len(data) - 24, 24):
    part = data[at:at + 24]
    for form in (part, part.hex().encode(), part.hex().upper().encode(), base64.b64encode(part), str(int.from_bytes(part, "little")).encode()):
        assert form not in logs, f"byte {at} of the input is in a log"
P
}
