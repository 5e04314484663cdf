# An input.json in place of a witness: by the fleet, and with fullprove. Hostile generators are scripts; circom's own is its WebAssembly.
load ../support/drill/cluster

setup() {
    command -v node >/dev/null || skip "no Node.js"
    home=$(mktemp -d) # bats's own folder is private, and whoever computes witnesses has to get at their programs
    chmod 755 "$home"
    cd "$home"
    umask 022
    data=$BATS_TEST_DIRNAME/../data
    cluster_init
    broker_start --queue outer --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200
    export PROVOST_QUEUE=outer
    user=
    [ "$(id -u)" != 0 ] || user="--run-as nobody"
    mkdir circuits
    for name in hidden bits; do
        mkdir "circuits/$name"
        cp "$data/$name/circuit.zkey" "circuits/$name/"
    done
    cp "$data/code/hidden.wasm" circuits/hidden/circuit.wasm
}

teardown() {
    cluster_end
    cd /
    rm -rf "$home"
}

node_start() { # NAME OPTION...
    # shellcheck disable=SC2086
    prover_start "$1" --queue outer --circuits circuits --allow-code $user "${@:2}"
}

generator() { # LINE...: of the circuit bits, a script
    printf '%s\n' '#!/bin/sh' "$@" >new-generator
    chmod 755 new-generator
    mv new-generator circuits/bits/witness
}

json_takers() { provost prover show "$1" | grep -c 'takes input.json' || true; }

nothing_left() { [ -z "$(ls "$CLUSTER"/*/work 2>/dev/null)" ]; }

@test "signals are proved and verified; the proof is bound to what --public says" {
    node_start p1
    expect 0 provost prove --circuit hidden --input "$data/code/hidden.json" --vkey "$data/hidden/vkey.json" proof.json public.json
    [[ $output == *"only the proof verified: --public says what it has to be a proof of"* ]]
    expect 0 provost-prover verify "$data/hidden/vkey.json" public.json proof.json
    cmp public.json "$data/hidden/public.json"
    expect 0 provost prove --circuit hidden --input "$data/code/hidden.json" --vkey "$data/hidden/vkey.json" --public "$data/hidden/public.json" proof.json public.json
    [[ $output == *", verified"* ]]
    cp "$data/code/bits.wasm" circuits/bits/circuit.wasm
    poll 10 test "$(json_takers p1)" -ge 1
    echo '["1"]' >other.json
    expect 9 provost prove --circuit bits --input "$data/code/bits.json" --vkey "$data/bits/vkey.json" --public other.json other-proof.json other-public.json
    [ ! -e other-proof.json ]
    nothing_left
}

@test "an assert of the circuit ends the task, with the line that circom printed" {
    node_start p1
    echo '{"a": "6", "b": "35", "c": "14", "d": "16"}' >wrong.json
    expect 8 provost prove --circuit hidden --input wrong.json proof.json public.json
    [[ $output == *"Assert Failed. Error in template Hidden_0 line: 10"* ]]
    [ ! -e proof.json ]
    nothing_left
}

@test "what is no input.json is not sent, and the same id with a witness is a conflict" {
    node_start p1
    expect 8 provost prove --circuit hidden --input "$data/hidden/witness.wtns" proof.json public.json
    [[ $output == *"a witness, and not an input.json"* ]]
    expect 8 provost prove --circuit hidden "$data/code/hidden.json" proof.json public.json
    [[ $output == *"is given with --input"* ]]
    expect 2 provost prove --circuit hidden --input "$data/code/hidden.json" proof.json
    [[ $output == *"missing argument: PUBLIC"* ]]
    id=$(printf %032d 7)
    provost task submit --circuit hidden --id "$id" --input "$data/code/hidden.json"
    expect 8 provost task submit --circuit hidden --id "$id" "$data/code/hidden.json"
    [[ $output == *conflict* ]]
}

@test "a node without allow_code, or whose circuit has no program, is never offered one, also not after a restart of the broker" {
    prover_start p1 --queue outer --circuits circuits
    id=$(provost task submit --circuit hidden --input "$data/code/hidden.json")
    expect 3 provost prove --circuit hidden --timeout 2s --input "$data/code/hidden.json" proof.json public.json
    [[ $output == *'has circuit "hidden" with a program that computes witnesses'* ]]
    # a witness of the same circuit goes past it
    expect 0 provost prove --circuit hidden "$data/hidden/witness.wtns" proof.json public.json
    kill -9 "$BROKER_PID"
    wait "$BROKER_PID" || true
    broker_start --queue outer --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200
    [ "$(provost task show "$id" -o json | json 'd["state"], d["attempts"]')" = "('queued', 0)" ]
    node_start p2
    expect 0 provost task wait "$id" --vkey "$data/hidden/vkey.json" proof.json public.json
    grep -q "task.proved task=$id" "$CLUSTER/prover-p2.log"
    ! grep -q "task=$id" "$CLUSTER/prover-p1.log"
}

@test "a program that comes, that others may write to, and that goes again is seen while the node runs" {
    node_start p1
    [ "$(json_takers p1)" = 1 ]
    generator 'exit 1'
    poll 10 eval '[ "$(json_takers p1)" = 2 ]'
    chmod 777 circuits/bits/witness
    poll 10 eval '[ "$(json_takers p1)" = 1 ]'
    [[ $(provost prover show p1) == *"bits/witness: no input.json is taken for its circuit: "*"is writable by others"* ]]
    chmod 755 circuits/bits/witness
    poll 10 eval '[ "$(json_takers p1)" = 2 ]'
    rm circuits/bits/witness
    poll 10 eval '[ "$(json_takers p1)" = 1 ]'
}

# one_fails SENTENCE: an attempt of the circuit bits fails with it, and the node serves on.
one_fails() {
    id=$(provost task submit --circuit bits --input "$data/code/bits.json")
    poll 30 grep -q "task.failed task=$id .*$1" "$CLUSTER/prover-p1.log"
    provost task cancel "$id" >/dev/null
}

@test "a generator that hangs, forks, writes nothing, too much or garbage fails its own attempt alone" {
    generator 'setsid sleep 4711 & sleep 4711'
    node_start p1 --witness-limit-s 1
    one_fails "failure=retryable status=run-timeout .*it did not end within 1000 ms"
    generator 'true'
    one_fails "failure=retryable .*it wrote no result"
    # three failed tasks in a row would rest the node (R7)
    expect 0 provost prove --circuit hidden --input "$data/code/hidden.json" --vkey "$data/hidden/vkey.json" proof.json public.json
    generator 'exec dd if=/dev/zero of="$2" bs=1M count=500'
    one_fails "failure=retryable .*signal 25"
    generator 'head -c 100 /dev/urandom >"$2"'
    one_fails "failure=retryable .*the witness generator is not of this key"
    ! pgrep -f '^sleep 4711'
    nothing_left
    expect 0 provost prove --circuit hidden --input "$data/code/hidden.json" --vkey "$data/hidden/vkey.json" proof.json public.json
}

@test "cancel and drain end the generator and all that it started" {
    generator 'setsid sleep 4712 & exec sleep 4712'
    node_start p1 --grace-s 1
    id=$(provost task submit --circuit bits --input "$data/code/bits.json")
    poll 20 pgrep -f '^sleep 4712'
    provost task cancel "$id"
    poll 20 eval '! pgrep -f "^sleep 4712"'
    id=$(provost task submit --circuit bits --input "$data/code/bits.json")
    poll 20 pgrep -f '^sleep 4712'
    kill -TERM $PROVER_PIDS
    wait $PROVER_PIDS || true
    PROVER_PIDS=
    ! pgrep -f '^sleep 4712'
    nothing_left
    [ "$(provost task show "$id" -o json | json 'd["state"]')" = queued ]
}

@test "a node that is root needs run_as, which is not root, and a wrong node_js is said at the start" {
    check() { provost-prover run --check-config --insecure --broker tcp://127.0.0.1:7070 --queue outer --circuits circuits --allow-code "$@"; }
    # shellcheck disable=SC2086
    expect 0 check $user
    # shellcheck disable=SC2086
    expect 2 check $user --node-js /nowhere/node
    [[ $output == *"node_js: Node.js: /nowhere/node: No such file"* ]]
    [ "$(id -u)" = 0 ] || skip "not root"
    expect 2 check
    [[ $output == *"run_as: missing: a node that is root needs a user"* ]]
    expect 2 check --run-as root
    [[ $output == *"run_as: root is root"* ]]
    expect 2 check --run-as nosuchuser
    [[ $output == *"nosuchuser: no such user"* ]]
}

@test "fullprove takes snarkjs's five, and writes both files or neither" {
    run_as=
    expect 0 provost-prover fullprove "$data/code/hidden.json" circuits/hidden/circuit.wasm circuits/hidden/circuit.zkey proof.json public.json
    expect 0 provost-prover verify "$data/hidden/vkey.json" public.json proof.json
    rm proof.json public.json
    generator 'sleep 4713'
    expect 6 provost-prover fullprove --witness-limit 500ms "$data/code/bits.json" circuits/bits/witness circuits/bits/circuit.zkey proof.json public.json
    chmod 775 circuits/bits/witness
    expect 8 provost-prover fullprove "$data/code/bits.json" circuits/bits/witness circuits/bits/circuit.zkey proof.json public.json
    [[ $output == *"is writable by others"* ]]
    expect 3 provost-prover fullprove none.json circuits/hidden/circuit.wasm circuits/hidden/circuit.zkey proof.json public.json
    expect 3 provost-prover fullprove "$data/code/hidden.json" none.wasm circuits/hidden/circuit.zkey proof.json public.json
    expect 2 provost-prover fullprove in.json a.wasm a.zkey proof.json
    [[ $output == *"missing argument: PUBLIC"* ]]
    cp "$data/code/hidden.json" in.json
    expect 2 provost-prover fullprove in.json circuits/hidden/circuit.wasm circuits/hidden/circuit.zkey in.json public.json
    [ ! -e proof.json ] && [ ! -e public.json ]
}
