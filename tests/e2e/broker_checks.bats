# What a start of the broker looks at besides its settings, each with its status and its sentence, and that nothing is changed by it.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    unset PROVOST_INSECURE PROVOST_BROKER
}

# refused STATUS WORDS OPTION ...
refused() {
    local status_wanted=$1 words=$2
    shift 2
    run provost-broker --check-config "$@"
    [ "$status" = "$status_wanted" ] && [[ $output == *"$words"* ]] || { echo "$*: $status $output"; false; }
}

@test "each thing that a start would find wrong is told" {
    touch file
    provost key gen own.key >/dev/null
    echo 'keys: []' >keys.yaml
    refused 2 'bind: tcp://203.0.113.7:7070: ' --bind tcp://203.0.113.7:7070 --key own.key --authorized-keys keys.yaml
    refused 2 'bind: without keys' --insecure --bind udp://127.0.0.1:7070 --state state
    refused 1 'port_file: nowhere/port: No such file or directory' --insecure --state state --port-file nowhere/port
    refused 2 'http: ' --insecure --state state --http nothing
    refused 1 'file: Not a directory' --insecure --state file
    refused 4 'none.key: No such file or directory' --key none.key --authorized-keys keys.yaml --state state
    echo 'keys: [{}]' >keys.yaml
    refused 4 'keys.yaml: ' --key own.key --authorized-keys keys.yaml --state state
    [ ! -e state ]
}

@test "what a start would take is ok, and is left as it is" {
    run provost-broker --check-config --insecure --queue outer --bind 'tcp://127.0.0.1:7070' --state state --http 127.0.0.1:0 --port-file port
    [ "$status" = 0 ] && [[ $output == *ok ]] || { echo "$status $output"; false; }
    [ ! -e state ] && [ ! -e port ]
}

@test "there are 256 queues and no more" {
    local flags=()
    for i in $(seq 256); do flags+=(--queue "q$i"); done
    run provost-broker --check-config --insecure --state state "${flags[@]}"
    [ "$status" = 0 ] || { echo "$status $output"; false; }
    run provost-broker --check-config --insecure --state state "${flags[@]}" --queue one-more
    [ "$status" = 2 ] && [[ $output == *"more than 256 queues"* ]] || { echo "$status $output"; false; }
}
