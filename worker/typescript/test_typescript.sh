#!/usr/bin/env bash
# Builds the package and runs its tests: test_typescript.sh [BUILD_DIR [FILES...]]      FILES are names of test/*.test.ts without the ending.
# PV_TEST_NAME: a pattern of tests' names. PROVOST_SOAK=1: 50 times PV_ROUNDS rounds of kill -9.
# Exits 77 where npm cannot be reached.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
to=$(bash "$here/build_typescript.sh") || exit $?
export PROVOST_ROOT=${here%/worker/typescript}
PROVOST_BUILD=$(realpath "${1:-$PROVOST_ROOT/build/dev}")
export PROVOST_BUILD
shift || true
[ $# -gt 0 ] || set -- wire link flood slots checked rules bad_use wrong_kinds mock_pool client keys kill process full_prove input_json
PATH="$to/../node20/bin:$PATH"
cd "$to"
most=150000
[ -z "${PROVOST_SOAK:-}" ] || most=3600000
# One file at a time: their brokers and provers would wait for each other.
exec node --test --test-concurrency=1 --test-reporter=spec ${PV_TEST_NAME:+--test-name-pattern="$PV_TEST_NAME"} --test-timeout="$most" $(printf 'test-js/%s.test.js ' "$@")
