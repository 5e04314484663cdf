#!/usr/bin/env bash
# deploy/grafana/provost.json against Grafana's own types, by tsc; a dashboard with a mistake is refused. Exits 77 where npm or its registry
# are not there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
board=$here/../../deploy/grafana/provost.json
to=${PV_DASHBOARD_NPM:-$here/../../build/dashboard-npm}
command -v npm >/dev/null || exit 77
mkdir -p "$to"
to=$(cd "$to" && pwd)
exec 9>"$to/.lock"
flock 9
if [ ! -e "$to/.done" ] || ! cmp -s "$here/package-lock.json" "$to/package-lock.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$to/"
    (cd "$to" && timeout 200 npm ci --ignore-scripts --no-audit --no-fund >&2) || exit 77
    touch "$to/.done"
fi

# check FILE: the dashboard in it is one by the types
check() {
    {
        cat "$here/dashboard_head.ts"
        printf 'export const dashboard: Plain<Dashboard> = '
        cat "$1"
        echo ';'
    } >"$to/check.ts"
    (cd "$to" && npx --no-install tsc --noEmit --strict --skipLibCheck --module nodenext --moduleResolution nodenext --target es2022 check.ts)
}

check "$board" || { echo "not ok: the dashboard is not what Grafana's types say"; exit 1; }
sed 's/"gridPos"/"gridPosition"/' "$board" >"$to/wrong.json"
if check "$to/wrong.json" >/dev/null; then
    echo "not ok: a dashboard with a mistake was taken"
    exit 1
fi
