#!/bin/bash
# Build and run all test programs (Check) of one build, some at a time.
#
#   programs.sh VARIANT BUILD_DIR [NAME=VALUE for make ...]
#
# A program that crashes or does not end counts as one more failure. What it says that it skipped
# (lines "skipped ..." or "topic: skipped, ...") is counted as that; a program may skip everything.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

variant=$1
build=$2
shift 2
seconds=300
if [ "$variant" = asan ]; then seconds=600; fi

# Everything that was built is run, even if something else could not be.
log=$(mktemp) || exit 1
if make --no-print-directory -k -j"$(nproc)" VARIANT="$variant" B="$build" WERROR=-Werror "$@" \
    all tests-programs tools </dev/null >"$log" 2>&1; then
    pass "build $build"
else
    grep -vE '^(gcc|clang|cc|ar) ' "$log" >"$log.errors"
    fail "build $build" "$log.errors"
fi
rm -f "$log" "$log.errors"

# Leaks and undefined behaviour end a program; nothing is suppressed.
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export CK_TIMEOUT_MULTIPLIER=10 # two programs share two cores, and sanitizers are slow
export SMIMED_BUILD=$build

results=$(mktemp -d) || exit 1
trap 'rm -rf "$results"' EXIT
export results seconds

run_one() {
    local program=$1 name start
    name=${program#*/tests/}
    start=$SECONDS
    timeout -k 10 "$seconds" "$program" </dev/null >"$results/${name//\//:}" 2>&1
    echo "$? $((SECONDS - start))" >"$results/${name//\//:}.status"
}
export -f run_one

programs=()
for source in tests/*/test_*.c tests/*/*/test_*.c; do
    [ -e "$source" ] || continue
    program=$build/${source%.c}
    if [ -x "$program" ]; then programs+=("$program"); else fail "$program: was not built"; fi
done
# shellcheck disable=SC2016 # $1 is for the inner shell
[ ${#programs[@]} -eq 0 ] || printf '%s\0' "${programs[@]}" |
    xargs -0 -n 1 -P "$(nproc)" bash -c 'run_one "$1"' _

skip_line='^([a-z]+: )?skipped[ ,]'
for program in "${programs[@]}"; do
    name=${program#*/tests/}
    output=$results/${name//\//:}
    read -r status took <"$output.status"
    summary=$(sed -nE 's/^[0-9]+%: Checks: ([0-9]+), Failures: ([0-9]+), Errors: ([0-9]+)$/\1 \2 \3/p' \
        "$output" | awk '{ c += $1; b += $2 + $3 } END { if (NR) print c, b }')
    read -r checks bad <<<"${summary:-0 0}"
    skips=$(grep -cE "$skip_line" "$output")
    if [ "$status" -eq 0 ] && [ "$bad" -eq 0 ] && [ $((checks + skips)) -gt 0 ]; then
        printf 'ok      %-36s %4d checks, %3d s\n' "$name" "$checks" "$took"
        grep -E "$skip_line" "$output"
        passed=$((passed + checks)) skipped=$((skipped + skips))
        continue
    fi
    # Without a failed check the program itself is what failed.
    [ "$bad" -gt 0 ] || { bad=1 checks=$((checks + 1)); }
    echo "FAILED  $name: $bad of $checks checks (exit status $status after $took s;" \
        "124 is a timeout, 128 and more a signal)"
    sed 's/^/        /' "$output"
    passed=$((passed + checks - bad)) failed=$((failed + bad)) skipped=$((skipped + skips))
done
report
