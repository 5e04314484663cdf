# What three programs decide from the same text: is a switch on, does an endpoint stay on this machine. Each had its own reader
# once, and PROVOST_INSECURE=no switched insecure on in provost.
load ../support/drill/cluster

setup() {
    unset PROVOST_BROKER PROVOST_INSECURE PROVOST_QUEUE PROVOST_CIRCUIT PROVOST_KEY PROVOST_SERVER_KEY
    cd "$BATS_TEST_TMPDIR"
    nobody=tcp://127.0.0.1:1
}

# The programs with what `insecure` decides about, in the form: works without keys, or is refused because keys are missing.
broker() {
    provost-broker --check-config "$@"
}

node() {
    provost-prover run --check-config --queue echo:echo "$@"
}

# Nobody listens there: 5 means that it tried.
client() {
    local status=0
    provost queue ls --connect-timeout 100ms "$@" || status=$?
    [ $status != 5 ] || return 0
    return $status
}

@test "PROVOST_INSECURE is read alike by broker, prover and client" {
    for program in broker "node --broker $nobody" "client --broker $nobody"; do
        for word in yes true on 1; do
            echo "$program: $word"
            PROVOST_INSECURE=$word expect 0 $program
        done
        for word in no false off 0; do
            echo "$program: $word"
            PROVOST_INSECURE=$word expect 2 $program
            [[ $output != *"yes or no"* ]] # refused because keys are missing, not because of the word
        done
        PROVOST_INSECURE='' expect 2 $program # never on
    done
}

@test "any other word in PROVOST_INSECURE is refused, and the variable is named" {
    for program in broker "node --broker $nobody" "client --broker $nobody"; do
        for word in maybe YES y 2 "on " -1; do
            echo "$program: $word"
            PROVOST_INSECURE=$word expect 2 $program
            [[ $output == *"PROVOST_INSECURE: not yes or no"*"\"$word\""* ]]
        done
    done
}

@test "a switch in a file is read as in the environment, and a wrong one is named with its line" {
    for program in broker "node --broker $nobody"; do
        for word in yes true on 1; do
            printf 'log: text\ninsecure: %s\n' "$word" >file.yaml
            expect 0 $program --config file.yaml
        done
        for word in no false off 0; do
            printf 'log: text\ninsecure: %s\n' "$word" >file.yaml
            expect 2 $program --config file.yaml
            [[ $output != *"yes or no"* ]]
        done
        printf 'log: text\ninsecure: maybe\n' >file.yaml
        expect 2 $program --config file.yaml
        [[ $output == *"file.yaml: insecure: not yes or no"*"\"maybe\""*"line: 2"* ]]
    done
}

@test "broker, prover and client agree on what stays on this machine" {
    for here in tcp://127.0.0.1:1 tcp://127.0.0.2:1 tcp://localhost:1 'tcp://[::1]:1' ipc://nobody; do
        echo "$here"
        expect 0 broker --insecure --bind "$here"
        expect 0 node --insecure --broker "$here"
        expect 0 client --insecure --broker "$here"
    done
    for there in tcp://192.0.2.1:1 tcp://localhost.example.org:1 tcp://127.evil.com:1 tcp://127.0.0.1.example.org:1 \
        'tcp://127.0.0.1:0;192.0.2.1:1' 'tcp://[::]:1'; do
        echo "$there"
        expect 2 broker --insecure --bind "$there"
        [[ $output == *loopback* ]]
        expect 2 node --insecure --broker "$there"
        expect 2 client --insecure --broker "$there"
    done
    expect 2 broker --insecure --bind "$nobody,tcp://192.0.2.1:1"
}
