#!/bin/bash
# Does clang compile everything without a warning, and does what it makes sign and encrypt the same?
# The order in which arguments are worked out, for one, is another than gcc's.
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
export SMIMED_BUILD=build/clang CK_TIMEOUT_MULTIPLIER=10
for name in sign encrypt key_agreement smime_capabilities; do
    if timeout -k 10 120 "build/clang/tests/smime/test_$name" </dev/null >"$log" 2>&1; then
        pass "smime/test_$name"
    else
        fail "smime/test_$name" "$log"
    fi
done
report
