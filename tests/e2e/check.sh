# What the end-to-end tests say: "ok - name" and "not ok - name" lines. To be sourced by bash.
# shellcheck shell=bash

E2E_PASSED=0
E2E_FAILED=0

# ok NAME COMMAND...: the check is passed when the command succeeds. What it says is shown when not.
# The command runs in a subshell.
ok() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then
        passed "$name"
    else
        failed "$name" "${said:-failed: $*}"
    fi
}

passed() {
    E2E_PASSED=$((E2E_PASSED + 1))
    printf 'ok - %s\n' "$1"
}

# failed NAME [TEXT]
failed() {
    E2E_FAILED=$((E2E_FAILED + 1))
    printf 'not ok - %s\n' "$1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | head -n 20 | sed 's/^/#   /'
}

# The last line of a test, and its exit status.
finish() {
    printf '%d passed, %d failed\n' "$E2E_PASSED" "$E2E_FAILED"
    [ "$E2E_FAILED" -eq 0 ] && [ "$E2E_PASSED" -gt 0 ]
}

equals() {
    [ "$1" = "$2" ] || {
        printf 'found:  %s\nwanted: %s\n' "$1" "$2"
        return 1
    }
}

# matches TEXT EXTENDED-REGULAR-EXPRESSION
matches() {
    [[ $1 =~ $2 ]] || {
        printf 'found:  %s\nwanted: %s\n' "$1" "$2"
        return 1
    }
}

# lacks FILE FIXED-STRING
lacks() {
    ! grep -aqF -- "$2" "$1" || {
        printf '%s contains: %s\n' "$1" "$2"
        return 1
    }
}

# contains FILE FIXED-STRING
contains() {
    grep -aqF -- "$2" "$1" || {
        printf '%s lacks: %s\n' "$1" "$2"
        return 1
    }
}
