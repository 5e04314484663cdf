#!/usr/bin/env bash
# cmake/lint.sh BUILD [--changed]: clang-tidy (.clang-tidy) over the product's C files, shellcheck over scripts, pyflakes over Python.
# Silent when all is well. --changed: C files alone that the day before the last commit changed; that is what CI asks for.
# BUILD: a build folder with compile_commands.json. Exit 77 where a tool is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:?the build folder} only=${2:-}
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) && command -v shellcheck pyflakes3 >/dev/null || { echo "clang-tidy, shellcheck or pyflakes3 is missing"; exit 77; }

# What is compiled for eight lanes is gcc's alone: clang 14 wants literals where an inlined argument is none to it.
product() {
    python3 - "$build" <<'PY'
import json, os, sys
for entry in json.load(open(os.path.join(sys.argv[1], "compile_commands.json"))):
    name = os.path.relpath(entry["file"])
    if name.endswith(".c") and not name.startswith(("tests/", "build/", "..")) and "-mavx512ifma" not in entry["command"]:
        print(name)
PY
}

# A changed header asks for the file of the same name.
changed() {
    local base
    base=$(git rev-list -1 --min-age="$(($(git log -1 --format=%ct) - 86400))" HEAD)
    git diff --name-only --diff-filter=d "${base:-$(git rev-list --max-parents=0 HEAD | tail -n 1)}" -- '*.c' '*.h' | sed 's/\.h$/.c/' | sort -u
}

files=$(product | sort -u)
[ "$only" != --changed ] || files=$(comm -12 <(echo "$files") <(changed))
bad=0
[ -z "$files" ] || echo "$files" | xargs -n 4 -P "$(nproc)" "$tidy" -p "$build" --quiet 2>/dev/null || bad=1
git ls-files -z '*.sh' '*.bash' .ci/run | xargs -0 shellcheck -x || bad=1
git ls-files -z '*.py' | xargs -0 pyflakes3 || bad=1
exit $bad
