# What people read when something is refused: a sentence that says what is wrong and what to do, from every program.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    printf 'wtns\2\0\0\0\0\0\0\0' >w.wtns
    echo x >x
}

teardown() {
    cluster_end
}

# says STATUS SENTENCE COMMAND...: exits so, and the sentence is in what it says.
says() {
    local status_wanted=$1 sentence=$2
    shift 2
    expect "$status_wanted" "$@"
    [[ $output == *"$sentence"* ]] || { printf 'not there: %s\nin: %s\n' "$sentence" "$output"; false; }
}

@test "sentences about keys name the role and the queue" {
    unset PROVOST_INSECURE
    for who in broker client prover; do provost key gen $who >/dev/null; done
    printf 'keys:\n  - {name: of-client, key: "%s", roles: [client], queues: [open]}\n  - {name: of-prover, key: "%s", roles: [prover]}\n' \
        "$(provost key show client)" "$(provost key show prover)" >keys.yaml
    provost-broker --bind 'tcp://127.0.0.1:*' --key broker --authorized-keys keys.yaml --state "$CLUSTER/state" --queue open \
        --queue keccak --port-file "$CLUSTER/port" >>"$CLUSTER/broker.log" 2>&1 3>&- &
    BROKER_PID=$!
    poll 20 test -s "$CLUSTER/port"
    PROVOST_BROKER=$(head -n 1 "$CLUSTER/port")
    export PROVOST_BROKER PROVOST_SERVER_KEY=$PWD/broker.pub PROVOST_KEY=$PWD/client PROVOST_CIRCUIT=c
    says 4 'this key does not have the admin role' provost queue pause open
    says 4 'this key does not have the client role' provost task submit -q open x --key prover
    says 4 'this key may not submit to queue "keccak"' provost task submit -q keccak x
    says 4 'this key may not submit to queue "keccak"' provost prove -q keccak w.wtns proof.json public.json --timeout 10s
    [[ $output != *receiving* ]]
    says 0 'ok' provost key check client
}

@test "sentences about tasks say what the broker refused, and why" {
    broker_start --queue echo --queue idle --payload-max 64K
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
    head -c 100000 /dev/zero >large
    says 8 '97 KiB; the broker takes at most 64 KiB' provost task submit large
    says 3 'this broker has no queue "nowhere"' provost task submit -q nowhere x
    says 3 'this broker has no queue "nowhere"' provost prove -q nowhere w.wtns proof.json public.json --timeout 10s
    [[ $output != *receiving* ]]
    says 2 'nothing to set: give --run-timeout or --stall-timeout' provost queue set echo
    [[ $output != *echo:* ]]
    id=00112233445566778899aabbccddeeff
    says 0 $id provost task submit --id $id x
    says 8 'the id was used before, with another input' provost task submit --id $id w.wtns
    says 1 'not finished yet: use task wait' provost task fetch $id
    says 1 'only a dead, cancelled, expired or delayed task is kicked' provost task kick $id
    says 12 "timed out, still queued; continue with: provost task wait $id" provost task wait $id --timeout 300ms
    [[ $output == *'waiting: no live prover serves queue "echo"'* ]]
    # A deadline that is over when it arrives.
    says 6 'expired: the deadline passed before it was queued' provost prove --deadline 0s w.wtns proof.json public.json --timeout 10s
    [[ $output != *receiving* && $output != *"(expired)"* ]]
    says 6 'the deadline passed before it was queued' provost task submit --deadline 0s x
}

@test "two prover processes of one name and key are told so" {
    broker_start --queue echo
    prover_start twin --queue echo:echo
    provost-prover run --name twin --queue echo:echo >second.log 2>&1 3>&- &
    PROVER_PIDS="$PROVER_PIDS $!"
    poll 20 grep -q 'another prover process uses this name and key' second.log
    grep -q 'WARN prover.name prover=twin' "$CLUSTER/broker.log"
    first=$PROVER_PID
    [ "$(grep -c broker.connected "$CLUSTER/prover-twin.log")" = 1 ]
    kill -9 "$first"
    poll 30 grep -q broker.connected second.log
}

@test "a look under the name of a client that waits does not cancel its task" {
    broker_start --queue echo
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
    provost prove --name shop --on-restart cancel w.wtns proof.json public.json --id "$(printf %032d 7)" 2>waits 3>&- &
    pid=$!
    queued() { [[ $(provost task show "$(printf %032d 7)" -o json) == *queued* ]]; }
    poll 10 queued
    provost status --name shop >/dev/null
    provost task ls --name shop >/dev/null
    provost task submit --name shop w.wtns >/dev/null
    queued
    kill -0 "$pid"
    kill -9 "$pid"
    wait "$pid" || true
    away() { provost task submit --name shop w.wtns >/dev/null && [[ $(provost task show "$(printf %032d 7)" -o json) == *cancelled* ]]; }
    poll 10 away
}

@test "sentences about arguments name the argument" {
    says 2 'missing argument: FILE or --key' provost key check
    says 2 'missing argument: WITNESS' provost prove
    says 2 'missing argument: PUBLIC' provost prove w.wtns proof.json
    says 2 'missing argument: ID' provost task wait
    says 2 'missing argument: ID' provost task cancel
    says 2 'unexpected argument "foo"' provost queue ls foo
    says 2 'unexpected argument "foo"' provost task show a foo
    says 2 'unexpected argument "foo"' provost-broker foo
    says 2 'unexpected argument "foo"' provost-prover run foo
    says 2 'unexpected argument "foo"' provost-prover prove a b c d foo
    says 2 'unexpected argument "foo"' provost-prover verify a b c foo
    says 2 'unexpected argument "foo"' provost-prover inspect a foo
    says 2 'missing argument: PUBLIC' provost-prover prove a b c
    says 2 'missing argument: VKEY' provost-prover verify
    says 2 'missing argument: ZKEY' provost-prover inspect
}

@test "sentences about names, ids and keys say which one is meant" {
    broker_start --queue echo
    says 2 'queue: must be 1 to 64 letters' provost task ls -q 'bad name'
    says 2 'queue: must be 1 to 64 letters' provost queue show 'bad name'
    says 2 'prover: must be 1 to 64 letters' provost prover drain 'bad name'
    says 2 'principal: must be 1 to 64 letters' provost prover drain p1 --principal 'bad name'
    says 3 'nobody: the broker knows no such prover' provost prover drain nobody
    id=$(printf %032d 9)
    for verb in show wait fetch cancel kick; do says 3 'the broker has no such task' provost task $verb "$id"; done
    says 2 '--name: must be 1 to 64 letters' provost status --name 'bad name'
    says 2 '--broker: must be tcp://HOST:PORT' provost status --broker nonsense
    says 2 '--insecure is only for a broker on this machine' provost status --broker tcp://192.0.2.1:7070
    unset PROVOST_INSECURE
    provost key gen mine >/dev/null
    says 4 'nowhere' provost status --key nowhere --server-key mine.pub
    says 4 'nowhere.pub' provost status --key mine --server-key nowhere.pub
    chmod 644 mine
    says 4 'mine: others can read this secret key, so it is not used (chmod 600)' provost status --key mine --server-key mine.pub
}

@test "sentences about values name the option, the form and the bounds" {
    says 2 '--payload-max: not a size: "5X"' provost-broker --payload-max 5X
    says 2 '--heartbeat-ms: not a number: "soon"' provost-broker --heartbeat-ms soon
    says 2 'PROVOST_BATCH: 0 is too small: 1 to ' env PROVOST_BATCH=0 provost-broker
    says 2 '--queue echo: sync: not always, group or off: "never"' provost-broker --queue echo,sync=never
    says 2 '--slots: not a number: "many"' provost-prover run --slots many
    says 2 '--need-vram: not a size: "1X"' provost task submit --need-vram 1X x
    says 2 '--timeout: not a time: "soon"' provost task submit --timeout soon x
    says 2 '--priority: not a number from 0 to 9: "10"' provost task submit --priority 10 x
    says 2 '--output: not table or json: "xml"' provost queue ls -o xml
    says 2 'PROVOST_OUTPUT: not table or json: "xml"' env PROVOST_OUTPUT=xml provost queue ls
    says 2 '--backend: not auto, cpu or cuda: "gpu"' provost-prover prove --backend gpu a b c d
}

@test "sentences about files of settings say what was found there" {
    file() { printf '%s\n' "$@" >settings.yaml; }
    file 'log: text' 'bind: [a, b]'
    says 2 'settings.yaml: bind: expected text, found a list (line: 2)' provost-broker --config settings.yaml
    file 'bind: {a: b}'
    says 2 'bind: expected text, found key: value (line: 1)' provost-broker --config settings.yaml
    file 'queues: 7'
    says 2 'queues: expected a list, found text (line: 1)' provost-broker --config settings.yaml
    file 'queues: [a]'
    says 2 'item 1: expected key: value, found text (line: 1)' provost-broker --config settings.yaml
    file 'queues:' '  - name: [x]'
    says 2 'name: expected text, found a list (line: 2)' provost-broker --config settings.yaml
    file '- a'
    says 2 'settings.yaml: expected key: value, found a list' provost-broker --config settings.yaml
    file 'bind: a' 'bind: b'
    says 2 'settings.yaml: bind is there twice' provost-broker --config settings.yaml
    file 'slots: [1]'
    says 2 'slots: expected text, found a list (line: 1)' provost-prover run --config settings.yaml
}

@test "without a GPU the node says once where it proves, and prove only when asked" {
    broker_start --queue outer
    mkdir circuits
    data=$BATS_TEST_DIRNAME/../data/chain-5
    ln -s "$data/circuit.zkey" circuits/chain-5.zkey
    expect 0 provost-prover prove "$data/circuit.zkey" "$data/witness.wtns" p.json u.json
    [[ $output != *GPU* && $output != *CUDA* && $output != *NVIDIA* ]]
    expect 0 provost-prover prove -v "$data/circuit.zkey" "$data/witness.wtns" p.json u.json
    [ -z "$output" ] || [[ $output == *": proving on the CPU" ]]
    prover_start p1 --queue outer --circuits circuits
    grep -q 'name=cuda' "$CLUSTER/prover-p1.log" || [ "$(grep -c 'proving on the CPU' "$CLUSTER/prover-p1.log")" = 1 ]
}
