# A trace goes with its task: through broker, restart and node, into events and the node's trace file.
load ../support/drill/cluster
TRACE=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    export PROVOST_QUEUE=echo PROVOST_CIRCUIT=any
    echo x >input
}

teardown() {
    cluster_end
}

# lines EXPRESSION: of the list d of the trace file's objects
lines() {
    python3 -c 'import json, sys
d = [json.loads(line) for line in open(sys.argv[1])]
print(eval(sys.argv[2]))' traces.jsonl "$1"
}

traced() {
    [ "$(lines "[x['traceparent'] for x in d if x['task'] == '$1']")" = "['$TRACE']" ]
}

@test "a trace comes back in events and in the node's trace file, also after a restart of the broker" {
    broker_start --queue echo
    id=$(provost task submit --traceparent "$TRACE" input)
    [ "$(provost events -o json | json "{r['traceparent'] for r in d['rows'] if r['task'] == '$id'}")" = "{'$TRACE'}" ]
    kill -9 "$BROKER_PID"
    wait "$BROKER_PID" 2>/dev/null || true
    broker_start --queue echo
    prover_start p1 --queue echo:echo --trace "$PWD/traces.jsonl"
    expect 0 provost task wait "$id" output --timeout 20s
    poll 5 traced "$id"
    [ "$(lines "d[0]['schema'], d[0]['outcome'], d[0]['handler'], d[0]['ms'] >= 0")" = "('provost.trace/1', 'ok', 'echo', True)" ]
    [ "$(provost events -o json | json "{r['traceparent'] for r in d['rows'] if r['task'] == '$id'}")" = "{'$TRACE'}" ]
    # a task without a trace has none
    other=$(provost task submit input)
    expect 0 provost task wait "$other" output --timeout 20s
    has_none() { [ "$(lines "[x['traceparent'] for x in d if x['task'] == '$other']")" = "[None]" ]; }
    poll 5 has_none
    # the file is moved away, and another one begun at HUP
    mv traces.jsonl old.jsonl
    kill -HUP "$PROVER_PID"
    poll 5 test -e traces.jsonl
    id=$(provost task submit --traceparent "$TRACE" input)
    expect 0 provost task wait "$id" output --timeout 20s
    poll 5 traced "$id"
    [ "$(wc -l <old.jsonl)" = 2 ]
}

@test "phases of a proof are in the trace file, with their times" {
    DATA=$BATS_TEST_DIRNAME/../data
    broker_start --queue member
    prover_start p1 --queue member:groth16 --circuits "$DATA" --allow-development-key --trace "$PWD/traces.jsonl"
    PROVOST_QUEUE=member provost prove --traceparent "$TRACE" --circuit member "$DATA/member/witness.wtns" proof.json public.json
    there() { [ "$(lines "len(d)")" = 1 ]; }
    poll 5 there
    [ "$(lines "d[0]['traceparent'], d[0]['phases'][0]['phase']")" = "('$TRACE', 'load')" ]
    [ "$(lines "len(d[0]['phases']) > 1 and all(p['at_ms'] + p['ms'] <= d[0]['ms'] for p in d[0]['phases'])")" = True ]
}

@test "what is no traceparent is refused with a sentence, by the library and by the broker" {
    broker_start --queue echo
    expect 2 provost task submit --traceparent 00-nonsense-01 input
    [[ $output == *"traceparent: not as W3C Trace Context has it"* ]]
    [ "$(provost task ls -o json | json 'len(d["rows"])')" = 0 ]
    PYTHONPATH=$BATS_TEST_DIRNAME/../compat:$BATS_TEST_DIRNAME/../page python3 - "$PROVOST_BROKER" <<'PY'
import hashlib, os, sys
import page_scene
c = page_scene.Client(sys.argv[1])
c.say("SUBMIT", b"x", req=1, task=os.urandom(16), queue="echo", circuit="any", length=1, sha256=hashlib.sha256(b"x").digest(),
      traceparent="00-" + "0" * 32 + "-00f067aa0ba902b7-01")
m = c.wait("ERROR")
assert "traceparent: not as W3C Trace Context has it" in m["text"], m
assert m["status"] == 8, m
PY
    expect 1 provost-prover run --insecure --queue echo:echo --trace /nowhere/at/all
    [[ $output == *"trace: /nowhere/at/all: No such file or directory"* ]]
}
