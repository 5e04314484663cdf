#!/usr/bin/env bash
# Builds the package beside the repository's other npm folders, in build/npm/typescript (ignored by git). Prints that folder.
# Node 20 comes from npm where the system's is older. Exits 77 when npm or its registry cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
npm=$(bash "$here/../../tests/interop/npm_setup.sh") || exit 77
to=$npm/typescript
mkdir -p "$to"
exec 9>"$to/.lock"
flock 9
bash "$here/node20.sh" "$npm/node20" || exit 77
PATH="$npm/node20/bin:$PATH"
if [ ! -e "$to/.done" ] || ! cmp -s "$here/package-lock.json" "$to/package-lock.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$to/"
    (cd "$to" && timeout 300 npm ci --ignore-scripts --no-audit --no-fund --legacy-peer-deps >&2) || exit 77
    touch "$to/.done"
fi
rm -rf "$to/src" "$to/test"
cp -r "$here/../../LICENSE" "$here/package.json" "$here/README.md" "$here/tsconfig.json" "$here/typedoc.json" "$here/src" "$here/test" "$to/"
stamp=$(cd "$to" && find src test package.json tsconfig.json -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
if [ "$(cat "$to/.stamp" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$to/dist" "$to/test-js"
    (cd "$to" && node node_modules/typescript/bin/tsc -p tsconfig.json && node node_modules/typescript/bin/tsc -p test/tsconfig.json) >&2
    echo "$stamp" >"$to/.stamp"
fi
echo "$to"
