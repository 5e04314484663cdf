#!/usr/bin/env bash
# page.sh test|speed|shots [FOLDER]: the page in a real Chromium before the broker of $PV_BUILD.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PV_PAGE_NPM=$(bash "$here/page_npm.sh") || exit $?
export PV_PAGE_NPM PV_BUILD=${PV_BUILD:-$here/../../build/dev}
case $1 in
test) exec node --test --test-concurrency=1 "$here/page_test.mjs" ;;
speed) exec node "$here/page_speed.mjs" ;;
shots) exec node "$here/page_shots.mjs" "${2:-$here/../../docs/page}" ;;
*) echo "page.sh test|speed|shots [FOLDER]" >&2; exit 2 ;;
esac
