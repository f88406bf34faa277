# Sourced by the script tests: one line for a success, all there is to say for a failure, and a last
# line "N passed, N failed, N skipped" that run.sh adds up.
# shellcheck shell=bash

passed=0
failed=0
skipped=0

pass() {
    echo "ok      $1"
    passed=$((passed + 1))
}

# fail NAME [FILE]: with what FILE says.
fail() {
    echo "FAILED  $1"
    [ $# -lt 2 ] || sed 's/^/        /' "$2"
    failed=$((failed + 1))
}

skip() {
    echo "skipped $1: $2"
    skipped=$((skipped + 1))
}

# expect NAME COMMAND ...: passes when the command succeeds; its output is shown when it does not.
expect() {
    local name=$1 output
    shift
    output=$(mktemp) || exit 1
    if "$@" </dev/null >"$output" 2>&1; then pass "$name"; else fail "$name" "$output"; fi
    rm -f "$output"
}

report() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}
