# HTTP of a node: what it tells of its work, who may ask, and that it says when it cannot be served.
load ../support/drill/cluster
DATA=$BATS_TEST_DIRNAME/../data

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
}

teardown() {
    cluster_end
}

# page PATH [TOKEN]: the status, then the text
page() {
    python3 -c 'import sys, urllib.request, urllib.error
r = urllib.request.Request(sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]} if sys.argv[2] else {})
try:
    a = urllib.request.urlopen(r, timeout=20)
except urllib.error.HTTPError as e:
    a = e
print(a.status)
print(a.read().decode(), end="")' "http://127.0.0.1:$(port p1)$1" "${2:-}"
}

port() {
    sed -n 's/.*http.listening port=//p' "$CLUSTER/prover-$1.log" | tail -n 1
}

# says LINE: /metrics has it
says() {
    page /metrics | grep -qxF "$1"
}

status_is() {
    [ "$(page "$1" | head -n 1)" = "$2" ]
}

@test "a node tells what it does, and promtool finds no fault with it" {
    broker_start --queue echo
    prover_start p1 --queue echo:echo --http 127.0.0.1:0
    for i in 1 2 3; do
        echo "$i" >input
        provost task wait "$(provost task submit input)" output --timeout 20s
    done
    poll 5 says 'provost_node_runs_total{handler="echo",outcome="succeeded"} 3'
    says 'provost_node_runs_total{handler="echo",outcome="failed"} 0'
    says 'provost_node_proof_seconds_count 3'
    says 'provost_node_connected 1'
    says 'provost_node_slots 1'
    says 'provost_node_slots_busy 0'
    says 'provost_node_gpu_fallback 0'
    says 'provost_node_proofs_rejected_total 0'
    page /metrics | grep -qE '^provost_node_memory_bytes [1-9][0-9]{6,}$'
    ! page /metrics | grep -q '^provost_node_keys '
    if command -v promtool >/dev/null; then
        page /metrics | tail -n +2 >scrape
        run promtool check metrics <scrape
        [ "$status" -eq 0 ]
        [ -z "$output" ]
    fi
}

@test "keys and phases of a node that proves" {
    broker_start --queue member
    prover_start p1 --queue member:groth16 --circuits "$DATA" --allow-development-key --http 127.0.0.1:0
    for i in 1 2; do
        PROVOST_QUEUE=member provost prove --circuit member "$DATA/member/witness.wtns" proof.json public.json
    done
    poll 5 says 'provost_node_key_hits_total 1'
    says 'provost_node_key_misses_total 1'
    says 'provost_node_keys_resident 1'
    says 'provost_node_key_load_seconds_count 1'
    page /metrics | grep -qE '^provost_node_key_bytes [1-9]'
    page /metrics | grep -qE '^provost_node_phase_seconds_total\{phase="load"\} '
}

@test "ready while a broker knows the node, live in any case" {
    broker_start --queue echo
    prover_start p1 --queue echo:echo --http 127.0.0.1:0
    poll 5 status_is /readyz 200
    status_is /livez 200
    status_is /else 404
    kill -9 "$BROKER_PID"
    poll 20 status_is /readyz 503
    page /readyz | grep -q "no broker knows this node"
    status_is /livez 200
}

@test "beyond loopback metrics need a token, health does not" {
    (umask 077; echo token-of-the-node-test >read.token)
    broker_start --queue echo
    prover_start p1 --queue echo:echo --http 0.0.0.0:0 --http-read-token read.token
    status_is /livez 200
    status_is /metrics 401
    [ "$(page /metrics token-of-the-node-test | head -n 1)" = 200 ]
    [ "$(page /metrics token-of-another | head -n 1)" = 401 ]
    (umask 077; echo token-that-came-later >read.token)
    kill -HUP "$PROVER_PID"
    later() { [ "$(page /metrics token-that-came-later | head -n 1)" = 200 ]; }
    poll 5 later
    [ "$(page /metrics token-of-the-node-test | head -n 1)" = 401 ]
}

@test "what cannot be served is refused with a sentence" {
    expect 2 provost-prover run --broker tcp://127.0.0.1:1 --insecure --queue echo:echo --http nowhere --check-config
    [[ $output == *'http: "nowhere" is not ADDRESS:PORT'* ]]
    echo token-of-the-node-test >open.token
    chmod 644 open.token
    expect 2 provost-prover run --broker tcp://127.0.0.1:1 --insecure --queue echo:echo --http 127.0.0.1:0 --http-read-token open.token --check-config
    [[ $output == *"http_read_token"* ]]
    broker_start --queue echo
    prover_start p1 --queue echo:echo --http 127.0.0.1:0
    expect 1 provost-prover run --name p2 --insecure --queue echo:echo --http "127.0.0.1:$(port p1)"
    [[ $output == *"cannot listen on 127.0.0.1:"*"Address already in use"* ]]
}
