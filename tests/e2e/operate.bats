# What an operator does to a running broker, and what stays of it.
load ../support/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    usual=(--queue echo --queue idle --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200)
    broker_start "${usual[@]}"
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
}

teardown() {
    cluster_stop
    [ -n "$BATS_TEST_COMPLETED" ] || tail -n 40 "$CLUSTER"/*.log >&3
}

expect() {
    local want=$1
    shift
    run "$@"
    [ "$status" = "$want" ] || { echo "exit $status instead of $want: $*"; echo "$output"; return 1; }
}

# of_queue NAME COLUMN
of_queue() {
    provost queue show "$1" -o json | json "d['rows'][0]['$2']"
}

broker_killed_and_started() {
    kill -9 "$BROKER_PID"
    wait "$BROKER_PID" 2>/dev/null || true
    broker_start "${usual[@]}" "$@"
}

@test "pauses, timeouts and drains outlive a broker that is killed, and end when they are taken back" {
    prover_start p1 --queue echo:echo
    expect 0 provost queue pause echo
    expect 0 provost queue set idle --run-timeout 5m --stall-timeout none
    expect 0 provost prover drain p1
    broker_killed_and_started --queue idle,run_timeout_ms=1000,stall_timeout_ms=2000
    [ "$(of_queue echo paused)" = True ]
    [ "$(of_queue idle paused)" = False ]
    [ "$(of_queue idle run_timeout_ms)" = 300000 ]
    [ "$(of_queue idle stall_timeout_ms)" = 0 ]
    echo x >x
    id=$(provost task submit x)
    poll 20 prover_is_live p1
    [ "$(provost prover ls -o json | json 'd["rows"][0]["draining"]')" = True ]
    expect 0 provost queue resume echo
    task_is "$id" queued # the only prover is drained
    expect 0 provost prover resume p1
    expect 0 provost task wait "$id" --timeout 20s
    expect 0 provost queue set idle --run-timeout configured --stall-timeout configured
    [ "$(of_queue idle run_timeout_ms)" = 1000 ]
    [ "$(of_queue idle stall_timeout_ms)" = 2000 ]
    broker_killed_and_started
    [ "$(of_queue echo paused)" = False ]
    [ "$(of_queue idle run_timeout_ms)" = 0 ]
    poll 20 prover_is_live p1
    [ "$(provost prover ls -o json | json 'd["rows"][0]["draining"]')" = False ]
}

@test "queue set wants something to set, and a queue that is there" {
    expect 2 provost queue set echo
    expect 2 provost queue set echo --run-timeout soon
    expect 3 provost queue set nowhere --run-timeout 1m
    expect 0 provost queue set echo --run-timeout 90s -o json
    [ "$(json 'd["rows"][0]["run_timeout_ms"], d["rows"][0]["run_timeout_set"]' <<<"$output")" = "(90000, True)" ]
}

@test "events: what happened to tasks, provers and queues, as a table, as JSON, and followed from where one was" {
    prover_start p1 --queue echo:echo
    echo x >x
    id=$(provost task submit x)
    expect 0 provost task wait "$id" --timeout 20s
    provost queue pause idle >/dev/null
    provost prover drain p1 >/dev/null
    provost events -o json >events.json
    [ "$(json 'd["schema"]' <events.json)" = provost.events/1 ]
    [ "$(json "[(r['from'], r['to'], r['prover'], r['queue']) for r in d['rows'] if r['task'] == '$id']" <events.json)" = \
        "[('receiving', 'queued', None, 'echo'), ('queued', 'offered', 'p1', 'echo'), ('offered', 'running', 'p1', 'echo'), ('running', 'succeeded', 'p1', 'echo')]" ]
    [ "$(json '[(r["kind"], r["what"]) for r in d["rows"]][0]' <events.json)" = "('broker', 'started')" ]
    [ "$(json '[(r["prover"], r["text"]) for r in d["rows"] if r["what"] == "drained"]' <events.json)" = "[('p1', 'by provost-cli')]" ]
    [ "$(json '[r["queue"] for r in d["rows"] if r["what"] == "paused"]' <events.json)" = "['idle']" ]
    json '[r["prover"] for r in d["rows"] if r["what"] == "connected" and r["kind"] == "prover"]' <events.json | grep -q p1
    # From a number on, and no further back than was asked.
    at=$(json 'd["rows"][-1]["event"]' <events.json)
    id=$(provost task submit -q idle x)
    provost events --after "$at" -o json >more.json
    [ "$(json "[r['to'] for r in d['rows'] if r['task']]" <more.json)" = "['queued']" ]
    [ "$(json "min(r['event'] for r in d['rows']) == $at + 1" <more.json)" = True ]
    [ "$(provost events --limit 2 -o json | json 'len(d["rows"])')" = 2 ]
    expect 0 provost events
    [[ $output == TIME*drained* ]]
    # Followed: one a line, over the broker's death, which is not kept a secret.
    provost events --follow --interval 100ms -o json >lines 2>follow.log 3>&- &
    following=$!
    poll 20 grep -q '"to":"queued"' lines
    broker_killed_and_started
    provost task cancel "$id" >/dev/null
    poll 30 grep -q '"to":"cancelled"' lines
    stop $following
    grep -q '"what":"lost"' lines
    [ "$(python3 -c 'import json, sys
rows = [json.loads(line) for line in open("lines")]
numbers = [r["event"] for r in rows]
print(all(r["schema"] == "provost.event/1" for r in rows), numbers == sorted(set(numbers)))')" = "True True" ]
    expect 0 provost events --follow --times 1
    [[ $output == *"task moved"*"to=cancelled"* ]]
}
