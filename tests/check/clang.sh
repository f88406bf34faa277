#!/bin/bash
# Does clang compile everything without a warning?
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

log=$(mktemp) || exit 1
trap 'rm -f "$log" "$log.errors"' EXIT
if make --no-print-directory -k -j"$(nproc)" CC=clang B=build/clang WERROR=-Werror \
    all tests-programs tools </dev/null >"$log" 2>&1; then
    pass "build build/clang"
else
    grep -vE '^(clang|ar) ' "$log" >"$log.errors"
    fail "build build/clang" "$log.errors"
fi
report
