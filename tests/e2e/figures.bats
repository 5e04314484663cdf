# What an operator's eyes and alarms see of the fleet: status, check and metrics. A prover that is gone is none.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
}

teardown() {
    cluster_end
}

# metric NAME: its value
metric() {
    python3 -c 'import sys, urllib.request
print(*[l.rsplit(" ", 1)[1] for l in urllib.request.urlopen("http://" + sys.argv[1] + "/metrics").read().decode().splitlines()
        if l.rsplit(" ", 1)[0] == sys.argv[2]])' "$HTTP" "$1"
}

# The sum over the states.
live_are() {
    [ "$(metric_sum provost_provers)" = "$1" ]
}

metric_sum() {
    python3 -c 'import sys, urllib.request
print(sum(int(l.rsplit(" ", 1)[1]) for l in urllib.request.urlopen("http://" + sys.argv[1] + "/metrics").read().decode().splitlines()
          if l.startswith(sys.argv[2] + "{")))' "$HTTP" "$1"
}

metric_is() {
    [ "$(metric "$1")" = "$2" ]
}

http_address() {
    HTTP=127.0.0.1:$(sed -n 's/.*http.listening port=//p' "$CLUSTER/broker.log" | tail -n 1)
    [[ $HTTP == *:[1-9]* ]]
}

provers_are() {
    [ "$(provost status -o json | json 'd["rows"][0]["provers"]')" = "$1" ]
}

@test "provers that are gone are not counted, and without one check is never OK" {
    broker_start --queue echo --heartbeat-ms 500 --lease-ms 2000 --grace-ms 200 --http 127.0.0.1:0
    http_address
    expect 1 provost check
    [[ $output == *"WARNING - queue echo: no live prover |"*"provers=0"* ]]
    prover_start p1 --queue echo:echo
    expect 0 provost check
    [[ $output == *"OK"*"provers=1"* ]]
    poll 5 live_are 1
    kill -9 "$PROVER_PID"
    poll 10 provers_are 0
    poll 5 live_are 0
    [ "$(metric provost_provers_known)" = 1 ]
    [ "$(metric 'provost_queue_provers{queue="echo"}')" = 0 ]
    expect 1 provost check
    [[ $output == *"WARNING"*"provers=0"* ]]
    echo x >x
    provost task submit x >/dev/null
    expect 2 provost check
    [[ $output == *"CRITICAL - queue echo: no live prover for its tasks |"* ]]
}

@test "a queue whose provers all drain is not OK; demand tells paused from unservable" {
    broker_start --queue echo --queue idle --queue third --http 127.0.0.1:0
    http_address
    prover_start p1 --queue echo:echo --queue third:echo
    expect 0 provost check --queue echo
    expect 0 provost prover drain p1
    expect 1 provost check --queue echo
    [[ $output == *"no prover takes tasks"* ]]
    echo x >x
    provost task submit x >/dev/null
    expect 2 provost check --queue echo
    provost task submit -q idle x >/dev/null
    expect 0 provost queue pause third
    provost task submit -q third x >/dev/null
    [ "$(provost queue ls -o json | json '[(r["queue"], r["demand"], r["demand_paused"], r["demand_unservable"], r["serving"]) for r in d["rows"]]')" = \
        "[('echo', 1, 0, 1, 0), ('idle', 1, 0, 1, 0), ('third', 1, 1, 0, 0)]" ]
    [ "$(provost status -o json | json '[d["rows"][0][k] for k in ("demand", "demand_paused", "demand_unservable")]')" = "[3, 1, 2]" ]
    poll 5 metric_is 'provost_queue_demand_paused{queue="third"}' 1
    poll 5 metric_is 'provost_queue_demand_unservable{queue="idle"}' 1
}

@test "a broker without queues is not OK" {
    broker_start
    unset PROVOST_QUEUE
    expect 1 provost check
    [[ $output == *"WARNING - the broker has no queue"* ]]
}
