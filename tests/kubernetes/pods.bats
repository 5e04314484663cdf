# The settings that deploy/kubernetes gives broker and prover, and how its pods end, with the programs themselves.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR" || exit
    cluster_init
    base=$BATS_TEST_DIRNAME/../../deploy/kubernetes/base
}

teardown() {
    cluster_end
}

# here FILE: with the pod's folders in this one
here() {
    sed "s|/keys/|$PWD/keys/|; s|/circuits|$BATS_TEST_DIRNAME/../data|; s|/var/lib/provost|$PWD/state|" "$base/$1"
}

@test "the settings in the config maps are ones that the programs take" {
    unset PROVOST_INSECURE
    mkdir keys
    for name in broker node worker; do provost key gen "keys/$name" >/dev/null; done
    mv keys/broker.pub keys/broker.pub.kept && mv keys/broker.pub.kept keys/broker.pub
    printf 'keys:\n  - name: node\n    key: "%s"\n    roles: [prover]\n' "$(provost key show keys/node)" >keys/authorized_keys.yaml
    (umask 077; head -c 24 /dev/urandom | base64 >keys/read.token)
    chmod 400 keys/*
    here broker.conf.yaml >broker.yaml
    expect 0 provost-broker --config broker.yaml --check-config
    here prover.conf.yaml >prover.yaml
    expect 0 provost-prover run --config prover.yaml --check-config
    # As a secret's files are: its group may read them.
    chmod 440 keys/broker
    expect 4 provost-broker --config broker.yaml --check-config
}

# pod: a node as process 1 of a namespace of its own, as in a container; POD is its id here.
pod() {
    unshare --pid --fork --mount-proc --kill-child "$PV_BUILD/prover/provost-prover" run --name pod --queue echo:echo --grace-s 20 \
        --state "$PWD/pod-state" >pod.log 2>&1 3>&- &
    UNSHARE=$!
    poll 20 prover_is_live pod
    POD=$(pgrep -P "$UNSHARE")
}

@test "preStop drains: what runs is finished, and the hook ends with the node" {
    unshare --pid --fork --mount-proc true 2>/dev/null || skip "no process namespaces here"
    broker_start --queue echo
    pod
    printf '{"sleep_ms": 2000}' >order
    id=$(provost task submit order --queue echo --circuit any)
    poll 20 task_is "$id" running
    command=$(python3 -c 'import sys; print(next(l for l in open(sys.argv[1]) if "kill -TERM 1" in l).split("\"-c\", \"")[1].split("\"]")[0])' "$base/prover.yaml")
    # In a container the hook's shell ends with process 1, whose end takes the namespace away: 137 then.
    run timeout 20 nsenter --target "$POD" --pid --mount sh -c "$command"
    [ "$status" = 0 ] || [ "$status" = 137 ]
    poll 5 task_is "$id" succeeded
    grep -q prover.ended pod.log
    [ "$(provost task show "$id" -o json | json 'd["attempts"]')" = 1 ]
}
