#!/usr/bin/env bash
# first_proof.sh: the commands of docs/install.md, as they stand there, on two fresh Debian 12: broker and worker on one, the prover on the
# other, each booted by systemd in a network namespace of its own, a cable between them. At most 10 commands, 5 minutes, and a proof that verifies.
set -euo pipefail
cd "$(dirname "$0")"
. ./roots.bash
. ./commands.bash
data=../data/member
on_machine() { local name=$1; shift; root_run "$name" timeout 280 "$@"; }

roots_possible
roots_fetch
roots_link broker prover
for name in broker prover; do
    root_make "$name"
    root_boot "$name"
    cp "$packages"/*.deb "$work/$name/root/root/"
done
cp "$data/witness.wtns" "$data/vkey.json" "$work/broker/root/root/"
cp "$data/circuit.zkey" "$work/prover/root/root/circuit.zkey"

started=$(date +%s%N)
commands_run ../../docs/install.md 10.9.7.1 || {
    for unit in broker prover; do root_run "$unit" journalctl --no-pager -u "provost-$unit" -n 30 || true; done
    exit 1
}
took_ms=$((($(date +%s%N) - started) / 1000000))

# The proof is right, it was made on the other machine, and the services are what the units say.
root_run prover mkdir -p check
cp "$work"/broker/root/root/{proof,public,vkey}.json "$work/prover/root/root/check/"
root_run prover provost-prover verify check/vkey.json check/public.json check/proof.json || fail "the proof does not verify"
root_run prover journalctl --no-pager -u provost-prover | grep -q 'task.proved' || fail "the prover's machine did not prove it"
for unit in broker prover; do
    root_run "$unit" systemctl show "provost-$unit" -p ActiveState,StatusText,NRestarts,User
    [ "$(root_run "$unit" systemctl show "provost-$unit" -p ActiveState --value)" = active ] || fail "provost-$unit is not active"
    [ "$(root_run "$unit" systemctl show "provost-$unit" -p NRestarts --value)" = 0 ] || fail "provost-$unit was started again"
done
[ $took_ms -lt 300000 ] || fail "$took_ms ms, and five minutes are promised"
echo "$commands_n commands, $took_ms ms to the first proof"
