#!/usr/bin/env bash
# check.mjs with its packages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PV_KUBERNETES_NPM=$(bash "$here/kubernetes_npm.sh") || exit $?
export PV_KUBERNETES_NPM
exec node --test "$here/check.mjs"
