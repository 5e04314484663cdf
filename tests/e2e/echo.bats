# Broker, prover and command line together, with the handler that echoes: the queue's promises as a user sees them.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    broker_start --queue echo --queue idle --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
}

teardown() {
    cluster_end
}

@test "a task goes through, and its result can be fetched again" {
    prover_start p1 --queue echo:echo
    echo "small" >small
    id=$(provost task submit small)
    expect 0 provost task wait "$id" result
    cmp small result
    expect 0 provost task fetch "$id" again
    cmp small again
    [ "$(provost task show "$id" -o json | json 'd["state"]')" = succeeded ]
    # Waiting alone takes nothing away; an echo is no proof.
    expect 0 provost task wait "$id"
    expect 9 provost task fetch "$id" proof.json public.json
    [ ! -e proof.json ]
}

@test "a result too large for one message comes whole, and the same id again is the same task" {
    prover_start p1 --queue echo:echo
    head -c 5000000 /dev/urandom >large
    id=00112233445566778899aabbccddeeff
    [ "$(provost task submit --id $id large)" = $id ]
    [ "$(provost task submit --id $id large)" = $id ]
    expect 0 provost task wait $id result
    cmp large result
    echo other >other
    expect 8 provost task submit --id $id other
    [[ $output == *conflict* ]]
}

@test "what the broker does not know is 3, what is cancelled 7, what is over in time 6" {
    echo x >x
    expect 3 provost task show 00000000000000000000000000000001
    expect 3 provost task wait 00000000000000000000000000000001
    expect 3 provost task submit -q nowhere x
    id=$(provost task submit -q idle x)
    expect 12 provost task wait "$id" --timeout 300ms # nobody serves the queue
    expect 1 provost task fetch "$id"
    expect 0 provost task cancel "$id"
    expect 7 provost task wait "$id"
    late=$(provost task submit -q idle --deadline 300ms x)
    poll 10 task_is "$late" expired
    expect 6 provost task wait "$late" --timeout 10s
    expect 0 provost task kick "$id"
    task_is "$id" queued
}

@test "an interrupted wait leaves the task running, or cancels it when told to" {
    # A witness by its first bytes is enough: nobody proves here.
    printf 'wtns\2\0\0\0\0\0\0\0' >w.wtns
    for flag in "" --cancel-on-interrupt; do
        id=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
        # Its own process group: a shell's background jobs ignore SIGINT otherwise.
        python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' \
            provost prove -q idle --id "$id" $flag w.wtns proof.json public.json 2>err 3>&- &
        pid=$!
        poll 10 task_is "$id" queued
        kill -INT $pid
        rc=0; wait $pid || rc=$?
        [ $rc = 130 ] || { cat err; false; }
        [ ! -e proof.json ]
        if [ -z "$flag" ]; then grep -q "$id" err; task_is "$id" queued
        else task_is "$id" cancelled; fi
    done
}

@test "an interrupt that the shell switched off stays off" {
    id=$(provost task submit -q idle <(echo x))
    provost task wait "$id" --timeout 3s 2>err 3>&- & # a background job: the shell ignores SIGINT for it
    pid=$!
    poll 10 grep -q provost "/proc/$pid/comm" # before, it is a shell that has not switched anything off yet
    while kill -INT $pid 2>/dev/null; do sleep 0.1; done
    rc=0; wait $pid || rc=$?
    [ $rc = 12 ] || { echo "exit $rc"; cat err; false; } # it waited its time out: nobody serves the queue
}

@test "queues are listed, paused, resumed and purged" {
    prover_start p1 --queue echo:echo
    expect 0 provost queue pause echo
    echo x >x
    a=$(provost task submit x)
    b=$(provost task submit x)
    [ "$(provost queue ls -o json | json 'next(r for r in d["rows"] if r["queue"] == "echo")["queued"]')" = 2 ]
    [ "$(provost task ls --queue echo -o json | json 'len(d["rows"])')" = 2 ]
    [ "$(provost task ls --state queued --limit 1 -o json | json 'len(d["rows"])')" = 1 ]
    [ "$(provost queue purge echo --dry-run -o json | json 'd["tasks"]')" = 2 ]
    task_is "$a" queued
    expect 0 provost task cancel "$a"
    expect 0 provost queue resume echo
    poll 10 task_is "$b" succeeded
    [ "$(provost queue purge echo --state succeeded --yes -o json | json 'd["counts"]["succeeded"]')" = 1 ]
    expect 3 provost queue show nowhere
    expect 0 provost queue show echo
    expect 3 provost queue pause nowhere
}

@test "tables are aligned, JSON has its schema, check knows the difference" {
    expect 3 provost check --queue nowhere
    expect 1 provost check --queue echo
    [[ $output == *"WARNING"*"no live prover"*"provers=0"* ]]
    prover_start p1 --queue echo:echo
    expect 0 provost check --queue echo
    [[ $output == *"PROVOST OK"*"provers=1"* ]]
    [ "$(provost status -o json | json 'd["schema"]')" = provost.status/1 ]
    [ "$(provost prover ls -o json | json 'd["schema"]')" = provost.provers/1 ]
    expect 0 provost prover ls
    [[ $output == PROVER*p1* ]]
    expect 0 provost top --times 2 --interval 50ms
    [ "$(grep -c ^SOFTWARE <<<"$output")" = 2 ]
    echo x >x
    for i in 1 2 3; do provost task submit -q idle x >/dev/null; done
    expect 2 provost check --queue idle --warning 2 --critical 100
    [[ $output == *"no live prover"* ]]
    expect 0 provost prover drain p1
    [ "$(provost prover ls -o json | json 'd["rows"][0]["draining"]')" = True ]
    expect 0 provost prover resume p1
    expect 3 provost prover drain nobody
}

@test "a broker killed and started again: waits go on, results arrive, nothing is lost" {
    prover_start p1 --queue echo:echo
    provost queue pause echo >/dev/null
    echo survivor >x
    id=$(provost task submit x)
    provost task wait "$id" result 2>wait.log 3>&- &
    waiting=$!
    kill -9 "$BROKER_PID"
    wait "$BROKER_PID" 2>/dev/null || true
    broker_start --queue echo --queue idle --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200
    [ "$(provost status -o json | json 'd["rows"][0]["epoch"]')" = 2 ]
    provost queue resume echo >/dev/null
    rc=0; wait $waiting || rc=$?
    [ $rc = 0 ] || { cat wait.log; false; }
    cmp x result
}

@test "a prover killed: another one takes its task" {
    prover_start p1 --queue echo:echo
    first=$PROVER_PID
    echo x >x
    id=$(provost task submit x)
    provost task wait "$id" one
    kill -9 "$first"
    id=$(provost task submit x)
    prover_start p2 --queue echo:echo
    expect 0 provost task wait "$id" two --timeout 30s
    cmp x two
}

@test "bench: every task comes back, and it is its own" {
    prover_start p1 --queue echo:echo --slots 4 --prefetch 4
    expect 0 provost bench --count 300 --inflight 32 -o json
    line=$(grep '^{' <<<"$output")
    [ "$(json '(d["tasks"], d["failed"], d["wrong"])' <<<"$line")" = "(300, 0, 0)" ]
}

@test "progress as JSON lines on stderr, data on stdout" {
    prover_start p1 --queue echo:echo
    printf 'wtns\2\0\0\0\0\0\0\0' >w.wtns
    run bash -c 'provost prove --progress json w.wtns proof.json public.json 2>err >out'
    [ "$status" = 9 ] # an echo is no proof: refused before anything is written
    [ ! -e proof.json ]
    grep '^{' err | head -n 1 | json 'd["schema"]' | grep -qx provost.progress/1
    [ ! -s out ]
}

@test "what is shown of others' words has no controls: of 8-bit terminals, of direction, of lines" {
    foul=$'bad\u009b2J\u202egnp\nline'
    expect 2 provost task wait "$foul"
    [[ $output == *'bad\u009b2J\u202egnp\u000aline'* ]]
}

@test "a proof of another statement is refused: prove compares its witness, wait and fetch what --public says" {
    # An echo of an old answer is a prover that replays it.
    prover_start p1 --queue echo:echo
    data=$BATS_TEST_DIRNAME/../data/chain-5
    printf '{"proof": %s, "public": %s}' "$(cat "$data/proof.json")" "$(cat "$data/public.json")" >old
    echo '["7"]' >other.json
    id=$(provost task submit old)
    expect 0 provost task wait "$id" --vkey "$data/vkey.json"
    [[ $output == *"only the proof verified"* ]]
    expect 9 provost task wait "$id" proof.json public.json --vkey "$data/vkey.json" --public other.json
    [[ $output == *"another statement"* ]]
    expect 9 provost task fetch "$id" proof.json public.json --vkey "$data/vkey.json" --public other.json
    [ ! -e proof.json ] && [ ! -e public.json ]
    [ "$(provost task fetch "$id" one -o json --vkey "$data/vkey.json" | json 'd["checked"]')" = proof ]
    for file in public.json witness.wtns; do
        [ "$(provost task fetch "$id" one -o json --vkey "$data/vkey.json" --public "$data/$file" | json 'd["checked"]')" = statement ]
    done
    [ "$(provost task fetch "$id" one -o json | json 'd["checked"]')" = nothing ]
    expect 2 provost task fetch "$id" one --public other.json
    echo '["07"]' >form.json
    expect 8 provost task fetch "$id" one --vkey "$data/vkey.json" --public form.json
    expect 0 provost task wait "$id" proof.json public.json --vkey "$data/vkey.json" --public "$data/public.json"
    [[ $output == *", verified"* ]]
    cmp public.json "$data/public.json"
}

@test "a second node on a state folder is refused with a sentence, and may have it when the first is gone" {
    prover_start p1 --queue echo:echo
    first=$PROVER_PID
    second() { timeout 10 env -u PROVOST_QUEUE -u PROVOST_CIRCUIT provost-prover run --name p2 --queue echo:echo --state "$1"; }
    expect 11 second "$CLUSTER/spool-p1"
    [[ $output == *"spool-p1: another prover node uses this state folder"* ]]
    mkdir -p other
    ln -s "$CLUSTER/spool-p1" other/link
    expect 11 second other/link
    kill -9 "$first"
    prover_start p1 --queue echo:echo
}

# default_node STATE [OPTION...]: without a name; its name is in "$NODE_NAME" once it is live.
default_node() {
    local state=$1
    shift
    env -u PROVOST_QUEUE -u PROVOST_CIRCUIT provost-prover run --queue echo:echo --state "$state" "$@" >>"$state.log" 2>&1 3>&- &
    PROVER_PIDS="${PROVER_PIDS:-} $!"
    NODE_PID=$!
    poll 20 grep -q broker.connected "$state.log"
    NODE_NAME=$(sed -n 's/.*prover.started name=\([^ ]*\).*/\1/p' "$state.log" | tail -n 1)
}

live_names() {
    provost prover ls -o json | json '" ".join(sorted(r["prover"] for r in d["rows"] if r["live"]))'
}

live_are() {
    [ "$(live_names)" = "$*" ]
}

@test "two nodes without a name on one host are both served, and come back under their names" {
    default_node a
    a=$NODE_NAME first=$NODE_PID
    default_node b
    b=$NODE_NAME second=$NODE_PID
    [ "$a" != "$b" ]
    both=$(printf '%s\n' "$a" "$b" | LC_ALL=C sort | tr '\n' ' ')
    poll 20 live_are $both
    [ "$(cat b/name)" = "$b" ]
    # The other way round.
    kill -9 "$first" "$second"
    wait "$first" "$second" 2>/dev/null || true
    : >a.log
    : >b.log
    default_node b
    [ "$NODE_NAME" = "$b" ]
    default_node a
    [ "$NODE_NAME" = "$a" ]
    poll 20 live_are $both
    echo x >x
    for i in 1 2 3 4; do ids="$ids $(provost task submit x)"; done
    for id in $ids; do expect 0 provost task wait "$id" --timeout 20s; done
}
