# The command line without a broker: usage, files, exit statuses, keys, pages.
load ../support/drill/cluster

setup() {
    unset PROVOST_BROKER PROVOST_INSECURE PROVOST_QUEUE PROVOST_CIRCUIT
    cd "$BATS_TEST_TMPDIR"
    data=$BATS_TEST_DIRNAME/../data/chain-5
    nobody="--broker tcp://127.0.0.1:1 --insecure --connect-timeout 300ms"
    what="--queue q --circuit c"
}

@test "wrong usage is 2, with the reason on stderr and nothing on stdout" {
    for line in "" "nonsense" "task" "task nonsense" "prove" "prove a b" "prove a b c d" "task show" "task show xyz $nobody" \
        "queue ls --no-such-option" "queue ls -o xml" "task submit f --priority 10" "task submit f --deadline soon" \
        "task submit f --need-vram 1X" "task ls --state nowhere" "queue ls" "queue ls --broker udp://x --insecure" \
        "queue ls --broker tcp://192.0.2.1:7070 --insecure" "queue ls --broker tcp://127.0.0.1:7070" \
        "queue ls --insecure --key f --broker tcp://127.0.0.1:1" "task submit f $nobody" "task submit f --queue q $nobody" \
        "bench $nobody"; do
        # shellcheck disable=SC2086
        expect 2 provost $line
        # shellcheck disable=SC2086
        [ -z "$(provost $line 2>/dev/null)" ] || { echo "stdout of: $line"; false; }
    done
    PROVOST_OUTPUT=xml expect 2 provost queue ls $nobody
    [[ $output == *PROVOST_OUTPUT* ]]
}

@test "help and version are on stdout and 0" {
    expect 0 provost --help
    [[ $output == *"task submit"* ]]
    expect 0 provost --version
    [[ $output =~ ^provost\ [0-9]+\.[0-9]+ ]]
    expect 0 provost prove --help
    [[ $output == *"--cancel-on-interrupt"* ]]
    expect 0 provost task submit --help
    [[ $output != *"--cancel-on-interrupt"* ]]
}

@test "an unreachable broker is 5" {
    echo x >input
    expect 5 provost status $nobody
    [[ $output == *"127.0.0.1:1"* ]]
    expect 5 provost task submit $what $nobody input
    expect 5 provost prove $what $nobody "$data/witness.wtns" proof.json public.json
    [ ! -e proof.json ]
    expect 5 provost top --times 1 $nobody
    expect 5 provost task wait 000102030405060708090a0b0c0d0e0f $nobody
    # A name that nobody has, and two endpoints.
    expect 5 provost status --broker tcp://127.0.0.1:1,tcp://127.0.0.1:2 --insecure --connect-timeout 300ms
}

@test "missing files are 3, unusable ones 8, and no broker is asked" {
    expect 3 provost prove $what --broker tcp://127.0.0.1:1 --insecure nowhere proof.json public.json
    [[ $output == *nowhere* ]]
    expect 3 provost task submit $what --broker tcp://127.0.0.1:1 --insecure nowhere
    echo "this is not a witness file" >text
    expect 8 provost prove $what --broker tcp://127.0.0.1:1 --insecure text proof.json public.json
    [[ $output == *"not a witness"* ]]
    : >empty
    expect 8 provost prove $what --broker tcp://127.0.0.1:1 --insecure empty proof.json public.json
    expect 8 provost prove $what --vkey text --broker tcp://127.0.0.1:1 --insecure "$data/witness.wtns" proof.json public.json
    [[ $output == *text* ]]
    expect 3 provost prove $what --vkey nowhere --broker tcp://127.0.0.1:1 --insecure "$data/witness.wtns" p q
    expect 1 provost prove $what --broker tcp://127.0.0.1:1 --insecure "$BATS_TEST_TMPDIR" p q
    [ ! -e proof.json ] && [ ! -e p ]
}

@test "environment variables stand for options, and options win" {
    PROVOST_BROKER=tcp://127.0.0.1:1 PROVOST_INSECURE=1 PROVOST_CONNECT_TIMEOUT=200ms expect 5 provost status
    PROVOST_BROKER=udp://nonsense PROVOST_INSECURE=1 expect 5 provost status $nobody
    PROVOST_INSECURE=0 expect 2 provost status --broker tcp://127.0.0.1:1
}

@test "keys are made, shown and checked; a secret that others may read is refused with 4" {
    expect 0 provost key gen mine
    public=$output
    [ ${#public} = 40 ]
    [ "$(stat -c %a mine)" = 600 ]
    [ "$(stat -c %a mine.pub)" = 644 ]
    ! grep -q secret-key mine.pub
    expect 0 provost key show mine.pub
    [ "$output" = "$public" ]
    expect 0 provost key check mine
    [ "$output" = "$public" ]
    [ "$(provost key show mine -o json | json 'd["public_key"]')" = "$public" ]
    expect 1 provost key gen mine                         # never replaces one
    [ "$(provost key show mine)" = "$public" ]
    expect 4 provost key check mine.pub                   # no secret in it
    chmod 640 mine
    expect 4 provost key check mine
    expect 4 provost status --broker tcp://127.0.0.1:1 --key mine --server-key mine.pub --connect-timeout 200ms
    chmod 600 mine
    expect 5 provost status --broker tcp://127.0.0.1:1 --key mine --server-key mine.pub --connect-timeout 200ms
    expect 5 provost status --broker tcp://127.0.0.1:1 --key mine --server-key "$public" --connect-timeout 200ms
    provost key gen other
    { grep -v secret-key mine; grep secret-key other; } >mixed
    cat mixed >mine
    expect 4 provost key check mine
    [[ $output == *"no pair"* ]]
    expect 3 provost key check nowhere
}

@test "check ends as Nagios wants it" {
    expect 2 provost check $nobody
    [[ $output == *"PROVOST CRITICAL"* ]]
    expect 3 provost check
    [[ $output == *"PROVOST UNKNOWN"* ]]
    expect 3 provost check --no-such-option
    PROVOST_CONNECT_TIMEOUT=never expect 3 provost check
    expect 2 provost queue set outer $nobody # nothing to set: refused before it connects
    [[ $output == *"nothing to set"* ]]
}

@test "a full stdout is a failure" {
    [ -w /dev/full ] || skip
    provost key gen k >/dev/null
    run bash -c 'provost key show k >/dev/full'
    [ "$status" = 1 ]
    [[ $output == *stdout* ]]
}

@test "outputs are looked at before a broker is asked: equal ones, inputs, places that cannot be written" {
    cp "$data/witness.wtns" w
    cp "$data/vkey.json" vk
    ln w w2
    ln -s vk vk2
    provost key gen k >/dev/null
    before=$(ls; sha256sum w vk k)
    local same=(x ./x) id=000102030405060708090a0b0c0d0e0f
    refuses() { expect "$@"; [[ $output == *"$word"* ]] || { echo "$output"; return 1; }; }
    word="are one file"
    refuses 2 provost prove $what $nobody w "${same[@]}"
    refuses 2 provost task wait $id "${same[@]}" $nobody
    refuses 2 provost task fetch $id - /dev/stdout $nobody
    word="would overwrite the input"
    refuses 2 provost prove $what $nobody w w2 q
    refuses 2 provost prove $what $nobody w p ./w
    refuses 2 provost prove $what $nobody --vkey vk w p vk2
    refuses 2 provost task fetch $id vk --vkey vk $nobody
    refuses 2 provost task wait $id k --broker tcp://127.0.0.1:1 --key k --server-key k.pub
    refuses 2 bash -c "provost prove $what $nobody - w q <w"
    word="cannot be written"
    refuses 1 provost prove $what $nobody w p no/q
    refuses 1 provost task wait $id no/p $nobody
    refuses 1 provost task fetch $id . q $nobody
    word="two files"
    refuses 2 provost key gen -
    expect 5 provost task fetch $id p q $nobody
    [ "$(ls; sha256sum w vk k)" = "$before" ]
}

@test "stdout is checked whatever is printed: closed, full, or nobody reads" {
    provost key gen k >/dev/null
    for command in "key show k" "key show k -o json" --help "--generate man"; do
        for to in '>&-' '>/dev/full' '7> >(:)'; do
            # The last: a pipe whose reader has gone.
            if [ "$to" = '7> >(:)' ]; then run bash -c "exec $to; wait \$!; provost $command >&7"
            else run bash -c "provost $command $to"; fi
            [ "$status" = 1 ] && [[ $output == *"provost: stdout: "* ]] || { echo "$command $to: $status $output"; false; }
        done
    done
    for command in --help "--print-config --queue q --insecure"; do
        run bash -c "provost-broker $command >/dev/full"
        [ "$status" = 1 ] && [[ $output == *"provost-broker: stdout: No space left"* ]] || { echo "$command: $status $output"; false; }
    done
    run bash -c 'provost key check nowhere >&-'
    [ "$status" = 3 ]
    run bash -c 'provost key gen closed >&- <&-'
    [ "$status" = 1 ] && [ -s closed.pub ]
}

@test "man page and completions come from the table of options" {
    for option in --cancel-on-interrupt --server-key --on-restart --inflight; do
        provost --generate man | grep -q -- "${option//-/\\\\-}" || { echo "man: $option"; false; }
        provost --generate bash | grep -q -- "$option"
        provost --generate fish | grep -q -- "-l ${option#--}"
    done
    provost --generate bash >completion
    bash -n completion
    # What the shell offers.
    offered() { bash -c '. ./completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _provost; echo "${COMPREPLY[*]}"' - "$@"; }
    [ "$(offered provost qu)" = queue ]
    [ "$(offered provost queue p)" = "pause purge" ]
    [ "$(offered provost queue set --run-timeout n)" = none ]
    [ "$(offered provost queue purge --dr)" = --dry-run ]
    [ -z "$(offered provost queue ls --dr)" ]
    [ "$(offered provost task ls --state suc)" = succeeded ]
}

@test "every exit status is in the help, in the man page and in the README, and they say the same" {
    help=$(provost --help | sed -n '/^Exit status:/,$p' | sed -n 's/^  \([0-9]*\) *\(.*\)/\1 \2/p')
    [ "$(wc -l <<<"$help")" = 14 ]
    man=$(provost --generate man | sed -n '/EXIT STATUS/,/provost check/p' | sed -n 's/^\\fB\([0-9]*\)\\fR \(.*\)/\1 \2/p')
    readme=$(sed -n 's/^| \([0-9]*\) | \([^|]*\) | .*/\1 \2/p' "$BATS_TEST_DIRNAME/../../worker/README.md")
    [ "$help" = "$man" ]
    [ "$help" = "$readme" ]
}
