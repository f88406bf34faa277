# Gates before the listener for copies and before smimed, which stand still at a point that the test
# names; and what has become of a message then. To be sourced after copies.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034 # much is used by those who source this

MTA=
GATE=
# Four plans: three copies, and the message in hand.
TO=(--to nokey@sink.test --to key@sink.test --to blind@sink.test --to anna@example.com)
declare -A KIND=([key]=encrypted [blind]=encrypted [nokey]=signed [anna]=plain)

# FIELDS of messages that are made; the client's own Message-ID among them or not.
FIELDS=('Message-ID: <one@example.com>')

# A gate before the listener for copies, and one between mail server and smimed.
gates_set_up() {
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
        files "$2" | sed 's/eml$/smtp/' | xargs -r grep -liF -- "RCPT TO:<$1@sink.test>" | wc -l
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

# Of which kind it looks: split.sh has openssl read such messages.
look() {
    if grep -qF -- "$COPIES_TEXT" "$1"; then
        grep -qF multipart/signed "$1" && echo signed || echo plain
    else
        grep -qF 'smime-type=enveloped-data' "$1" && echo encrypted || echo broken
    fi
}

# Every copy is what it has to be, for the recipient that it has, and the same message.
all_sound() {
    local user file
    for user in key blind nokey; do
        for file in $(copies_for "$1" "$user@sink.test"); do
            equals "$user $(look "$file")" "$user ${KIND[$user]}" || return 1
        done
    done
    for file in $(mails anna "$1"); do
        equals "anna $(look "$file")" 'anna plain' || return 1
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
