#!/usr/bin/env bash
# The images of deploy/containers/Containerfile, built by buildah in chroots on a Debian 12 that debootstrap makes; then the programs are started
# in them. Skipped (77) where that cannot be done. PV_MIRROR is where the packages come from.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
[ "$(id -u)" = 0 ] && command -v buildah debootstrap >/dev/null || { echo "needs root, buildah and debootstrap"; exit 77; }
work=$(mktemp -d)
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$work/storage" --runroot "$work/run" "$@"; }
trap 'buildah rm --all >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

debootstrap --variant=minbase bookworm "$work/debian" "${PV_MIRROR:-http://deb.debian.org/debian}" >"$work/debootstrap.log" || { tail "$work/debootstrap.log"; exit 77; }
base=$(buildah from scratch)
buildah add -q "$base" "$work/debian" / >/dev/null
buildah commit -q "$base" localhost/debian12 >/dev/null
rm -rf "$work/debian"

mkdir "$work/src"
git -C "$root" ls-files -z | tar -C "$root" --null -T - -cf - | tar -C "$work/src" -xf -
for part in broker prover cli; do
    buildah bud -q --layers --network host --build-arg BUILD_BASE=localhost/debian12 --build-arg RUN_BASE=localhost/debian12 --target "$part" \
        -f "$work/src/deploy/containers/Containerfile" -t "localhost/provost-$part" "$work/src" >"$work/$part.log" 2>&1 || { tail -n 40 "$work/$part.log"; exit 1; }
    made=$(buildah from "localhost/provost-$part")
    case $part in cli) program=provost ;; *) program=provost-$part ;; esac
    said=$(buildah run "$made" -- "/usr/bin/$program" --version)
    who=$(buildah run "$made" -- id -u)
    size=$(du -sm "$(buildah mount "$made")" | cut -f1)
    echo "$part: $said, user $who, $size MiB"
    [ "$who" = 10001 ] && [[ $said == *"$program"* || $said == *provost* ]]
done
# A broker and a node of the images, as their own user.
broker=$(buildah from localhost/provost-broker)
# shellcheck disable=SC2016
buildah run "$broker" -- sh -c 'provost-broker --insecure --bind "tcp://127.0.0.1:*" --queue q --state /var/lib/provost >/tmp/log 2>&1 & p=$!
    for i in $(seq 100); do grep -q broker.listening /tmp/log && break; sleep 0.1; done; grep broker.listening /tmp/log; kill $p; wait $p'
prover=$(buildah from localhost/provost-prover)
buildah run "$prover" -- provost-prover selftest
echo "ok"
