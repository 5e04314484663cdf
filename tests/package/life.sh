#!/usr/bin/env bash
# life.sh: packages from their installation to their purge, on fresh Debian 12. Without systemd running (an image that is being built), then
# booted: an older version with tasks in its state folder, an upgrade, hangs, drains, a removal, a purge, and what is left of it all.
set -euo pipefail
cd "$(dirname "$0")"
. ./roots.bash
export PV_UNSAFE_IO=1
# As on a real machine /proc has nothing mounted over it, or no user namespace in it could mount its own (drop-in sandbox.conf).
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=1

say() { printf -- '-- %s\n' "$*"; }

# The same packages with an older version number, in /old.
older_packages() {
    local deb at name
    mkdir -p "$work/one/root/old"
    for deb in "$packages"/*.deb; do
        name=$(basename "$deb") at=$work/older
        rm -rf "$at"
        dpkg-deb -R "$deb" "$at"
        sed -i 's/^Version: .*/Version: 0.0.9-1/; s/(= [0-9.-]*)/(= 0.0.9-1)/' "$at/DEBIAN/control"
        dpkg-deb --root-owner-group -b "$at" "$work/one/root/old/${name%%_*}_0.0.9-1.deb" >/dev/null
    done
}

# What in the file system has our name. Not asked: folders of apt, and of this test.
left() {
    (cd "$work/$1/root" && find . -xdev \( -path ./old -o -path ./packages -o -path ./mirror -o -path ./proc -o -path ./sys -o -path ./run -o -path ./root \
        -o -path ./var/cache -o -path ./var/log \) -prune -o -path '*provost*' -print | sort)
}

show() { root_run one systemctl show "$1" -p "$2" --value; }
active() { [ "$(show "$1" ActiveState)" = active ]; }
cli() { root_run one provost "$@" --broker tcp://127.0.0.1:7070 --key /root/worker.key --server-key /etc/provost/broker.key.pub; }
state_of() { cli task show "$1" -o json | grep -o '"state": *"[a-z]*"' | cut -d'"' -f4; }
prover_there() { cli prover ls -o json | grep -q '"live": *true'; }
is() { [ "$(state_of "$1")" = "$2" ]; }

without_systemd() {
    say "an image: installed in a chroot, nothing runs"
    root_make image
    local in=$work/image/root said
    mount -t proc proc "$in/proc" # as those who build images do
    chroot "$in" sh -c 'cd /packages && DEBIAN_FRONTEND=noninteractive apt-get install -qy ./*.deb' >"$work/said" 2>&1 || { cat "$work/said"; fail "installation in a chroot"; }
    chroot "$in" provost --version
    chroot "$in" provost-broker --version
    chroot "$in" provost-prover selftest | tail -n 1
    chroot "$in" provost-broker --check-config
    chroot "$in" stat -c '%U:%G %a %n' /etc/provost/broker.key /etc/provost/node.key /var/lib/provost /var/lib/provost-prover
    printf '#include <provost.h>\n#include <stdio.h>\nint main(void) { puts(pv_version()); return 0; }\n' >"$in/root/uses.c"
    if cc "$in/root/uses.c" -I"$in/usr/include" "$in"/usr/lib/*/libprovost.so.0 -o "$in/root/uses" 2>"$work/said"; then chroot "$in" /root/uses; else cat "$work/said"; fi
    ! grep -rq provost "$in/etc/systemd/system" || fail "an installation enables a service"
    chroot "$in" apt-get purge -qy 'provost*' 'libprovost*' >"$work/said" 2>&1 || { cat "$work/said"; fail "purge in a chroot"; }
    said=$(left image)
    [ -z "$said" ] || { echo "$said"; fail "a purge leaves files"; }
}

setup() {
    say "version 0.0.9, with a task in its state folder"
    root_make one
    older_packages
    root_boot one
    root_run one sh -c 'apt-get install -qy /old/provost_*.deb /old/provost-broker_*.deb /old/provost-prover_*.deb' >"$work/said" 2>&1 || { cat "$work/said"; fail "installation"; }
    root_run one dpkg-query -W 'provost*'
    # shellcheck disable=SC2016 # it is the other shell's
    root_run one sh -c 'provost key gen worker.key >/dev/null
        printf "keys:\n  - { name: worker, key: \"%s\", roles: [client, admin] }\n  - { name: node, key: \"%s\", roles: [prover] }\n" \
            "$(provost key show worker.key)" "$(provost key show /etc/provost/node.key)" >/etc/provost/authorized_keys.yaml
        printf "broker: tcp://127.0.0.1:7070\nserver_key: /etc/provost/broker.key.pub\nqueue: outer:echo\n" >/etc/provost/prover.yaml
        systemctl enable -q --now provost-broker provost-prover'
    root_run one sh -c 'printf "{\"sleep_ms\": 0}" >quick; printf "{\"sleep_ms\": 8000}" >slow'
    until_true "the prover is there" prover_there
    cli queue pause outer >/dev/null
    kept=$(cli task submit quick --queue outer --circuit any)
    is "$kept" queued || fail "the task is $(state_of "$kept")"
}

upgrade() {
    say "upgrade: the state stays, what ran goes on with the new program"
    local before
    before=$(show provost-broker MainPID)
    root_run one sh -c 'apt-get install -qy /packages/provost_*.deb /packages/provost-broker_*.deb /packages/provost-prover_*.deb' >"$work/said" 2>&1 || { cat "$work/said"; fail "upgrade"; }
    root_run one dpkg-query -W 'provost*'
    until_true "the broker is active" active provost-broker
    [ "$(show provost-broker MainPID)" != "$before" ] || fail "the old broker still runs"
    is "$kept" queued || fail "the task is $(state_of "$kept")"
    root_run one grep -q worker /etc/provost/authorized_keys.yaml || fail "a setting of the operator is gone"
    until_true "the prover is active" active provost-prover
}

hang() {
    say "a broker whose loop stands still is killed and started again"
    root_run one sh -c 'mkdir -p /run/systemd/system/provost-broker.service.d /run/systemd/system/provost-prover.service.d
        printf "[Service]\nWatchdogSec=2\n" | tee /run/systemd/system/provost-broker.service.d/test.conf >/run/systemd/system/provost-prover.service.d/test.conf
        printf "TimeoutStopSec=3\n" >>/run/systemd/system/provost-prover.service.d/test.conf
        systemctl daemon-reload; systemctl restart provost-broker provost-prover'
    local unit
    for unit in provost-broker provost-prover; do
        root_run one systemctl reload $unit || fail "systemctl reload $unit"
        until_true "$unit is active" active $unit
        root_run one sh -c "sleep 3; systemctl kill -s STOP --kill-who=main $unit" # a watchdog's time and more without a hang
        [ "$(show $unit NRestarts)" = 0 ] || fail "$unit was killed before it hung"
        restarted() { [ "$(show $unit NRestarts)" = 1 ] && active $unit; }
        until_true "$unit is started again" restarted
        root_run one journalctl --no-pager -u $unit | grep -i watchdog | tail -n 1
    done
    is "$kept" queued || fail "the task is $(state_of "$kept")"
}

drain() {
    say "a drain that takes longer than TimeoutStopSec=3 is not cut"
    local id started
    cli queue resume outer >/dev/null
    kept_is_done() { is "$kept" succeeded; }
    until_true "the kept task is done" kept_is_done
    id=$(cli task submit slow --queue outer --circuit any)
    runs() { is "$id" running; }
    until_true "the slow task runs" runs
    started=$(date +%s%N)
    root_run one systemctl stop provost-prover
    echo "stopped after $((($(date +%s%N) - started) / 1000000)) ms, $(show provost-prover Result)"
    is "$id" succeeded || fail "the task that a drain waited for is $(state_of "$id")"
    [ "$(show provost-prover Result)" = success ] || fail "the drain ended as $(show provost-prover Result)"
}

# with_handler SANDBOX DROP-IN...: the node with these drop-ins alone serves the queue by a program.
with_handler() {
    local sandbox=$1 at=/etc/systemd/system/provost-prover.service.d; shift
    root_run one sh -c "rm -rf $at; mkdir -p $at /etc/provost/handlers
        for name in $*; do ln -s /usr/share/provost/systemd/\$name.conf $at/; done
        printf 'command: [/usr/bin/sort, \"{input}\", -o, \"{result}\"]\nsandbox: $sandbox\n' >/etc/provost/handlers/sorted.yaml
        printf 'broker: tcp://127.0.0.1:7070\nserver_key: /etc/provost/broker.key.pub\nqueue: outer:sorted\nhandlers: /etc/provost/handlers\nallow_code: yes\n' >/etc/provost/prover.yaml
        systemctl daemon-reload; systemctl restart provost-prover; printf 'b\na\n' >lines"
}

sorted() {
    local id
    id=$(cli task submit lines --queue outer --circuit any)
    until_true "the program has served the task" done_is
    cli task fetch "$id" sorted.txt >/dev/null
    [ "$(root_run one cat sorted.txt)" = $'a\nb' ] || fail "the program's result"
    root_run one rm sorted.txt
}

refused() { root_run one journalctl --no-pager -u provost-prover | grep -q 'task.failed.*namespaces: Operation not permitted'; }
done_is() { is "$id" succeeded; }
handlers() {
    say "programs as handlers, with the drop-ins and without"
    with_handler none handlers
    sorted
    with_handler namespaces handlers sandbox
    sorted
    with_handler namespaces handlers
    cli task submit lines --queue outer --circuit any >/dev/null
    until_true "without sandbox.conf there are no namespaces, and the node says so" refused
    root_run one journalctl --no-pager -u provost-prover | grep -o 'text=.*namespaces.*' | tail -n 1
    root_run one sh -c 'systemctl stop provost-prover; rm -rf /etc/provost/handlers /etc/systemd/system/provost-prover.service.d'
}

away() {
    say "removal: services stop, settings and state stay"
    root_run one apt-get remove -qy provost-broker provost-prover >"$work/said" 2>&1 || { cat "$work/said"; fail "removal"; }
    ! root_run one pgrep provost-broker >/dev/null || fail "a removed broker runs"
    left one | grep -v '^./usr/\|^./var/lib/dpkg\|^./var/lib/systemd' | sed 's|/var/lib/provost/.*|/var/lib/provost/...|; s|/var/lib/provost-prover/.*|/var/lib/provost-prover/...|' | uniq
    [ -e "$work/one/root/var/lib/provost/provost.db" ] || fail "a removal takes the state folder"
    say "installed again: the same tasks"
    root_run one sh -c 'apt-get install -qy /packages/provost-broker_*.deb' >"$work/said" 2>&1 || { cat "$work/said"; fail "second installation"; }
    root_run one systemctl start provost-broker
    is "$kept" succeeded || fail "the task is $(state_of "$kept")"
    say "purge: what is left"
    root_run one apt-get purge -qy 'provost*' >"$work/said" 2>&1 || { cat "$work/said"; fail "purge"; }
    left one
    root_run one sh -c 'getent passwd provost provost-prover; ls -d /etc/provost /srv/provost' || true
    [ -z "$(left one)" ] || fail "a purge leaves files"
}

roots_possible
roots_fetch
without_systemd
setup
upgrade
hang
drain
handlers
away
echo "installed, upgraded, hung, drained, removed, purged"
