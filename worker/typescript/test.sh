#!/usr/bin/env bash
# Builds the package and runs its tests: test.sh [BUILD_DIR [FILES...]]      FILES are names of test/*.test.ts without the ending.
# Exits 77 where npm cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=$(bash "$here/setup.sh") || exit $?
export PROVOST_ROOT=${here%/worker/typescript}
export PROVOST_BUILD=${1:-$PROVOST_ROOT/build/dev}
shift || true
[ $# -gt 0 ] || set -- wire link
PATH="$to/../node20/bin:$PATH"
cd "$to"
exec node --test --test-reporter=spec ${PV_TEST_NAME:+--test-name-pattern="$PV_TEST_NAME"} --test-timeout=150000 $(printf 'test-js/%s.test.js ' "$@")
