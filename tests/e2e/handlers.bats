# Handlers that are programs, as an operator meets them: what a mistake is told, and what provost-prover handlers shows.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    chmod 755 . # whoever the programs run as has to get at them
    cluster_init
    export PROVOST_PROVER_ALLOW_CODE=yes
    mkdir handlers
    user=
    [ "$(id -u)" != 0 ] || user="run_as: nobody"
    handler cat "command: [/bin/cat]" "input: stdin" "result: stdout"
}

teardown() {
    cluster_end
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

@test "--check-config tells what is wrong with a handler, and leaves nothing behind" {
    before=$(ls /tmp | grep -c provost-work || true)
    node_checked 0 ok --queue q:cat
    handler shell "command: /bin/cat -u" "input: stdin" "result: stdout"
    node_checked 2 'no shell reads it' --queue q:shell
    node_checked 2 'handlers/shell.yaml: command: expected a list, found text (line: 1)' --queue q:shell --queue r:cat
    handler unknown "command: [/bin/cat]" "inputs: stdin" "result: stdout"
    node_checked 2 'unknown key "inputs" (line: 2)' --queue q:unknown
    handler lost "command: [/nowhere/cat]" "input: stdin" "result: stdout"
    node_checked 2 '/nowhere/cat: No such file or directory (line: 1)' --queue q:lost
    cp /bin/cat theirs
    chmod 777 theirs
    handler theirs "command: [$PWD/theirs]" "input: stdin" "result: stdout"
    node_checked 2 "theirs is writable by others" --queue q:theirs
    chmod 644 theirs
    node_checked 2 "theirs cannot be executed" --queue q:theirs
    handler other "command: [/bin/cat]" "input: stdin" "result: stdout" "version: [/bin/cat, --version]" 'version_has: "plan 9"'
    node_checked 2 'another version: "cat (GNU coreutils)' --queue q:other
    node_checked 2 'there is no such file in the folder' --queue q:missing
    node_checked 1 'nowhere: No such file' --queue q:cat --handlers nowhere
    expect 2 provost-prover run --check-config --insecure --broker tcp://127.0.0.1:7070 --queue q:cat
    [[ $output == *'unknown handler "cat"'* ]]
    [ "$(ls /tmp | grep -c provost-work || true)" = "$before" ]
    # a bad handler that no queue is bound to is a warning
    node_checked 0 ok --queue q:cat
    [[ $output == *"WARN handler.unusable handler=lost"* ]]
}

@test "no program is run without allow_code" {
    handler cat "command: [/bin/cat]" "input: stdin" "result: stdout"
    unset PROVOST_PROVER_ALLOW_CODE
    node_checked 2 'handlers: no program is run without allow_code: yes' --queue q:cat
    expect 2 provost-prover handlers --handlers handlers
    expect 2 provost-prover run --insecure --broker tcp://127.0.0.1:7070 --handlers handlers --queue q:cat
    node_checked 0 ok --queue q:cat --allow-code
}

@test "with no queue that can be served a start is refused with 2" {
    handler lost "command: [/nowhere/cat]" "input: stdin" "result: stdout"
    expect 2 provost-prover run --insecure --broker tcp://127.0.0.1:7070 --handlers handlers --queue q:lost
    [[ $output == *"no queue can be served: queue q: handler lost: handlers/lost.yaml: command: /nowhere/cat"* ]]
}

@test "provost-prover handlers lists and checks each" {
    handler lost "command: [/nowhere/cat]" "input: stdin" "result: stdout"
    echo "an input" >input
    handler tested "command: [/bin/cat]" "input: stdin" "result: stdout" "version: [/bin/cat, --version]" "selftest: $PWD/input"
    expect 2 provost-prover handlers --handlers handlers --selftest
    [[ $output == *"cat "*"ok"*"/bin/cat"* ]]
    [[ $output == *"lost "*"unusable"*"/nowhere/cat: No such file"* ]]
    [[ $output == *"tested "*"ok"*"coreutils"*"self-test: 9 bytes in "* ]]
    rm handlers/lost.yaml
    expect 0 provost-prover handlers --handlers handlers -o json
    provost-prover handlers --handlers handlers 3>&- 4>&- | grep -q '^cat  *ok ' # with every low descriptor free
    [ "$(provost-prover handlers --handlers handlers -o json | json '[h["handler"] for h in d["handlers"] if h["usable"]]')" = "['echo', 'groth16', 'cat', 'tested']" ]
    handler failing "command: [/bin/false]" "input: stdin" "result: stdout" "selftest: $PWD/input"
    expect 2 provost-prover handlers --handlers handlers --selftest
    [[ $output == *"selftest: failing: exit status 1"* ]]
    expect 1 provost-prover handlers --handlers nowhere
}

@test "fewer slots where there are too few descriptors for as many programs" {
    broker_start --queue cat --heartbeat-ms 500 --lease-ms 2000
    ulimit -n 120
    prover_start p1 --handlers handlers --queue cat:cat --slots 16
    grep -q 'WARN prover.descriptors slots=[2-4] slots_wanted=16 ' "$CLUSTER/prover-p1.log"
    echo x >input
    for i in 1 2 3 4 5 6 7 8; do provost task submit --queue cat --circuit any input; done >ids
    for id in $(cat ids); do expect 0 provost task wait "$id" result; done
    ! grep task.failed "$CLUSTER/prover-p1.log"
}

@test "a task goes through a program, with its counters at the end" {
    broker_start --queue cat --heartbeat-ms 500 --lease-ms 2000
    prover_start p1 --handlers handlers --queue cat:cat
    head -c 300000 /dev/urandom >input
    id=$(provost task submit --queue cat --circuit any input)
    expect 0 provost task wait "$id" result
    cmp input result
    kill -HUP "$PROVER_PID"
    poll 10 grep -q 'handler.counters handler=cat started=1 succeeded=1 ' "$CLUSTER/prover-p1.log"
    stop "$PROVER_PID"
    grep -q 'handler.counters handler=cat started=1 succeeded=1 failed=0 permanent=0 resource=0 stopped=0 running=0 .* bytes_in=300000 bytes_out=300000' "$CLUSTER/prover-p1.log"
    [ -z "$(ls "$CLUSTER/spool-p1/work")" ]
}
