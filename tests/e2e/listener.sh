#!/bin/bash
# The listener for copies is down, slow, hangs up or refuses, at every point of a message that is split:
# the client is told to come again, or that it was refused, and nobody gets what was not taken.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh
# shellcheck source-path=SCRIPTDIR
. ./copies.sh
# shellcheck source-path=SCRIPTDIR
. ./gates.sh

# fails CASE PLAN STATUS-AND-ANSWER SURPLUS: the listener fails, and the client is told; what comes of
# a retry is as after a kill.
fails() {
    local status
    message "$1" 'key@sink.test, nokey@sink.test, anna@example.com' "${FIELDS[@]}"
    printf '%s\n' "$2" >"$GATE/smtp/plan"
    submit
    status=$?
    ok "$1: the point was reached" [ ! -e "$GATE/smtp/plan" ]
    rm -f "$GATE/smtp/held" "$GATE/smtp/plan"
    ok "$1: the client's answer" matches "$status $(grep '^END' "$E2E_DIR/said")" "$3"
    wait_until 10 mta_queue_empty "$MTA"
    ok "$1: what was acknowledged arrived, no more" equals "$(surplus "$1")" $(($4 - 4))
    after "$1" "$4"
}

e2e_begin
gates_set_up || die 'the set-up failed'
later='^75 END: 451 4'
fails 'closed at once' 'connect 1 close' "$later" 0
fails 'closed at the second recipient' 'rcpt 2 close' "$later" 0
fails 'closed in the middle' 'data 3 close' "$later" 0
fails 'closed at the first end' 'dot 1 close' "$later" 0
fails 'closed at the second end' 'dot 2 close' "$later" 1
fails 'closed with the answer' 'ack 3 close' "$later" 3
fails 'slow to greet' 'connect 1 drop' "$later" 0
fails 'slow with a recipient' 'rcpt 1 drop' "$later" 0
fails 'slow at the end' 'dot 1 drop' "$later" 0
fails 'slow at the last end' 'dot 3 drop' "$later" 2
fails 'a recipient later' 'rcpt 3 answer 452 4.2.2 Full' "$later" 0
fails 'a recipient never' 'rcpt 3 answer 550 5.1.1 Not here' '^1 END: 550 5\.1\.1 ' 0
fails 'content later' 'dot 2 answer 451 4.3.0 Later' "$later" 1
fails 'content never' 'dot 1 answer 554 5.7.1 Spam' '^1 END: 554 5\.6\.0 Not sent: ' 0
fails 'content never, once one was taken' 'dot 2 answer 554 5.7.1 Spam' \
    '^1 END: 554 5\.6\.0 Not sent to all: .* some have got it' 1
finish
