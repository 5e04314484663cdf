# What an operator does to a running broker, and what stays of it.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    usual=(--queue echo --queue idle --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200)
    broker_start "${usual[@]}"
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
}

teardown() {
    cluster_end
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

# on_terminal ANSWER COMMAND...: with a terminal as stdin, stdout and stderr; the answer is typed once it asks.
on_terminal() {
    python3 -c '
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
text, typed = b"", False
while True:
    try:
        more = os.read(fd, 4096)
    except OSError:
        break
    if not more:
        break
    text += more
    if b"[y/N]" in text and not typed:
        os.write(fd, sys.argv[1].encode() + b"\n")
        typed = True
sys.stdout.write(text.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$@"
}

@test "purge asks, spares results, says what stays, and frees at once" {
    prover_start p1 --queue echo:echo
    head -c 300000 /dev/urandom >large
    done=$(provost task submit large)
    poll 20 task_is "$done" succeeded
    expect 0 provost queue pause echo
    dead=$(provost task submit large)
    [ "$(provost queue purge echo --dry-run -o json | json 'd["tasks"], d["kept"]')" = "(1, 1)" ]
    expect 2 provost queue purge echo </dev/null
    expect 7 on_terminal n provost queue purge echo
    [[ $output == *"Remove 1 tasks of queue echo?"*"nothing was changed"* ]]
    task_is "$dead" queued
    expect 2 provost queue purge echo </dev/null
    [[ $output == *"--yes"* ]]
    task_is "$dead" queued
    expect 0 provost queue purge echo --yes
    [[ $output == *"queued"*"1"*"kept"*"1 succeeded, with results (--results deletes them too)"* ]]
    expect 3 provost task show "$dead" # gone with its input, not kept for a day
    poll 10 bash -c '[ "$(find "$CLUSTER/state" -type f -size +100k -path "*blob*" | wc -l)" -le 1 ]'
    expect 0 provost task fetch "$done" again
    cmp large again
    provost task submit large >/dev/null
    expect 0 on_terminal y provost queue purge echo
    [ "$(provost queue purge echo --results --age 1h --dry-run -o json | json 'd["tasks"], d["kept"]')" = "(0, 1)" ]
    expect 0 provost queue purge echo --results --yes
    expect 3 provost task fetch "$done"
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
    [ "$(json '[(r["prover"], r["text"].startswith("by local (provost-cli-")) for r in d["rows"] if r["what"] == "drained"]' <events.json)" = "[('p1', True)]" ]
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

@test "HUP reads the settings again: what can change does, what needs a start is named, a mistake changes nothing" {
    stop "$BROKER_PID"
    settings() { printf '%s\n' "$@" >broker.yaml.new && mv broker.yaml.new broker.yaml; }
    # logged WORD...: the last word of the broker about its settings
    logged() { grep 'event=config\.\|config\.' "$CLUSTER/broker.log" | tail -n 1 | grep -q -- "$1"; }
    settings "queued_tasks: 0" "queues:" "  - name: echo" "  - name: idle"
    broker_start --config "$PWD/broker.yaml"
    echo x >x
    provost task submit -q idle x >/dev/null
    provost queue set idle --run-timeout 7s >/dev/null
    settings "queued_tasks: 1" "batch: 100" "queues:" "  - name: idle" "    run_timeout_ms: 1000" "    stall_timeout_ms: 2000" "  - name: fresh"
    kill -HUP "$BROKER_PID"
    poll 20 logged config.read
    [ "$(of_queue idle stall_timeout_ms)" = 2000 ]
    [ "$(of_queue idle run_timeout_ms)" = 7000 ] # an administrator set it
    grep -q 'config.needs_restart what=setting name=batch' "$CLUSTER/broker.log"
    grep -q 'config.needs_restart what=queue name=echo' "$CLUSTER/broker.log"
    expect 0 provost task submit -q fresh x
    expect 0 provost queue show echo
    expect 11 provost task submit -q idle --busy fail x # the limit of one is reached
    settings "queued_tasks: 1" "nonsense: 5"
    kill -HUP "$BROKER_PID"
    poll 20 logged config.unchanged
    grep 'config.unchanged' "$CLUSTER/broker.log" | grep -q nonsense
    expect 11 provost task submit -q idle --busy fail x
    provost events -o json | json '[r["text"] for r in d["rows"] if r["what"] == "needs a restart"]' | grep -q "'batch', 'echo'"
}

@test "priority, group and deadline travel and are shown; the higher priority goes first; demand counts what waits" {
    provost queue pause echo >/dev/null
    echo x >x
    low=$(provost task submit --priority 1 x)
    high=$(provost task submit --priority 8 --group night --deadline 1h x)
    [ "$(provost task show "$high" -o json | json 'd["priority"], d["group"], d["deadline"] > d["created"]')" = "(8, 'night', True)" ]
    [ "$(of_queue echo demand)" = 2 ]
    [ "$(provost task ls -o json | json '[(r["priority"], r["group"]) for r in d["rows"]]')" = "[(1, None), (8, 'night')]" ]
    prover_start p1 --queue echo:echo
    provost queue resume echo >/dev/null
    expect 0 provost task wait "$low" --timeout 20s
    [ "$(provost events --after 0 -o json | json "[r['task'] for r in d['rows'] if r['to'] == 'offered']")" = "['$high', '$low']" ]
    [ "$(of_queue echo demand)" = 0 ]
    [ "$(provost prover ls -o json | json 'd["rows"][0]["done"], d["rows"][0]["quarantined_ms"]')" = "(2, 0)" ]
}

@test "a task that cannot be done is dead with its reason, keeps its input, and is queued again by a kick" {
    prover_start p1 --queue echo:echo
    echo '{"fail":"permanent"}' >bad
    id=$(provost task submit bad)
    poll 20 task_is "$id" dead
    expect 8 provost task wait "$id" --timeout 10s
    [[ "$output" == *"told to fail"* ]]
    [ "$(provost task show "$id" -o json | json "d['failures']")" = 1 ]
    expect 0 provost queue pause echo
    expect 0 provost task kick "$id"
    task_is "$id" queued
    [ "$(provost task show "$id" -o json | json "d['failures']")" = 0 ]
    expect 0 provost queue resume echo
    poll 20 task_is "$id" dead
}

@test "a prover that fails three tasks in a row is quarantined, and the tasks get their failures back" {
    prover_start p1 --queue echo:echo
    echo '{"fail":"retryable"}' >bad
    ids=$(for _ in 1 2 3; do provost task submit bad; done)
    quarantined() { [ "$(provost prover ls -o json | json "d['rows'][0]['quarantined_ms'] > 0")" = True ]; }
    poll 20 quarantined
    for id in $ids; do
        # A refund does not shorten a back-off, which may end at any moment: one look at the task, either state.
        provost task show "$id" -o json | json "d['state']" | grep -qxE 'queued|delayed'
        [ "$(provost task show "$id" -o json | json "d['failures']")" = 0 ]
    done
}

@test "check warns while the store has lost an input, and a fetch of that task answers at once" {
    prover_start p1 --queue echo:echo
    poll 20 prover_is_live p1
    expect 0 provost check --queue echo
    expect 0 provost queue pause echo
    head -c 200000 /dev/urandom >x
    head -c 200000 /dev/urandom >y
    id=$(provost task submit x)
    other=$(provost task submit y)
    kill -9 "$BROKER_PID"
    wait "$BROKER_PID" 2>/dev/null || true
    rm "$(large_payloads)/$(sha256sum x | cut -c 1-64)"
    broker_start "${usual[@]}"
    poll 20 task_is "$id" dead
    expect 0 provost queue resume echo
    poll 20 prover_is_live p1
    poll 20 task_is "$other" succeeded
    expect 1 provost check --queue echo
    [[ "$output" == *"has lost the input or result of some of its tasks"* ]]
    expect 1 timeout 10 provost task fetch "$id"
    [[ "$output" == *"submit it again"* ]]
    [ "$(of_queue echo damaged)" = 1 ]
    expect 0 provost queue purge echo --state dead --yes
    expect 0 provost check --queue echo
}
