#!/usr/bin/env bash
# deploy/demo.sh: one real proof through the whole system, on a fresh Debian 12, as root or with sudo.
#
# Installs what is missing, builds release, starts a broker and one prover on loopback in a temporary state folder, submits
# a real witness (a Poseidon Merkle membership with an EdDSA signature), waits, verifies, and stops what it started.
# A second run does no set-up again. Set KEEP=1 to keep the folder with proof, logs and store.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$*"; }

say "1. Set-up"
started=$(date +%s%N)
bash deploy/setup.sh build
# Kernels for the card that is here only: those for all six take five minutes on two cores.
card=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d .) || true
cmake --preset release -DPV_TESTS=OFF -DPV_CUDA_ARCHITECTURES="${card:-90}" >/dev/null
log=$(mktemp)
cmake --build --preset release --target provost-broker provost-prover provost_cli >"$log" || { tail -40 "$log"; exit 1; }
tail -1 "$log"; rm -f "$log"
build=build/release
echo "built in $(( ($(date +%s%N) - started) / 1000000 )) ms"

state=$(mktemp -d "${TMPDIR:-/tmp}/provost-demo.XXXXXX")
pids=()
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  [ -n "${KEEP:-}" ] && echo "kept: $state" || rm -rf "$state"
}
trap stop EXIT

# wait_for WHAT LOG COMMAND...: runs COMMAND every 50 ms until it succeeds, for at most 20 s; shows the log when it never does.
wait_for() {
  local what=$1 log=$2; shift 2
  for _ in $(seq 400); do "$@" >/dev/null 2>&1 && return 0; sleep 0.05; done
  echo "$what did not come up; its log:" >&2; tail -20 "$log" >&2; exit 1
}

say "2. A broker, and a prover that dials out to it"
"$build/broker/provost-broker" --bind 'tcp://127.0.0.1:*' --insecure --queue demo --state "$state/broker" \
  --port-file "$state/endpoint" 2>"$state/broker.log" &
pids+=($!)
wait_for broker "$state/broker.log" test -s "$state/endpoint"
export PROVOST_BROKER; PROVOST_BROKER=$(cat "$state/endpoint")
"$build/prover/provost-prover" run --broker "$PROVOST_BROKER" --insecure --queue demo --circuits tests/data \
  --state "$state/prover" --name demo-prover 2>"$state/prover.log" &
pids+=($!)
provost="$build/worker/cli/provost"
live() { "$provost" prover ls --insecure -o json | grep -q demo-prover; }
wait_for prover "$state/prover.log" live
"$provost" prover ls --insecure

say "3. A proof through the broker"
circuit=member
"$provost" prove --insecure --queue demo --circuit $circuit --vkey "tests/data/$circuit/vkey.json" \
  "tests/data/$circuit/witness.wtns" "$state/proof.json" "$state/public.json"
sed -n 's/.*task\.proved/task.proved/p' "$state/prover.log" | tail -1
"$provost" task ls --insecure

say "4. Verified again, from the files alone"
"$build/prover/provost-prover" verify "tests/data/$circuit/vkey.json" "$state/public.json" "$state/proof.json"
head -c 300 "$state/proof.json"; echo " ..."
say "Done in $(( ($(date +%s%N) - started) / 1000000 )) ms."
