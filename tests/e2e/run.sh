#!/bin/bash
# All end-to-end tests, or those named: run.sh [NAME...]. The demo is one of them. NAME-sendmail is the
# same test through Sendmail in place of Postfix.
#
# Each prints "ok - name" and "not ok - name" lines; the last line sums up. They run side by side,
# because most of their time is waiting.
set -u
cd "$(dirname "$0")" || exit 2

TESTS=(canonical modes reader roles choice notices edits setup traffic failures sending split
    kill listener dkim tls demo
    canonical-sendmail modes-sendmail reader-sendmail roles-sendmail choice-sendmail edits-sendmail
    setup-sendmail traffic-sendmail failures-sendmail split-sendmail kill-sendmail listener-sendmail)
LIMIT_S=300 # for one test

[ $# -gt 0 ] || set -- "${TESTS[@]}"
output=$(mktemp -d) || exit 2
pids=()
trap 'rm -rf "$output"' EXIT
# shellcheck disable=SC2154 # pid is set by the loop
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done; wait; exit 143' INT TERM HUP

for name in "$@"; do
    mta=postfix
    [ "$name" = "${name%-sendmail}" ] || mta=sendmail
    E2E_MTA=$mta timeout -k 20 "$LIMIT_S" "./${name%-sendmail}.sh" >"$output/$name" 2>&1 </dev/null &
    pids+=($!)
done

passed=0
failed=0
index=0
for name in "$@"; do
    wait "${pids[$index]}"
    status=$?
    index=$((index + 1))
    printf '# %s\n' "$name"
    if [ "$name" = demo ] && [ "$status" -eq 0 ]; then
        tail -n 1 "$output/$name" | sed 's/^/ok - demo: /'
        passed=$((passed + 1))
    else
        cat "$output/$name"
    fi
    if [ "$status" -ne 0 ] && ! grep -q '^not ok' "$output/$name"; then
        printf 'not ok - %s ended with status %d\n' "$name" "$status"
        failed=$((failed + 1))
    fi
    passed=$((passed + $(grep -c '^ok ' "$output/$name")))
    failed=$((failed + $(grep -c '^not ok ' "$output/$name")))
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
