#!/bin/bash
# smimed is killed at every point of a message that is split. When the client tries again nobody lacks
# the message, what comes twice is the same message, and nobody gets less than his rule asks for.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh
# shellcheck source-path=SCRIPTDIR
. ./copies.sh
# shellcheck source-path=SCRIPTDIR
. ./gates.sh

# killed CASE GATE PLAN SURPLUS: kill -9 while the gate stands still.
killed() {
    local status
    interrupted "$1" "$2" "$3"
    org_smimed_kill example
    rm -f "$GATE/$2/held" "$GATE/$2/plan"
    wait "$SENDER"
    status=$?
    org_smimed_start example
    ok "$1: the client is told to come again" matches "$status $(cat "$E2E_DIR/said")" \
        '^75 .*: 4[0-9][0-9] '
    after "$1" "$4"
}

# killed_local CASE PLAN SURPLUS: a message of a program on this machine, which waits for nobody: the mail
# server tries again by itself.
killed_local() {
    local plan=$2
    message "$1" 'key@sink.test, nokey@sink.test, anna@example.com' "${FIELDS[@]}"
    printf '%s\n' "$plan" >"$GATE/smtp/plan"
    mta command "$MTA" -f alice@example.com key@sink.test nokey@sink.test blind@sink.test \
        anna@example.com <"$E2E_DIR/message" >"$E2E_DIR/said" 2>&1 &
    SENDER=$!
    ok "$1: the point is reached" wait_until 20 test -e "$GATE/smtp/held"
    org_smimed_kill example
    rm -f "$GATE/smtp/held" "$GATE/smtp/plan"
    wait "$SENDER"
    org_smimed_start example
    mta command "$MTA" -q >/dev/null 2>&1
    ok "$1: nobody lacks it" all_arrived "$1"
    ok "$1: all have what they should have, under one Message-ID" all_sound "$1"
    ok "$1: only what was acknowledged comes twice" equals "$(surplus "$1")" "$3"
}

# A stranger's message, which alice can read and ralf cannot: one of them has a copy.
killed_incoming() {
    local case=$1 user file status
    message "$case" 'alice@example.com, ralf@example.com' "${FIELDS[@]}"
    {
        sed '/^$/,$d; s/^From: .*/From: bob@partner.test/' "$E2E_DIR/message"
        sed '1,/^$/d' "$E2E_DIR/message" | sed '1i Content-Type: text/plain\n' |
            openssl cms -encrypt -aes256 "$E2E_DIR/example/pki/alice.pem"
    } >"$E2E_DIR/sent"
    printf '%s\n' "$2" >"$GATE/smtp/plan"
    deliver &
    SENDER=$!
    ok "$case: the point is reached" wait_until 20 test -e "$GATE/smtp/held"
    org_smimed_kill example
    rm -f "$GATE/smtp/held" "$GATE/smtp/plan"
    wait "$SENDER"
    status=$?
    org_smimed_start example
    ok "$case: the client is told to come again" equals "$status" 75
    ok "$case: the retry is accepted" deliver
    for user in alice ralf; do
        ok "$case: $user does not lack it" wait_until 20 mail_reached "$user" "$case"
    done
    wait_until 20 mta_queue_empty "$MTA"
    ok "$case: only what was acknowledged comes twice" matches \
        "$(mails alice "$case" | wc -l)$(mails ralf "$case" | wc -l)" "^($3)\$"
    for file in $(mails alice "$case"); do
        ok "$case: alice reads it" contains "$file" "$COPIES_TEXT"
    done
    for file in $(mails ralf "$case"); do
        ok "$case: ralf has it as it came" lacks "$file" "$COPIES_TEXT"
    done
}

deliver() {
    ./smtp_client.pl --lf --port "${ORG_INBOUND[example]}" --from bob@partner.test \
        --to alice@example.com --to ralf@example.com "$E2E_DIR/sent" >"$E2E_DIR/said" 2>&1
}

# The mail server has all of the answer; then smimed is killed.
answered() {
    local case='after the answer'
    interrupted "$case" milter 'after c 1'
    org_smimed_kill example
    rm -f "$GATE/milter/held"
    ok "$case: the client has its own" wait "$SENDER"
    org_smimed_start example
    ok "$case: nobody lacks it" all_arrived "$case"
    ok "$case: all have what they should have" all_sound "$case"
    ok "$case: once" equals "$(surplus "$case")" 0
}

e2e_begin
gates_set_up || die 'the set-up failed'
killed 'before any copy' smtp 'connect 1 drop' 0
killed 'after the envelopes' smtp 'data 1 drop' 0
killed 'after the contents' smtp 'dot 1 drop' 0
killed 'after one copy was taken' smtp 'ack 1 drop' 1
killed 'after one copy was acknowledged' smtp 'dot 2 drop' 1
killed 'before the last copy' smtp 'dot 3 drop' 2
killed 'after all copies were taken' smtp 'ack 3 drop' 3
killed 'after all copies were acknowledged' smtp 'quit 1 drop' 3
killed 'before the new body' milter 'b 1' 3
killed 'before the recipients of copies are taken away' milter '- 1' 3
killed 'with one recipient taken away' milter '- 2' 3
killed 'before the answer is complete' milter 'c 1' 3
answered
killed_local 'a program, before any copy' 'connect 1 drop' 0
killed_local 'a program, after one copy' 'dot 2 drop' 1
killed_local 'a program, after all copies' 'quit 1 drop' 3
killed_incoming 'incoming, before any copy' 'dot 1 drop' 11
killed_incoming 'incoming, after the copy' 'quit 1 drop' '12|21'
FIELDS=('Date: Mon, 23 Nov 2026 10:00:00 +0000')
killed 'without a Message-ID, after all copies' smtp 'quit 1 drop' 3
finish
