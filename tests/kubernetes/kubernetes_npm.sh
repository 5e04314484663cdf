#!/usr/bin/env bash
# Installs the schemas of package.json into an ignored folder, once. Prints that folder. Exits 77 when npm or its registry are not
# there, so that what depends on them is skipped and not failed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=${PV_KUBERNETES_NPM:-$here/../../build/kubernetes-npm}
mkdir -p "$to"
to=$(cd "$to" && pwd)
exec 9>"$to/.lock"
flock 9
if [ ! -e "$to/.done" ] || ! cmp -s "$here/package-lock.json" "$to/package-lock.json"; then
    command -v npm >/dev/null || exit 77
    cp "$here/package.json" "$here/package-lock.json" "$to/"
    (cd "$to" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund >&2) || exit 77
    touch "$to/.done"
fi
cp "$here/kustomize.mjs" "$to/" # it finds its packages there
echo "$to"
