#!/bin/bash
# smimed is killed, or the listener for copies fails, at every point of a message that is split. When
# the client tries again nobody lacks the message, what comes twice is the same message, and nobody
# gets less than his rule asks for.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh
# shellcheck source-path=SCRIPTDIR
. ./copies.sh

MTA=
GATE=
# Four plans: three copies, and the message in hand.
TO=(--to nokey@sink.test --to key@sink.test --to blind@sink.test --to anna@example.com)
declare -A KIND=([key]=encrypted [blind]=encrypted [nokey]=signed [anna]=plain)

# A gate before the listener for copies, and one between mail server and smimed.
set_up() {
    local gate listener
    MTA=$E2E_DIR/example/mta
    GATE=$E2E_DIR/gate
    mkdir -p "$GATE/smtp" "$GATE/milter"
    free_port
    gate=$PORT
    free_port
    listener=$PORT
    pair_make "$(copies_setting "$gate") smtp_timeout_s = 3; work_timeout_s = 20;
local_senders = [ \"alice@example.com\" ];" '' || return 1
    copies_listener "$listener"
    mta mailbox "$MTA" anna@example.com
    # Postfix adds no Message-ID for clients elsewhere; ours are none of its own.
    [ "$E2E_MTA" != postfix ] || postfix_set "$MTA" 'local_header_rewrite_clients ='
    pair_user example alice && pair_user example ralf && copies_keys && org_rules example \
        '{ managed = [ "*" ]; external = [ "*" ]; outgoing = "encrypt-optional"; }' || return 1
    sed -i 's,smimed/run/submission\.sock,milter.sock,' "$MTA"/etc/master.cf "$MTA"/etc/listeners.mc \
        2>/dev/null
    background "$GATE/smtp.log" ./gate.pl "$gate" "$listener" "$GATE/smtp"
    background "$GATE/milter.log" ./milter_gate.pl "$E2E_DIR/example/milter.sock" \
        "$E2E_DIR/example/smimed/run/submission.sock" "$GATE/milter"
    wait_until 5 port_answers "$gate" && wait_until 5 test -S "$E2E_DIR/example/milter.sock" &&
        pair_start
}

submit() {
    org_send example alice "${TO[@]}" "$E2E_DIR/message" >"$E2E_DIR/said" 2>&1
}

# How often has the recipient got the message of this case?
times() {
    if [ "$1" = anna ]; then
        mails anna "$2" | wc -l
    else
        copies_for "$2" "$1@sink.test" | wc -l
    fi
}

times_reached() {
    [ "$(times "$1" "$2")" -ge 1 ]
}

all_arrived() {
    local user
    for user in "${!KIND[@]}"; do
        wait_until 20 times_reached "$user" "$1" || {
            printf '%s lacks the message\n' "$user"
            return 1
        }
    done
    wait_until 20 mta_queue_empty "$MTA" || {
        printf 'the queue is not empty\n'
        return 1
    }
}

# Every copy is what it has to be, for the recipient that it has, and the same message.
all_sound() {
    local user file
    for user in "${!KIND[@]}"; do
        for file in $(mails "$user" "$1") $(copies_for "$1" "$user@sink.test"); do
            equals "$user $(kind "$file")" "$user ${KIND[$user]}" || return 1
        done
    done
    # shellcheck disable=SC2046 # several files
    equals "$(message_ids $(files "$1") $(mails anna "$1") | wc -l)" 1
}

# How often each of key, blind, nokey and anna has got it, in this order.
tally() {
    printf '%d%d%d%d' "$(times key "$1")" "$(times blind "$1")" "$(times nokey "$1")" \
        "$(times anna "$1")"
}

# How many more than four messages arrived; more than two for one recipient count a hundred.
surplus() {
    tally "$1" | perl -ne '$sum += $_ > 2 ? 100 : $_ for /\d/g; print $sum - 4'
}

# after CASE SURPLUS: the client's retry, and what all have got at the end.
after() {
    ok "$1: the retry is accepted" submit
    ok "$1: nobody lacks it" all_arrived "$1"
    ok "$1: all have what they should have, under one Message-ID" all_sound "$1"
    ok "$1: only what was acknowledged comes twice" equals "$(surplus "$1")" "$2"
}

# interrupted CASE GATE PLAN: a message whose sender waits, SENDER, while the gate stands still.
interrupted() {
    local gate=$GATE/$2
    message "$1" 'key@sink.test, nokey@sink.test, anna@example.com' "${FIELDS[@]}"
    rm -f "$gate/trace"
    printf '%s\n' "$3" >"$gate/plan"
    submit &
    SENDER=$!
    ok "$1: the point is reached" wait_until 20 test -e "$gate/held"
}

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
set_up || die 'the set-up failed'
FIELDS=('Message-ID: <one@example.com>')
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
FIELDS=('Date: Mon, 23 Nov 2026 10:00:00 +0000')
killed 'without a Message-ID, after all copies' smtp 'quit 1 drop' 3
finish
