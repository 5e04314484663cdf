#!/usr/bin/env bash
# A PostgreSQL server of a test's own, for scripts; pg_server.h says what it is like.
#
#   postgres.sh start DIR [SETTING...]   makes one in DIR, which is not there yet, and prints the URL of an empty database
#   postgres.sh fresh DIR                makes another empty database, and prints its URL
#   postgres.sh sql DIR DATABASE SQL     as superuser
#   postgres.sh kill DIR SIGNAL          to the postmaster
#   postgres.sh again DIR                starts it again with the same data and port
#   postgres.sh end DIR                  stops it at once and removes DIR
#   postgres.sh around COMMAND...        runs a test whose brokers shall keep their tasks in PostgreSQL: with a server of its own, and
#                                        PV_TEST_STORE=postgresql, PV_TEST_SERVER (DIR) and PV_TEST_POSTGRES (this script) in its
#                                        environment; 77 where PostgreSQL is not installed
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
what=$1
shift
dir=''
if [ "$what" != around ]; then
    dir=$1
    shift
fi

# PostgreSQL does not run as root.
somebody() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        local who=postgres
        id -u postgres >/dev/null 2>&1 || who=nobody
        setpriv --reuid "$who" --regid "$(id -g "$who")" --clear-groups env LC_ALL=C "$@"
    fi
}

sql() {
    psql -X -q -A -t -v ON_ERROR_STOP=1 -h "$dir" -p "$(cat "$dir/port")" -U postgres -d "$1" -c "$2"
}

port_free() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

run() {
    (cd "$dir" && somebody "$bin/pg_ctl" -s -w -t 60 -D "$dir/data" -l "$dir/log" -o "-p $(cat "$dir/port") -k $dir" start) >&2
}

fresh() {
    local name
    name=d$(($(cat "$dir/databases") + 1))
    echo "${name#d}" >"$dir/databases"
    sql postgres "CREATE DATABASE $name OWNER provost"
    echo "postgresql://provost@127.0.0.1:$(cat "$dir/port")/$name"
}

cluster_make() {
    mkdir -p "$dir"
    [ "$(id -u)" -ne 0 ] || chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$dir"
    echo 0 >"$dir/databases"
    (cd "$dir" && somebody "$bin/initdb" --no-sync -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C --no-instructions) >"$dir/initdb.log"
    printf '%s\n' "listen_addresses = '127.0.0.1'" "fsync = off" "provost.replicated = on" "shared_buffers = 16MB" "max_connections = 40" \
        "log_line_prefix = '%m [%p] %a '" "$@" >>"$dir/data/postgresql.conf"
    printf '%s\n' "local all all trust" "host all locked 127.0.0.1/32 scram-sha-256" "host all all 127.0.0.1/32 trust" \
        "host replication all 127.0.0.1/32 trust" >"$dir/data/pg_hba.conf"
}

roles_make() {
    sql postgres "CREATE ROLE provost LOGIN; CREATE ROLE locked LOGIN PASSWORD 'right'"
}

# The port was free a moment ago; somebody may have taken it.
start() {
    cluster_make "$@"
    for _ in 1 2 3 4 5; do
        port_free >"$dir/port"
        run && break
    done
    roles_make
    fresh
}

# A child of ours, that ends with us whatever ends us.
serve() {
    local who=(--pdeathsig QUIT)
    [ "$(id -u)" -ne 0 ] || who+=(--reuid "$(id -u postgres 2>/dev/null || id -u nobody)" --regid "$(id -g postgres 2>/dev/null || id -g nobody)" --clear-groups)
    for _ in 1 2 3 4 5; do
        port_free >"$dir/port"
        (cd "$dir" && exec setpriv "${who[@]}" env LC_ALL=C "$bin/postgres" -D data -p "$(cat port)" -k "$dir") >>"$dir/log" 2>&1 &
        server=$!
        while kill -0 "$server" 2>/dev/null; do
            pg_isready -q -h "$dir" -p "$(cat "$dir/port")" && return
            sleep 0.05
        done
    done
    cat "$dir/log" >&2
    return 1
}

server=''
gone() {
    [ -z "$server" ] || kill -QUIT "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" || true
    [ -z "$dir" ] || rm -rf "$dir"
}

around() {
    [ -x "$bin/postgres" ] || exit 77
    trap gone EXIT
    trap 'exit 143' TERM INT
    dir=$(mktemp -d "${TMPDIR:-/tmp}/provost-pg-XXXXXX")
    cluster_make
    serve
    roles_make
    PV_TEST_STORE=postgresql PV_TEST_SERVER=$dir PV_TEST_POSTGRES=$(realpath "$0") "$@"
}

case $what in
    start) start "$@" ;;
    around) around "$@" ;;
    fresh) fresh ;;
    sql) sql "$@" ;;
    kill) kill -s "$1" "$(head -n 1 "$dir/data/postmaster.pid")" ;;
    again)
        for _ in $(seq 50); do
            run 2>/dev/null && exit 0
            sleep 0.1
        done
        exit 1
        ;;
    end)
        (cd / && somebody "$bin/pg_ctl" -s -m immediate -D "$dir/data" stop) >&2 || true
        rm -rf "$dir"
        ;;
    *)
        echo "postgres.sh: $what?" >&2
        exit 2
        ;;
esac
