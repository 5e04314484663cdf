#!/usr/bin/env bash
# A PostgreSQL server of a test's own, for scripts; pg_server.h says what it is like.
#
#   postgres.sh start DIR [SETTING...]   makes one in DIR, which is not there yet, and prints the URL of an empty database
#   postgres.sh fresh DIR                makes another empty database, and prints its URL
#   postgres.sh sql DIR DATABASE SQL     as superuser
#   postgres.sh kill DIR SIGNAL          to the postmaster
#   postgres.sh again DIR                starts it again with the same data and port
#   postgres.sh end DIR                  stops it at once and removes DIR
set -euo pipefail
bin=/usr/lib/postgresql/15/bin
what=$1 dir=$2
shift 2

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

# The port was free a moment ago; somebody may have taken it.
start() {
    mkdir -p "$dir"
    [ "$(id -u)" -ne 0 ] || chown "$(id -u postgres 2>/dev/null || id -u nobody)" "$dir"
    echo 0 >"$dir/databases"
    (cd "$dir" && somebody "$bin/initdb" --no-sync -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C --no-instructions) >"$dir/initdb.log"
    printf '%s\n' "listen_addresses = '127.0.0.1'" "fsync = off" "shared_buffers = 16MB" "max_connections = 40" \
        "log_line_prefix = '%m [%p] %a '" "$@" >>"$dir/data/postgresql.conf"
    printf '%s\n' "local all all trust" "host all locked 127.0.0.1/32 scram-sha-256" "host all all 127.0.0.1/32 trust" \
        "host replication all 127.0.0.1/32 trust" >"$dir/data/pg_hba.conf"
    for _ in 1 2 3 4 5; do
        port_free >"$dir/port"
        run && break
    done
    sql postgres "CREATE ROLE provost LOGIN; CREATE ROLE locked LOGIN PASSWORD 'right'"
    fresh
}

case $what in
    start) start "$@" ;;
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
