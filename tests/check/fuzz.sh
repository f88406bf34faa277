#!/bin/bash
# Build every fuzz target and run it: all its seeds, then a short exploration.
#
# What was found before is in the seeds, so this keeps it from coming back; it is no substitute for
# hours of fuzzing.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

build=build/fuzz
explore_s=${FUZZ_SECONDS:-5}
log=$(mktemp) || exit 1
results=$(mktemp -d) || exit 1
trap 'rm -rf "$log" "$results"' EXIT

if make --no-print-directory -k -j"$(nproc)" VARIANT=fuzz CC=clang B=$build WERROR=-Werror fuzzers \
    </dev/null >"$log" 2>&1; then
    pass "build $build"
else
    grep -vE '^(gcc|clang|cc|ar) ' "$log" >"$results/errors"
    fail "build $build" "$results/errors"
fi

export build explore_s results
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

fuzz_one() {
    local name=$1 corpus
    corpus=$(mktemp -d "$results/corpus.XXXXXX")
    # A copy: libFuzzer writes what it finds into its first folder.
    cp -r "tests/fuzz/seeds/$name/." "$corpus" 2>/dev/null
    # Seeds alone first, so that a failure names the seed.
    timeout -k 10 120 "$build/tests/fuzz/fuzz_$name" -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="$results/" -runs=0 "$corpus" </dev/null >"$results/$name" 2>&1 &&
        timeout -k 10 $((explore_s + 120)) "$build/tests/fuzz/fuzz_$name" -timeout=20 \
            -rss_limit_mb=2048 -max_total_time="$explore_s" -seed=1 -print_final_stats=1 \
            -artifact_prefix="$results/" "$corpus" </dev/null >>"$results/$name" 2>&1
    echo $? >"$results/$name.status"
}
export -f fuzz_one

names=()
for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "${source%.c}")
    name=${name#fuzz_}
    if [ ! -x "$build/tests/fuzz/fuzz_$name" ]; then
        fail "fuzz_$name: was not built"
    elif [ -z "$(ls -A "tests/fuzz/seeds/$name" 2>/dev/null)" ]; then
        fail "fuzz_$name: no seeds in tests/fuzz/seeds/$name/"
    else
        names+=("$name")
    fi
done
# shellcheck disable=SC2016 # $1 is for the inner shell
printf '%s\0' "${names[@]}" | xargs -0 -n 1 -P "$(nproc)" bash -c 'fuzz_one "$1"' _

for name in "${names[@]}"; do
    if [ "$(cat "$results/$name.status")" = 0 ]; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$results/$name")
        pass "fuzz_$name, ${runs:-?} inputs"
        continue
    fi
    # What crashed it, so that it can be tried again.
    for artifact in "$results"/{crash,leak,timeout,oom}-*; do
        [ -e "$artifact" ] || continue
        cp "$artifact" "$build/" && echo "kept as $build/${artifact##*/}" >>"$results/$name"
    done
    fail "fuzz_$name" "$results/$name"
done
report
