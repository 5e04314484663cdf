#!/usr/bin/env bash
# first_proof_short.sh: the commands of docs/install.md, as they stand there, with the programs of this build: for the default run, without packages
# and without systemd. Two network namespaces with a cable between them; each machine is an overlay of this one, so nothing of it is touched.
# What apt-get and systemctl would do is done by stand-ins, from the units and scripts that the packages have. first_proof.sh does it in earnest.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=$PWD build=${PV_BUILD:?the build folder}
. tests/package/commands.bash
work=$(mktemp -d /var/tmp/provost-short.XXXXXX)
spaces=()

skip() { echo "skipped: $*"; exit 77; }
end() {
    local file
    for file in "$work"/*/root/run/*.pid; do [ -e "$file" ] && kill "$(cat "$file")" 2>/dev/null; done
    for file in "$work"/*/root/run/*.pid; do
        [ -e "$file" ] || continue
        for _ in $(seq 100); do [ -d "/proc/$(cat "$file")" ] || break; sleep 0.05; done
    done
    for file in "${spaces[@]}"; do ip netns del "$file" 2>/dev/null; done
    for file in "$work"/*/root; do umount -R -l "$file" 2>/dev/null; done
    rm -rf --one-file-system "$work"
}
trap 'end || true' EXIT

[ "$(id -u)" -eq 0 ] || skip "only root may make namespaces"
for program in ip setpriv awk; do command -v $program >/dev/null || skip "$program is missing"; done
broker=provost-short-$$-broker prover=provost-short-$$-prover
for space in "$broker" "$prover"; do
    ip netns add "$space" 2>/dev/null || skip "network namespaces are not permitted here"
    spaces+=("$space")
    ip -n "$space" link set lo up
done
ip -n "$broker" link add cable type veth peer name cable netns "$prover" 2>/dev/null || skip "veth devices are not permitted here"
ip -n "$broker" addr add 10.9.8.1/24 dev cable; ip -n "$broker" link set cable up
ip -n "$prover" addr add 10.9.8.2/24 dev cable; ip -n "$prover" link set cable up

# A machine: this one's file system, with our programs in /usr/bin and nothing of ours in /etc.
machine_make() {
    local at=$work/$1
    mkdir -p "$at/root" "$at/upper" "$at/work"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$at/upper,workdir=$at/work" "$at/root" 2>/dev/null || skip "overlay file systems are not permitted here"
    mount -t proc proc "$at/root/proc"
    mount --rbind /dev "$at/root/dev"
    mount --make-rslave "$at/root/dev"
    rm -rf "$at/root/etc/provost" "$at/root/var/lib/provost" "$at/root/srv/provost" "$at/root/root/first"
    mkdir -p "$at/root/etc/provost" "$at/root/root/first" "$at/root/run"
    cp "$build"/broker/provost-broker "$build"/prover/provost-prover "$build"/prover/provost-prover-node "$build"/prover/provost-launch \
        "$build"/worker/cli/provost "$at/root/usr/bin/"
    cp -r "$source/deploy" "$at/root/root/first/deploy"
    cp tests/package/stand_in.sh "$at/root/usr/local/bin/apt-get"
    cp tests/package/stand_in.sh "$at/root/usr/local/bin/systemctl"
}
on_machine() {
    local name=$1; shift
    timeout 60 ip netns exec "provost-short-$$-$name" chroot "$work/$name/root" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        sh -c 'cd /root/first && exec "$@"' sh "$@"
}

for name in broker prover; do machine_make $name; done
cp tests/data/member/witness.wtns tests/data/member/vkey.json "$work/broker/root/root/first/"
cp tests/data/member/circuit.zkey "$work/prover/root/root/first/"
started=$(date +%s%N)
commands_run docs/install.md 10.9.8.1 || { tail -n 20 "$work"/*/root/run/*.log; exit 1; }
took_ms=$((($(date +%s%N) - started) / 1000000))
for name in proof public; do cp "$work/broker/root/root/first/$name.json" "$work/"; done
"$build/prover/provost-prover" verify tests/data/member/vkey.json "$work/public.json" "$work/proof.json"
grep -q task.proved "$work/prover/root/run/provost-prover.log" || { echo "FAILED: the other machine did not prove it" >&2; exit 1; }
echo "$commands_n commands, $took_ms ms with stand-ins"
