# The whole chain with real circuits: witness in, verified proof.json and public.json out, as snarkjs lays them out.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    data=$BATS_TEST_DIRNAME/../data
    cluster_init
    broker_start --queue outer --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200
    export PROVOST_QUEUE=outer
    # A folder of its own: the node remembers there which keys it has checked.
    mkdir circuits
    for name in chain-5 member; do ln -s "$data/$name/circuit.zkey" "circuits/$name.zkey"; done
}

teardown() {
    cluster_end
}

@test "a witness is proved, verified here and by the one-shot verifier, and the task is acknowledged" {
    prover_start p1 --queue outer --circuits circuits
    for name in chain-5 member; do
        expect 0 provost prove --circuit $name --vkey "$data/$name/vkey.json" "$data/$name/witness.wtns" proof.json public.json
        [[ $output == *verified* ]]
        cmp public.json "$data/$name/public.json"
        expect 0 provost-prover verify "$data/$name/vkey.json" public.json proof.json
    done
    # Fresh blinding: never the same proof twice.
    cp proof.json first.json
    expect 0 provost prove --circuit member "$data/member/witness.wtns" proof.json public.json
    run cmp proof.json first.json
    [ "$status" = 1 ]
}

@test "a witness that does not satisfy the circuit is 8, a wrong key for the proof 9, and nothing is written" {
    prover_start p1 --queue outer --circuits circuits
    # The last byte of the last value: another number in the witness.
    cp "$data/chain-5/witness.wtns" bad.wtns
    size=$(stat -c %s bad.wtns)
    printf '\1' | dd of=bad.wtns bs=1 seek=$((size - 32)) conv=notrunc status=none
    ! cmp -s bad.wtns "$data/chain-5/witness.wtns" || printf '\2' | dd of=bad.wtns bs=1 seek=$((size - 32)) conv=notrunc status=none
    expect 8 provost prove --circuit chain-5 bad.wtns proof.json public.json
    [ ! -e proof.json ]
    # A witness of another circuit.
    expect 8 provost prove --circuit chain-5 "$data/member/witness.wtns" proof.json public.json
    [ ! -e proof.json ]
    expect 9 provost prove --circuit chain-5 --vkey "$data/member/vkey.json" "$data/chain-5/witness.wtns" proof.json public.json
    [ ! -e proof.json ]
    [ "$(provost prover ls -o json | json 'd["rows"][0]["live"]')" = True ]
}

@test "a task waits for a prover that has its circuit, and several clients share one" {
    id=$(provost task submit --circuit chain-5 "$data/chain-5/witness.wtns")
    [ "$(provost task show "$id" -o json | json 'd["unservable"]')" = True ]
    prover_start p1 --queue outer --circuits circuits
    expect 0 provost task wait "$id" --vkey "$data/chain-5/vkey.json" proof.json public.json
    cmp public.json "$data/chain-5/public.json"
    pids=""
    for i in 1 2 3 4; do
        provost prove --circuit chain-5 --vkey "$data/chain-5/vkey.json" "$data/chain-5/witness.wtns" "p$i" "s$i" 2>"err$i" 3>&- &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid"; done
    for i in 1 2 3 4; do cmp "s$i" "$data/chain-5/public.json"; done
}

@test "the broker is killed while a proof is waited for, and the files are there all the same" {
    provost prove --circuit member --vkey "$data/member/vkey.json" --id 0123456789abcdef0123456789abcdef \
        "$data/member/witness.wtns" proof.json public.json 2>err 3>&- &
    waiting=$!
    poll 20 task_is 0123456789abcdef0123456789abcdef queued
    kill -9 "$BROKER_PID"
    wait "$BROKER_PID" 2>/dev/null || true
    broker_start --queue outer --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200
    prover_start p1 --queue outer --circuits circuits
    rc=0; wait $waiting || rc=$?
    [ $rc = 0 ] || { cat err; false; }
    expect 0 provost-prover verify "$data/member/vkey.json" public.json proof.json
}

@test "results go where they are wanted: stdout, links, other names of a file; modes stay" {
    prover_start p1 --queue outer --circuits circuits
    local witness=$data/chain-5/witness.wtns vkey=$data/chain-5/vkey.json
    ln -s /proc/self/fd/1 stdout
    echo old >a && chmod 604 a && ln -s a link
    echo older >b && ln b b2
    provost prove --circuit chain-5 -o json "$witness" - public.json >proof.json 2>err
    [ ! -e - ]
    expect 0 provost-prover verify "$vkey" public.json proof.json # the proof alone is on stdout
    [ "$(json 'd["state"]' <err)" = succeeded ]
    id=$(json 'd["task"]' <err)
    provost task fetch "$id" stdout public.json >proof.json
    [ -L stdout ]
    expect 0 provost-prover verify "$vkey" public.json proof.json
    expect 0 provost task fetch "$id" link b
    [ -L link ] && [ "$(stat -c %a a)" = 604 ]
    expect 0 provost-prover verify "$vkey" b2 a
    expect 0 provost-prover verify "$vkey" <(cat b2) <(cat a)
    # Files that docker mounts cannot be renamed over.
    if unshare -m true 2>/dev/null; then
        touch h1 h2 m1 m2
        expect 0 unshare -m bash -c "mount --bind h1 m1 && mount --bind h2 m2 && provost task fetch $id m1 m2"
        expect 0 provost-prover verify "$vkey" h2 h1
    fi
}

@test "a full disk: nothing half written, and the result can still be fetched" {
    prover_start p1 --queue outer --circuits circuits
    id=0123456789abcdef0123456789abcdef
    # A limit on the size of files stands for the full disk.
    run bash -c "ulimit -f 0; provost prove --circuit chain-5 --id $id '$data/chain-5/witness.wtns' proof.json public.json"
    [ "$status" = 1 ]
    [ -z "$(ls proof.json* public.json* 2>/dev/null)" ]
    expect 0 provost task fetch $id proof.json public.json --vkey "$data/chain-5/vkey.json"
    cmp public.json "$data/chain-5/public.json"
}
