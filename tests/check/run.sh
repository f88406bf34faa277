#!/bin/bash
# Everything that `make check` runs, stage after stage; every failure in full, every success in one
# line. The last line is "N passed, N failed, N skipped", the exit status 0 if nothing failed.
#
#   run.sh [STAGE ...]      all stages, or those named
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

# What the make that called us was told is not meant for the builds here: each has its own flags.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES VARIANT B CC CFLAGS LDFLAGS OPT
export LC_ALL=C.UTF-8

build=build/gcc
# Which programs the tests run.
export SMIMED_BUILD=$build SMIMED=$PWD/$build/smimed SMIMECTL=$PWD/$build/smimectl
logs=build/check
mkdir -p "$logs" || exit 1
times=()
running=
trap '[ -z "$running" ] || kill "$running"; exit 130' INT TERM

# stage NAME SECONDS COMMAND ...: a test that ends with its totals.
stage() {
    local name=$1 limit=$2 start=$SECONDS status totals
    shift 2
    if [ ${#only[@]} -gt 0 ] && [[ " ${only[*]} " != *" $name "* ]]; then return; fi
    echo "== $name"
    : >"$logs/$name.log"
    # Not through a pipe: a process that is left behind would keep it open, and us waiting.
    timeout -k 30 "$limit" "$@" </dev/null >"$logs/$name.log" 2>&1 &
    running=$!
    tail -q -n +1 -s 0.2 -f --pid=$running "$logs/$name.log"
    wait $running
    status=$?
    running=
    times+=("$(printf '%5d s  %s' $((SECONDS - start)) "$name")")
    totals=$(tail -n 1 "$logs/$name.log" |
        sed -nE 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p')
    read -r p f s <<<"${totals:-0 0 0}"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
    # Nothing may end early and look well.
    if [ -z "$totals" ] || { [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; } || [ $((p + f)) -eq 0 ]; then
        fail "$name ended with status $status (124: not within $limit s) and without a failure"
    fi
}

only=("$@")
stage layers 60 tests/check/test_layers.sh
stage lint 300 tests/check/lint.sh
stage plain 900 tests/check/programs.sh plain $build CC=gcc
stage clang 300 tests/check/clang.sh
stage install 120 tests/check/test_install.sh
stage manual 60 tests/check/test_manual.sh
stage examples 60 tests/check/test_examples.sh
[ ! -e tests/interop/run.sh ] || stage interop 600 tests/interop/run.sh
[ ! -e tests/e2e/run.sh ] || stage e2e 900 tests/e2e/run.sh
stage asan 1500 tests/check/programs.sh asan build/asan CC=gcc
stage fuzz 900 tests/check/fuzz.sh

echo "== times"
printf '%s\n' "${times[@]}"
report
