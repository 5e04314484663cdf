# What people look at: help where it is asked for, tables that fit the terminal, sizes and times with their units.
load ../support/drill/cluster

setup() {
    cd "$BATS_TEST_TMPDIR"
    cluster_init
    echo x >x
}

teardown() {
    cluster_end
}

@test "help is there by every name, and a typo gets a short usage" {
    for line in --help -h help "help task" "task --help" "task -h" "help task wait" "task wait -h" "help prove" "prove -h"; do
        # shellcheck disable=SC2086
        expect 0 provost $line
        [[ $output == *Usage:* ]]
    done
    [ "$(provost help task wait)" = "$(provost task wait --help)" ]
    [[ $(provost help task) == *"task kick"* && $(provost help task) != *"queue ls"* ]]
    for line in "" nonsense task "task nonsense" "help nonsense"; do
        # shellcheck disable=SC2086
        expect 2 provost $line
        [ "${#lines[@]}" -le 4 ]
    done
    [[ $(provost task nonsense 2>&1) == *"unknown command: task nonsense"*"wait"* ]]
}

# on_terminal COLUMNS COMMAND...: what it prints on a terminal of that width
on_terminal() {
    python3 - "$@" <<'P'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    while os.get_terminal_size(1).columns != int(sys.argv[1]): pass
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, int(sys.argv[1]), 0, 0))
try:
    while chunk := os.read(fd, 65536): sys.stdout.buffer.write(chunk.replace(b"\r", b""))
except OSError: pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
P
}

@test "tables fit the terminal, with units for people; JSON and logs have the numbers" {
    broker_start --queue echo --queue a-queue-with-quite-a-long-name,run_timeout_ms=90000 --log json
    head -c 3000 /dev/zero >x
    id=$(provost task submit -q a-queue-with-quite-a-long-name -c a-circuit-with-quite-a-long-name x)
    for width in 60 120; do
        for table in "task ls" "queue ls" events; do
            # shellcheck disable=SC2086
            expect 0 on_terminal $width provost $table
            for line in "${lines[@]}"; do [ ${#line} -le $width ] || { echo "$width: $line"; false; }; done
        done
    done
    expect 0 on_terminal 80 provost task ls
    [[ $output == *$id* && $output == *"more columns with --wide"* ]]
    expect 0 on_terminal 80 provost task ls --wide
    [[ $output == *a-circuit-with-quite-a-long-name*"2.9 KiB"* ]]
    expect 0 provost queue show a-queue-with-quite-a-long-name
    [[ $output == *"run_timeout "*"1 m 30 s"* ]]
    expect 0 provost task show "$id"
    [[ $output == *"2.9 KiB"* ]]
    [ "$(provost task show "$id" -o json | json 'd["length"]')" = 3000 ]
    [ "$(provost queue show a-queue-with-quite-a-long-name -o json | json 'd["rows"][0]["run_timeout_ms"]')" = 90000 ]
    grep '"event":"store.restored"' "$CLUSTER/broker.log" | json 'd["tasks"] == 0 and d["epoch"] == 1' | grep -qx True
}
