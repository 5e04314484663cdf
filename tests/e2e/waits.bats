# What a command does while it waits: it says at once what is in the way, its exit status tells that apart, and it ends when it
# is told to, or when nobody reads it any more.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    printf 'wtns\2\0\0\0\0\0\0\0' >w.wtns
    echo x >x
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
}

teardown() {
    cluster_end
}

# ends STATUS SECONDS SIGNAL: the process $pid ends so after the signal. (A shell's background jobs ignore INT: see `begin`.)
ends() {
    kill -"$3" "$pid"
    for _ in $(seq $((20 * $2))); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    ! kill -0 "$pid" 2>/dev/null || { kill -9 "$pid"; echo "still there after $3: $what"; return 1; }
    local rc=0
    wait "$pid" || rc=$?
    [ $rc = "$1" ] || { echo "exit $rc instead of $1: $what"; return 1; }
}

# begin COMMAND...: in the background, with INT as a terminal leaves it; its pid in $pid.
begin() {
    what=$*
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])' "$@" <&0 3>&- &
    pid=$!
    poll 10 grep -q '^SigCgt:.*4.02$' "/proc/$pid/status" # it has its handlers
}

@test "INT and TERM end a command that connects, and one that reads its input" {
    mkfifo input
    sleep 60 >input 3>&- &
    writer=$!
    nobody=(--broker tcp://127.0.0.1:1 --connect-timeout 60s)
    for signal in INT TERM; do
        begin provost prove "${nobody[@]}" w.wtns p u 2>err
        ends 130 3 $signal
        begin provost task wait 00112233445566778899aabbccddeeff "${nobody[@]}" 2>err
        ends 130 3 $signal
        begin provost prove "${nobody[@]}" - p u <input 2>err
        ends 130 3 $signal
        begin provost task submit "${nobody[@]}" - <input 2>err
        ends 130 3 $signal
    done
    kill $writer
}

@test "INT ends a command whose result nobody takes, and one that is ignored stays ignored" {
    broker_start --queue echo --queue idle
    prover_start p1 --queue echo:echo
    id=$(provost task submit x)
    expect 0 provost task wait "$id"
    mkfifo result
    begin provost task fetch "$id" result 2>err
    ends 130 3 INT
    # As nohup and a shell's background jobs start it: INT is ignored there.
    id=$(provost task submit -q idle x)
    provost task wait "$id" --timeout 3s 2>err 3>&- &
    pid=$!
    poll 10 grep -q waiting err
    kill -INT $pid
    rc=0
    wait $pid || rc=$?
    [ $rc = 12 ]
}

@test "who follows events ends when nobody reads them any more" {
    broker_start --queue echo
    provost task submit x
    expect 0 timeout 10 bash -c 'provost events --follow --interval 100ms 2>err | head -n 1'
    grep -q 'stdout: Broken pipe' err
    expect 0 timeout 10 bash -c 'provost top --interval 100ms 2>err | head -n 1 >/dev/null'
    [ -w /dev/full ] || skip
    expect 1 timeout 10 bash -c 'provost events --follow --interval 100ms >/dev/full'
    [[ $output == *"stdout: No space left on device"* ]]
    expect 1 timeout 10 bash -c 'provost top --interval 100ms >/dev/full'
}

@test "a full broker, a queue that nobody serves and a mistyped circuit are said while waiting and told apart" {
    broker_start --queue echo --queue idle --queue closed --disk-reserve 900000G
    # Nothing is taken for want of disk: said before the time is over.
    begin provost prove w.wtns p u --timeout 20s 2>err
    poll 5 grep -q 'waiting: the broker is full: too little free disk (disk)' err
    ends 130 3 INT
    expect 11 provost prove w.wtns p u --timeout 1s
    [[ $output == *"the broker did not take the task: the broker is full"* && $output != *"task wait"* ]]
    begin provost task submit x --timeout 20s 2>err
    poll 5 grep -q 'waiting: the broker is full' err
    ends 130 3 INT
    expect 11 provost bench --count 1 --timeout 2s
    stop "$BROKER_PID"
    broker_start --queue echo --queue idle --queue closed
    begin provost prove -q idle w.wtns p u --timeout 20s 2>err
    poll 5 grep -q 'waiting: no live prover serves queue "idle"' err
    ends 130 3 INT
    expect 12 provost prove -q idle w.wtns p u --timeout 3s
    [[ $output == *'no live prover serves queue "idle"; continue with: provost task wait '* ]]
    mkdir circuits
    ln -s "$BATS_TEST_DIRNAME/../data/chain-5/circuit.zkey" circuits/chain-5.zkey
    prover_start p1 --queue echo:groth16 --circuits circuits
    begin provost prove -c chain-6 w.wtns p u --timeout 20s 2>err
    poll 5 grep -q 'waiting: no live prover of queue "echo" has circuit "chain-6"' err
    ends 130 3 INT
    expect 3 provost prove -c chain-6 w.wtns p u --timeout 3s
    [[ $output == *'has circuit "chain-6"'* ]]
    provost queue pause echo >/dev/null
    expect 11 provost prove -c chain-5 w.wtns p u --timeout 3s
    [[ $output == *'queue "echo" is paused'* ]]
    # The broker itself goes.
    begin provost prove -q idle w.wtns p u --timeout 20s --progress json 2>err
    poll 5 grep -q '"status":"unservable"' err
    stop "$BROKER_PID"
    poll 5 grep -q '"status":"unreachable"' err
    ends 130 3 INT
}

@test "a wait of less than a second is told from its reason too" {
    broker_start --queue echo --queue idle
    expect 12 provost prove -q idle w.wtns p u --timeout 500ms
    [[ $output == *'no live prover serves queue "idle"'* ]]
    id=$(provost task submit -q idle x)
    expect 12 provost task wait "$id" --timeout 200ms
    prover_start p1 --queue echo:echo
    provost queue pause echo >/dev/null
    expect 11 provost prove w.wtns p u --timeout 500ms
    provost queue resume echo >/dev/null
    # A prover that is at work: nothing is wrong, and the time is up.
    echo '{"sleep_ms": 60000}' >slow
    id=$(provost task submit slow)
    poll 10 task_is "$id" running
    expect 6 provost task wait "$id" --timeout 200ms
    [[ $output == *"timed out, still running"* ]]
    expect 6 provost prove w.wtns p u --timeout 1500ms
    [[ $output == *"timed out, still "* ]]
}

@test "out of memory is 10: here, and at the provers" {
    broker_start --queue echo
    prover_start p1 --queue echo:echo
    echo '{"fail": "resource"}' >greedy
    expect 10 provost task wait "$(provost task submit greedy)" --timeout 60s
    [[ $output == *"echo was told to fail: resource"* ]]
    ! grep -q "libasan" "/proc/$PROVER_PID/maps" || return 0 # its shadow needs more than any limit
    truncate -s 900M large
    expect 10 bash -c 'ulimit -v 600000; provost task submit large'
}

@test "bench ends where nobody answers, says why, and leaves nothing behind" {
    broker_start --queue echo --queue idle
    expect 12 timeout 30 provost bench -q idle --count 10
    [[ $output == *'no live prover serves queue "idle"'* ]]
    [ "$(provost queue show idle -o json | json 'd["rows"][0]["queued"]')" = 0 ]
}

# bench_begins [OPTION...]: with tasks for days; returns when some are done.
bench_begins() {
    provost bench --count 1000000 --inflight 4 "$@" 3>&- &
    pid=$!
    poll 30 eval '[ "$(of_echo succeeded)" -gt 4 ]'
}

of_echo() {
    provost queue show echo -o json | json "d['rows'][0]['$1']"
}

# ended STATUS SECONDS: so does $pid, by itself.
ended() {
    poll "$2" eval '! kill -0 $pid'
    local rc=0
    wait "$pid" || rc=$?
    [ $rc = "$1" ] || { echo "exit $rc instead of $1"; return 1; }
}

@test "bench ends when its prover dies, and when the broker goes" {
    broker_start --queue echo --grace-ms 200
    prover_start p1 --queue echo:echo
    bench_begins 2>err
    kill -9 "$PROVER_PID"
    ended 12 30
    grep -q 'no live prover serves queue "echo"' err
    [ "$(of_echo queued)" = 0 ]
    prover_start p2 --queue echo:echo
    bench_begins --connect-timeout 8s 2>err
    kill -9 "$BROKER_PID"
    ended 5 25 # not the half minute of a bench in which nothing finishes
    grep -q 'submitted tasks finished in time' err
}
