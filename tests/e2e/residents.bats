# Handlers that are programs that stay, as an operator meets them.
load ../support/drill/cluster

setup() {
    where=$(mktemp -d /tmp/residents-XXXXXX) # whoever the programs run as has to get at them
    chmod 755 "$where"
    cd "$where"
    cluster_init
    export PROVOST_PROVER_ALLOW_CODE=yes
    mkdir handlers
    user=
    [ "$(id -u)" != 0 ] || user="run_as: nobody"
    cp "$PV_BUILD/tests/ill_resident" ill
    ill="mode: persistent"$'\n'"command: [$PWD/ill"
}

teardown() {
    cluster_end
    rm -rf "$where"
}

# handler NAME LINE...: its file
handler() {
    local name=$1
    shift
    printf '%s\n' "$@" $'\n' "$user" >"handlers/$name.yaml"
}

# node_checked STATUS SENTENCE [OPTION...]: --check-config ends so and says that.
node_checked() {
    local status=$1 sentence=$2
    shift 2
    expect "$status" provost-prover run --check-config --insecure --broker tcp://127.0.0.1:7070 --handlers handlers "$@"
    [[ $output == *"$sentence"* ]] || { echo "$output"; return 1; }
}

# solved QUEUE INPUT: what a task with that input gives.
solved() {
    printf '%s' "$2" >input
    id=$(provost task submit --queue "$1" --circuit any input)
    expect 0 provost task wait "$id" result
    cat result
}

@test "--check-config starts a program that stays, and tells what is wrong with it" {
    before=$(ls /tmp | grep -c provost-work || true)
    mkdir -m 777 starts
    handler good "mode: persistent" "sandbox: none" "instances: 8" "command: [/bin/sh, -c, \"mktemp $PWD/starts/XXXXXX; exec $PWD/ill good\"]"
    node_checked 2 'is something else written to its stdout?' --queue q:good
    handler good "mode: persistent" "sandbox: none" "instances: 8" "command: [/bin/sh, -c, \"mktemp $PWD/starts/XXXXXX >&2; exec $PWD/ill good\"]"
    rm -r starts/*
    node_checked 0 ok --queue q:good
    [ "$(ls starts | wc -l)" = 1 ] # keys may be large: a check reads them once
    handler good "$ill, good]"
    handler bad "$ill, refuse]"
    node_checked 2 'queue q: handler bad: handlers/bad.yaml: no keys here' --queue q:bad
    handler bad "$ill, version]"
    node_checked 2 'it speaks version 9 of the frames, and this node version 1' --queue q:bad
    handler bad "$ill, dies]"
    node_checked 2 'it ended with exit status 3' --queue q:bad --queue r:good
    handler bad "$ill, noise]"
    node_checked 2 'is something else written to its stdout?' --queue q:bad
    handler bad "$ill, mute]" "ready_limit: 300ms" "grace: 0"
    node_checked 2 'it was not ready within ready_limit' --queue q:bad
    handler bad "mode: persistent" "command: [/bin/true]"
    node_checked 2 'it ended with exit status 0' --queue q:bad
    handler bad "$ill, good]" "result: file"
    node_checked 2 'result: a program that stays says that in frames, and has no such setting (line: 3)' --queue q:bad
    handler bad "$ill, \"{input}\"]"
    node_checked 2 'has {input}: a program that stays is started before there is a task' --queue q:bad
    handler bad "command: [/bin/cat]" "input: stdin" "result: stdout" "instances: 2"
    node_checked 2 'instances: only of a program that stays' --queue q:bad
    [ "$(ls /tmp | grep -c provost-work || true)" = "$before" ]
}

@test "provost-prover handlers starts each, and runs its self-test" {
    echo "an input" >input
    handler good "$ill, circuits]" "selftest: $PWD/input" "selftest_circuit: member"
    handler bad "$ill, refuse]"
    expect 2 provost-prover handlers --handlers handlers --selftest
    [[ $output == *"good "*"ok"*"ill 1.0"*"/ill; self-test: 9 bytes in "* ]]
    [[ $output == *"bad "*"unusable"*"no keys here"* ]]
    [ "$(provost-prover handlers --handlers handlers -o json | json '[h["mode"] for h in d["handlers"]]')" = "['node', 'node', 'persistent', 'persistent']" ]
    ! pgrep -f "$PWD/ill "
}

@test "tasks go through one process, which goes with its node" {
    handler good "$ill, good]"
    handler bad "$ill, refuse]"
    broker_start --queue good --queue bad --heartbeat-ms 500 --lease-ms 2000
    prover_start p1 --handlers handlers --queue good:good,bad:bad
    grep -q 'queue.unserved queue=bad handler=bad .*no keys here' "$CLUSTER/prover-p1.log"
    for i in 1 2 3; do [ "$(solved good count)" = $i ]; done
    [ "$(pgrep -cf "$PWD/ill ")" = 1 ]
    stop "$PROVER_PID"
    ! pgrep -f "$PWD/ill "
    [ -z "$(ls "$CLUSTER/spool-p1/work")" ]
    grep -q 'handler.counters handler=good started=3 succeeded=3 failed=0 ' "$CLUSTER/prover-p1.log"
}

@test "a node without a queue that can be served does not start" {
    handler bad "$ill, refuse]"
    expect 2 provost-prover run --insecure --broker tcp://127.0.0.1:7070 --handlers handlers --queue q:bad
    [[ $output == *"no queue can be served: queue q: handler bad: handlers/bad.yaml: no keys here"* ]]
}

@test "a program left alone after deaths in a row is told, its queue not offered for, and the others served" {
    handler ill "$ill, good]" "quarantine: 4s"
    handler cat "command: [/bin/cat]" "input: stdin" "result: stdout"
    broker_start --queue ill --queue cat --heartbeat-ms 500 --lease-ms 2000
    prover_start p1 --handlers handlers --queue ill:ill,cat:cat
    printf crash >input
    id=$(provost task submit --queue ill --circuit any input)
    for i in 1 2; do
        poll 10 eval '[ "$(grep -c "task.failed" "$CLUSTER/prover-p1.log")" -ge '$i' ]'
        [ "$(solved cat fine)" = fine ]
    done
    poll 10 grep -q handler.quarantined "$CLUSTER/prover-p1.log"
    provost task cancel "$id"
    poll 10 eval 'provost prover show p1 | grep -q "queue ill:ill.*left alone after deaths in a row"'
    printf 'echo later' >input
    id=$(provost task submit --queue ill --circuit any input)
    [ "$(solved cat still)" = still ]
    [ "$(provost task show "$id" -o json | json 'd["state"]')" = queued ]
    poll 20 grep -q handler.back "$CLUSTER/prover-p1.log"
    expect 0 provost task wait "$id" result
    [ "$(cat result)" = later ]
    poll 10 eval '! provost prover show p1 | grep -q "left alone"'
}

@test "a task that runs on while its program is left alone is finished" {
    handler ill "$ill, good]" "quarantine: 30s" "instances: 2"
    broker_start --queue ill --heartbeat-ms 500 --lease-ms 2000
    prover_start p1 --handlers handlers --queue ill:ill --slots 2
    printf 'sleep 6000' >input
    long=$(provost task submit --queue ill --circuit any input)
    poll 10 eval '[ "$(provost task show "$long" -o json | json "d[\"state\"]")" = running ]'
    for i in 1 2 3; do
        printf crash >input
        id=$(provost task submit --queue ill --circuit any input)
        poll 10 eval '[ "$(grep -c "task.failed" "$CLUSTER/prover-p1.log")" -ge '$i' ]'
        provost task cancel "$id" || true
    done
    poll 10 grep -q handler.quarantined "$CLUSTER/prover-p1.log"
    poll 10 eval 'provost prover show p1 | grep -q "left alone after deaths in a row"'
    [ "$(provost task show "$long" -o json | json 'd["state"]')" = running ]
    expect 0 provost task wait "$long" result
    [ "$(cat result)" = slept ]
    [ "$(grep -c "task.offered task=$long" "$CLUSTER/prover-p1.log")" = 1 ]
}
