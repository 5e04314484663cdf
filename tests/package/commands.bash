# The commands of docs/install.md, as they stand there, run one after the other on two machines. Sourced. Before commands_run there has to be
# on_machine MACHINE COMMAND...: runs it there. Sets commands_n, and leaves the last output in $work/said.

# Machine, a space, and the command's lines joined by \x1f, for each command.
commands_list() {
    awk '
        function out() { if (said != "") print said; said = "" }
        /^    (broker|prover)# / { out(); line = substr($0, 5); at = index(line, "#"); said = substr(line, 1, at - 1) " " substr(line, at + 2); next }
        said != "" && /^    / { said = said "\x1f" substr($0, 5); next }
        { out() }
        END { out() }' "$1"
}

# The key that an output ends a line with. apt runs dpkg on a terminal of its own: lines end in CR LF.
key_in() { tr -d '\r' <"$1" | grep -Eo '[][0-9a-zA-Z.:+=^!/*?&<>(){}@%$#-]{40}$' | tail -n 1; }

# Puts keys and address where their names are. No sed: a key may have any of its special characters.
filled() {
    local text=$1
    text=${text//BROKER_ADDRESS/"$address"}
    text=${text//BROKER_KEY/"${broker_key:-BROKER_KEY}"}
    text=${text//NODE_KEY/"${node_key:-NODE_KEY}"}
    text=${text//WORKER_KEY/"${worker_key:-WORKER_KEY}"}
    printf '%s' "${text//$'\x1f'/$'\n'}"
}

# commands_run DOCUMENT ADDRESS: of the broker's machine. At most ten, or it fails.
commands_run() {
    local lines line machine text
    address=$2
    mapfile -t lines < <(commands_list "$1")
    commands_n=${#lines[@]}
    [ "$commands_n" -ge 5 ] || { echo "FAILED: the document's commands were not found" >&2; exit 1; }
    [ "$commands_n" -le 10 ] || { echo "FAILED: $commands_n commands, and 10 are promised" >&2; exit 1; }
    for line in "${lines[@]}"; do
        machine=${line%% *}
        text=$(filled "${line#* }")
        printf '%s# %s\n' "$machine" "$text"
        on_machine "$machine" bash -c "$text" >"$work/said" 2>&1 || { cat "$work/said"; echo "FAILED: this command on $machine" >&2; return 1; }
        tail -n 3 "$work/said"
        case $text in
        *provost-broker_*) broker_key=$(key_in "$work/said") ;;
        *provost-prover_*) node_key=$(key_in "$work/said") ;;
        *"key gen"*) worker_key=$(key_in "$work/said") ;;
        esac
    done
}
