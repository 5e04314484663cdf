# What deploy/ gives an operator to begin with is taken by the programs as it is, and a mistake in it is told before a start.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    samples=$BATS_TEST_DIRNAME/../../deploy/config
    mkdir etc
    for file in broker.yaml prover.yaml authorized_keys.yaml; do
        sed "s|/etc/provost|$PWD/etc|; s|/var/lib|$PWD|; s|/srv/provost/circuits|$BATS_TEST_DIRNAME/../data|" "$samples/$file" >"etc/$file"
    done
    provost key gen etc/broker.key >/dev/null
    provost key gen etc/node.key >/dev/null
    cp etc/broker.key.pub etc/broker.pub
    unset PROVOST_INSECURE PROVOST_BROKER
}

check_broker() {
    provost-broker --config etc/broker.yaml --check-config
}

@test "the samples are settings that can be used" {
    expect 0 check_broker
    [ "$output" = ok ]
    expect 0 provost-prover run --config etc/prover.yaml --check-config
    expect 0 provost-broker --config etc/broker.yaml --print-config
    # Every setting the sample names comes from the file.
    for setting in bind key authorized_keys state http payload_max disk_reserve queued_tasks; do
        [[ $output == *"$setting: "*"# file"* ]]
    done
}

@test "--check-config reads the keys too, and says which file and what" {
    chmod 644 etc/broker.key
    expect 4 check_broker
    [[ $output == *"etc/broker.key: others may read it"* ]]
    chmod 600 etc/broker.key
    sed -i 's/roles: \[prover\]/roles: [emperor]/' etc/authorized_keys.yaml
    expect 4 check_broker
    [[ $output == *line* ]]
    rm etc/authorized_keys.yaml
    expect 4 check_broker
    [[ $output == *authorized_keys.yaml* ]]
    echo "queu: x" >>etc/broker.yaml
    expect 2 check_broker
    [[ $output == *queu*line* ]]
    expect 2 provost-prover run --config etc/broker.yaml --check-config
}

@test "without keys the sample is refused, and so is a broker without keys outside loopback" {
    rm etc/broker.key
    expect 4 check_broker
    expect 2 provost-broker --insecure --bind 'tcp://0.0.0.0:7070' --check-config
    expect 0 provost-broker --insecure --bind 'tcp://127.0.0.1:7070' --check-config
}
