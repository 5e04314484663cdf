# A state folder is backed up while the broker works, and restored under peers that have seen later starts.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    usual=(--queue echo --queue idle --heartbeat-ms 300 --lease-ms 1200 --grace-ms 200)
    broker_start "${usual[@]}"
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
}

teardown() {
    cluster_end
}

backup() {
    provost-broker backup "$1" --state "$CLUSTER/state"
}

broker_killed() {
    kill -9 "$BROKER_PID"
    wait "$BROKER_PID" 2>/dev/null || true
}

restored() {
    rm -rf "$CLUSTER/state"
    expect 0 provost-broker restore "$@" --state "$CLUSTER/state"
    broker_start "${usual[@]}"
}

@test "backup beside a working broker, restore under peers that have seen later starts: all is there, nobody refuses" {
    prover_start p1 --queue echo:echo
    echo small >small
    head -c 300000 /dev/urandom >large
    done=$(provost task submit large)
    expect 0 provost task wait "$done" --timeout 20s
    for i in 1 2 3; do waiting[i]=$(provost task submit --queue idle $([ "$i" = 2 ] && echo large || echo small)); done
    expect 0 backup b
    [[ $output == *"4 tasks and 1 large payloads"*"1 payloads new"* ]]
    [ "$(stat -c %a b b/provost.db b/blobs/* | sort -u | xargs)" = "600 700" ]
    after=$(provost task submit --queue idle large)
    # The peers see three starts more than the backup has.
    for i in 1 2 3; do
        broker_killed
        broker_start "${usual[@]}"
        poll 20 prover_is_live p1
    done
    broker_killed
    restored b
    poll 20 prover_is_live p1
    for i in 1 2 3; do task_is "${waiting[i]}" queued; done
    expect 3 provost task show "$after"
    expect 0 provost task fetch "$done" out
    cmp out large
    id=$(provost task submit large)
    expect 0 provost task wait "$id" --timeout 20s
    [ "$(grep -c stale-broker "$CLUSTER"/prover-p1.log)" = 0 ]
    [ "$(tail -n +1 "$CLUSTER/broker.log" | grep -c epoch.behind)" = 0 ]
    expect 0 provost check
}

@test "a second backup into the folder adds what is new and drops what is gone, and a broken one leaves the first" {
    head -c 300000 /dev/urandom >one
    head -c 400000 /dev/urandom >two
    first=$(provost task submit --queue idle one)
    expect 0 backup b
    provost task submit --queue idle two
    provost task cancel "$first"
    expect 0 backup b
    [[ $output == *"2 tasks and "*"1 payloads new"* ]]
    [ -e "b/blobs/$(sha256sum two | cut -c-64)" ]
    # Elsewhere: another file system, so that payloads are copied.
    if [ -d /dev/shm ] && [ "$(stat -c %d /dev/shm)" != "$(stat -c %d .)" ]; then
        far=$(mktemp -d /dev/shm/provost-backup-XXXXXX)
        expect 0 backup "$far/b"
        cmp "$far/b/blobs/$(sha256sum two | cut -c-64)" two
        [ ! -e "$CLUSTER/state/backup-pins" ]
        rm -rf "$far"
    fi
    before=$(sha256sum b/provost.db)
    run bash -c "ulimit -f 1; provost-broker backup b --state $CLUSTER/state" # no file above 1 KiB: the disk is full
    [ "$status" != 0 ]
    [ "$(sha256sum b/provost.db)" = "$before" ]
    [ ! -e b/provost.db.new ]
    expect 0 provost-broker restore b --state again
}

@test "what is refused, with a sentence" {
    mkdir full && touch full/x
    expect 2 backup full
    [[ $output == *"not empty, and no backup of this state folder"* ]]
    expect 2 backup "$CLUSTER/state"
    [[ $output == *"it is a state folder"* ]]
    expect 3 provost-broker backup b --state nowhere
    expect 0 backup b
    expect 2 provost-broker restore b --state full
    [[ $output == *"it is not empty"* ]]
    expect 2 provost-broker restore b --state "$CLUSTER/state"
    expect 2 provost-broker restore "$CLUSTER/state" --state new
    [[ $output == *"a state folder, not a backup"* ]]
    [ ! -e new ]
    expect 3 provost-broker restore nothing --state new
    expect 2 provost-broker backup
    [[ $output == *"which folder?"* ]]
    expect 2 provost-broker backup a b
    # Another broker's backup.
    PROVOST_BROKER='' provost-broker --insecure --bind 'tcp://127.0.0.1:*' --state other --queue q >>other.log 2>&1 3>&- &
    other=$!
    poll 20 test -s other/provost.db
    poll 20 grep -q broker.listening other.log
    expect 2 provost-broker backup b --state other
    stop "$other"
    # A restore that did not end: no broker starts there, and the next restore goes on.
    expect 0 provost-broker restore b --state half
    touch half/RESTORING
    run provost-broker --insecure --bind 'tcp://127.0.0.1:*' --state half --queue q
    [ "$status" = 1 ]
    [[ $output == *"a restore has not ended"* ]]
    expect 1 provost-broker --check-config --insecure --bind 'tcp://127.0.0.1:*' --state half --queue q
    expect 0 provost-broker restore b --state half
    [ ! -e half/RESTORING ]
    # Damaged.
    head -c 200000 /dev/urandom | dd of=b/provost.db bs=1 seek=8192 conv=notrunc status=none
    expect 1 provost-broker restore b --state new
}

@test "payloads that a backup lost, or that are damaged in it, are told, and their tasks end DEAD" {
    for name in whole gone bent; do
        head -c 300000 /dev/urandom >$name
        provost task submit --queue idle $name
    done
    expect 0 backup b
    rm "b/blobs/$(sha256sum gone | cut -c-64)"
    printf x | dd of="b/blobs/$(sha256sum bent | cut -c-64)" bs=1 seek=100 conv=notrunc status=none
    broker_killed
    restored b
    [[ $output == *"1 payloads are not in the backup"* ]]
    [[ $output == *"1 payloads are damaged in the backup"* ]]
    poll 20 dead_are 2
}

@test "a broker that was killed is backed up with its log, and nobody needs a key for it" {
    echo x >small
    id=$(provost task submit --queue idle small)
    broker_killed
    [ -s "$CLUSTER/state/provost.db-wal" ]
    log=$(sha256sum "$CLUSTER/state/provost.db-wal")
    (
        unset PROVOST_INSECURE
        expect 0 provost-broker backup b --state "$CLUSTER/state"
        [ "$(sha256sum "$CLUSTER/state/provost.db-wal")" = "$log" ]
        rm -rf "$CLUSTER/state"
        expect 0 provost-broker restore b --state "$CLUSTER/state"
        if [ "$(id -u)" = 0 ]; then # the folder is the service's, and root restores
            mkdir theirs && chown nobody theirs
            expect 0 provost-broker restore b --state theirs
            [ "$(stat -c %U theirs/* | sort -u)" = nobody ]
        fi
    )
    broker_start "${usual[@]}"
    task_is "$id" queued
}

dead_are() {
    [ "$(provost task ls --queue idle -o json | json '[r["state"] for r in d["rows"]].count("dead")')" = "$1" ]
}

@test "backups under load: each is whole" {
    prover_start p1 --queue echo:echo
    head -c 200000 /dev/urandom >large
    (for i in $(seq 60); do printf '%s' "$i" >>large && provost task submit large || true; done) >/dev/null 2>&1 3>&- &
    load=$!
    for i in 1 2 3 4 5; do
        expect 0 backup b
        [[ $output != *warning* ]]
        rm -rf again
        expect 0 provost-broker restore b --state again
        [[ $output != *warning* ]]
    done
    kill "$load" 2>/dev/null || true
    wait "$load" || true
}

@test "the tasks of a database are not in the state folder: backup and restore refuse, and say what to take instead" {
    for command in backup restore; do
        expect 2 provost-broker $command away --store postgresql://127.0.0.1:1/none --payloads "$PWD/payloads" --state "$PWD/none"
        [[ $output == *"$command: the tasks are in a database"*pg_dump*"payload folder (payloads)"* ]]
    done
    [ ! -e away ] && [ ! -e none ]
}
