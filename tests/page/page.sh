#!/usr/bin/env bash
# page.sh test|speed|shots [FOLDER]: the page in a real Chromium before the broker of $PV_BUILD. shots: every view in both themes, into FOLDER or
# build/page-shots; then those of the README are replaced.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PV_PAGE_NPM=$(bash "$here/page_npm.sh") || exit $?
export PV_PAGE_NPM PV_BUILD=${PV_BUILD:-$here/../../build/dev}
case $1 in
test) exec node --test --test-concurrency=1 "$here/page_test.mjs" ;;
speed) exec node "$here/page_speed.mjs" ;;
shots)
    to=${2:-$here/../../build/page-shots}
    node "$here/page_shots.mjs" "$to"
    [ $# -gt 1 ] || cp "$to"/page-{overview-light,task-dark,provers-light}.png "$here/../../docs/page/" # those of the README
    ;;
*) echo "page.sh test|speed|shots [FOLDER]" >&2; exit 2 ;;
esac
