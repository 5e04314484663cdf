#!/usr/bin/env bash
# A server of S3's protocol of a test's own: Ceph's radosgw with one monitor and one store in memory, on loopback, in a folder of its
# own. s3_server.h speaks to it.
#
#   radosgw.sh DIR      makes it in DIR, which is there and empty; says "ready PORT TLS-PORT", then does what it reads, line by line,
#                       and says "ok": stop start freeze thaw (of the gateway), or a command of radosgw-admin. Ends with its input.
#
# The user "test" has the key AK with the secret SK, and the bucket is for the test to make. DIR/ca.pem is the certificate of the TLS port.
set -euo pipefail
dir=$1
conf=$dir/ceph.conf
mon=0 osd=0 gateway=0

ports_free() {
    python3 - "$1" <<'PY'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
ports = [s.getsockname()[1] for s in held]
for s in held:
    s.close() # before they are told: a server that starts at once finds its port taken otherwise
print(*ports)
PY
}

configure() {
    cat >"$conf" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$mon_port]
public addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc secure
ms mon service mode = crc secure
ms mon cluster mode = crc secure
ms bind ipv4 = true
ms bind ipv6 = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 4294967296
osd class load list = *
osd class default list = *
paxos propose interval = 0.05
paxos min wait = 0.01
mon allow pool size one = true
mon data avail crit = 0
mon data avail warn = 0
mon max pg per osd = 1000
run dir = $dir/run
log file = $dir/log-\$name
admin socket =
pid file =
crash dir = $dir/run
[mon.a]
mon data = $dir/mon
mon cluster log file =
[osd.0]
osd data = $dir/osd
[client.rgw]
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$tls_port ssl_certificate=$dir/tls.pem
rgw enable apis = s3
rgw thread pool size = 16
rgw enable usage log = false
rgw run sync thread = false
rgw enable gc threads = false
rgw enable lc threads = false
CONF
}

# exec: the pid is the program's.
begin() {
    (exec "$@" -f -c "$conf" </dev/null >>"$dir/out" 2>&1) &
}

gateway_start() {
    begin radosgw -n client.rgw
    gateway=$!
    for _ in $(seq 600); do
        kill -0 "$gateway" 2>/dev/null || return 1
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 0
        sleep 0.1
    done
    return 1
}

gateway_stop() {
    kill -KILL "$gateway" 2>/dev/null || true
    wait "$gateway" 2>/dev/null || true
}

end() {
    for pid in "$gateway" "$osd" "$mon"; do
        [ "$pid" = 0 ] || kill -KILL "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
}
trap end EXIT

cluster_start() {
    monmaptool --create --addv a "[v2:127.0.0.1:$mon_port]" --fsid "$fsid" "$dir/monmap"
    ceph-mon --mkfs -i a --monmap "$dir/monmap" -c "$conf"
    begin ceph-mon -i a
    mon=$!
    local uuid
    uuid=$(cat /proc/sys/kernel/random/uuid)
    ceph -c "$conf" --connect-timeout 60 osd new "$uuid"
    ceph-osd --mkfs -i 0 --osd-uuid "$uuid" -c "$conf"
    begin ceph-osd -i 0
    osd=$!
    ceph -c "$conf" --connect-timeout 60 osd crush add osd.0 1 root=default host=localhost
    timeout 120 radosgw-admin -c "$conf" user create --uid=test --display-name=test --access-key=AK --secret-key=SK
}

mkdir "$dir/mon" "$dir/osd" "$dir/rgw" "$dir/run"
fsid=$(cat /proc/sys/kernel/random/uuid)
read -r mon_port port tls_port < <(ports_free 3)
configure
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=radosgw of a test" -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$dir/key.pem" -out "$dir/ca.pem" >>"$dir/out" 2>&1
cat "$dir/key.pem" "$dir/ca.pem" >"$dir/tls.pem"
if ! { cluster_start >>"$dir/out" 2>&1 && gateway_start; }; then
    tail -n 40 "$dir/out" >&2
    exit 1
fi
echo "ready $port $tls_port"

while read -r -a words; do
    case ${words[0]} in
        stop) gateway_stop ;;
        start) gateway_start ;;
        freeze) kill -STOP "$gateway" ;;
        thaw) kill -CONT "$gateway" ;;
        *) timeout 60 radosgw-admin -c "$conf" "${words[@]}" >>"$dir/out" 2>&1 ;;
    esac
    echo ok
done
