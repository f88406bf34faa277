#!/bin/bash
# Who may ask for what: neither a signing nor a decryption oracle, through Postfix.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

SECRET='the password of the door is swordfish'
RULE='{ managed = [ "*" ]; external = [ "*" ]; outgoing = "encrypt-optional"; }'
LOCAL='local_senders = [ "alice@example.com" ];'

# The whole configuration: example has alice, anna and info with certificates; partner bob and berta.
set_up() {
    pair_make "$LOCAL" '' && pair_user example alice && pair_user example anna ec &&
        pair_user example info && pair_user partner bob && pair_user partner berta &&
        org_rules example "$RULE" && org_rules partner "$RULE" && pair_start
}

# message FILE FROM TO [FIELD]
message() {
    {
        printf 'From: %s\nTo: %s\nSubject: test\n' "$2" "$3"
        [ -z "${4:-}" ] || printf '%s\n' "$4"
        printf '\n%s\n' "$SECRET"
    } >"$1"
}

# Submit with the login LOGIN@example.com and the given envelope sender; NEXT is the message on the
# wire to the sink.
# submit LOGIN SENDER OPTIONS...
submit() {
    local login=$1 sender=$2
    shift 2
    before=$(wire_count sink)
    said=$(./smtp_client.pl --lf --port "${ORG_SUBMISSION[example]}" \
        --login "$login@example.com:$ORG_PASSWORD" --from "$sender" --to reader@sink.test "$@" \
        "$E2E_DIR/message")
    status=$?
    next
}

next() {
    NEXT=$E2E_DIR/wire/sink/$((before + 1)).eml
    [ "$status" -ne 0 ] || wait_until 15 wire_reached sink $((before + 1))
}

signed_by() {
    cms_verify "$1" "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" "$E2E_DIR/content" &&
        same_certificate "$E2E_DIR/signer.pem" "$E2E_DIR/example/pki/$2.pem"
}

# It arrived, readable and without anything of CMS.
unsigned() {
    contains "$1" "$SECRET" && lacks "$1" pkcs7
}

strangers() {
    message "$E2E_DIR/message" alice@example.com reader@sink.test
    before=$(wire_count sink)
    said=$(./smtp_client.pl --lf --port "${ORG_OPEN[example]}" --from alice@example.com \
        --to reader@sink.test "$E2E_DIR/message")
    status=$?
    next
    ok 'a stranger who says MAIL FROM alice gets no signature' unsigned "$NEXT"
    before=$(wire_count sink)
    said=$(./smtp_client.pl --lf --port "${ORG_OPEN[example]}" --from '' --to reader@sink.test \
        "$E2E_DIR/message")
    status=$?
    next
    ok 'nor with the null sender' unsigned "$NEXT"
    submit alice alice@example.com
    ok 'alice, logged in, gets one' signed_by "$NEXT" alice
}

from_and_envelope() {
    message "$E2E_DIR/message" anna@example.com reader@sink.test
    submit alice alice@example.com
    ok 'From is not the envelope sender: unsigned' unsigned "$NEXT"
    submit alice anna@example.com
    ok 'the login does not own From and envelope sender: unsigned' unsigned "$NEXT"
    message "$E2E_DIR/message" 'alice@example.com, anna@example.com' reader@sink.test
    submit alice alice@example.com
    ok 'two authors: unsigned' unsigned "$NEXT"
    message "$E2E_DIR/message" anna@example.com reader@sink.test 'From: alice@example.com'
    submit alice alice@example.com
    ok 'two From fields: unsigned' unsigned "$NEXT"
    message "$E2E_DIR/message" alice@example.com reader@sink.test
    submit alice alice+list-reader=sink.test@example.com
    ok 'a VERP envelope sender is alice' signed_by "$NEXT" alice
}

# A strict gateway, with a table of logins and a shared mailbox.
sender_logins() {
    org_configure example "$LOCAL unauthorised_sender = \"refuse\";
sender_logins = (
  { login = \"alice@example.com\"; addresses = [ \"alice@example.com\", \"info@example.com\" ]; },
  { login = \"anna@example.com\"; addresses = [ \"anna@example.com\" ]; } );
shared_mailboxes = ( { from = \"info@example.com\"; senders = [ \"anna@example.com\" ]; } );"
    ok 'a changed configuration is reloaded' org_reload example
    message "$E2E_DIR/message" info@example.com reader@sink.test
    submit alice info@example.com
    ok 'the login owns info: signed as info' signed_by "$NEXT" info
    submit anna info@example.com
    ok 'the login does not own info: refused' matches "$status $said" '^1 .*END: 550 5\.7\.'
    message "$E2E_DIR/message" info@example.com reader@sink.test 'Sender: anna@example.com'
    submit anna anna@example.com
    ok 'Sender was granted info: signed as info' signed_by "$NEXT" info
    message "$E2E_DIR/message" alice@example.com reader@sink.test 'Sender: anna@example.com'
    submit anna anna@example.com
    ok 'Sender was not granted alice: refused' matches "$status $said" '^1 .*END: 550 5\.7\.'
    message "$E2E_DIR/message" anna@example.com reader@sink.test
    submit alice alice@example.com
    ok 'From is not the envelope sender: refused' matches "$status $said" '^1 .*END: 550 5\.7\.'
}

# sendmail(1), by the socket of role local.
local_submission() {
    message "$E2E_DIR/message" alice@example.com reader@sink.test
    before=$(wire_count sink) status=0
    mta command "$E2E_DIR/example/mta" -f alice@example.com reader@sink.test \
        <"$E2E_DIR/message"
    next
    ok 'a program on this machine that local_senders lists is signed' signed_by "$NEXT" alice
    ok 'and the log says role=local' contains "$(org_log example)" role=local
    message "$E2E_DIR/message" anna@example.com reader@sink.test
    before=$(wire_count sink) status=0
    org_configure example "$LOCAL"
    org_reload example
    mta command "$E2E_DIR/example/mta" -f anna@example.com reader@sink.test \
        <"$E2E_DIR/message"
    next
    ok 'one that it does not list is not' unsigned "$NEXT"
}

# A local program gets no answer at RCPT: a message that cannot go out comes back to its sender, and is
# not stranded in the maildrop queue.
local_refusal() {
    local sent
    sent=$(($(wire_count sink) + $(wire_count partner)))
    org_ctl example pubkey import "$E2E_DIR/partner/pki/bob.pem" >/dev/null
    message "$E2E_DIR/message" alice@example.com 'reader@sink.test, bob@partner.test'
    mta command "$E2E_DIR/example/mta" -f alice@example.com reader@sink.test \
        bob@partner.test <"$E2E_DIR/message"
    org_wait_mail example alice 1
    ok 'recipients of different plans from a local program: the sender gets a bounce' \
        contains "$MAIL" 'the recipients of this message need different'
    ok 'in both languages, without a reply code in between' lacks "$MAIL" '550 5.7.1 Nicht'
    ok 'nothing is stranded' wait_until 10 mta_queue_empty "$E2E_DIR/example/mta"
    ok 'and nothing went out' equals $(($(wire_count sink) + $(wire_count partner))) "$sent"
}

# deliver TO...: the message in E2E_DIR/sent, as a stranger's.
deliver() {
    local -a to=()
    local user
    for user in "$@"; do
        to+=(--to "$user@partner.test")
    done
    ./smtp_client.pl --lf --port "${ORG_INBOUND[partner]}" --from x@else.test "${to[@]}" \
        "$E2E_DIR/sent" >/dev/null
}

# encrypted_for USER...: the message in E2E_DIR/sent
encrypted_for() {
    local -a recipients=()
    local user
    for user in "$@"; do
        recipients+=("$E2E_DIR/partner/pki/$user.pem")
    done
    {
        printf 'From: x@else.test\nTo: %s@partner.test\nSubject: test\n' "$1"
        printf 'Content-Type: text/plain\n\n%s\n' "$SECRET" |
            openssl cms -encrypt -aes256 "${recipients[@]}"
    } >"$E2E_DIR/sent"
}

decryption() {
    encrypted_for bob
    deliver berta
    org_wait_mail partner berta 1
    ok 'mail encrypted to bob and sent to berta stays encrypted' lacks "$MAIL" "$SECRET"
    ok 'and says why' equals "$(field "$MAIL" X-Smimed-Encryption)" not-decrypted
    deliver bob
    org_wait_mail partner bob 1
    ok 'sent to bob it is decrypted' contains "$MAIL" "$SECRET"
    deliver bob berta
    org_wait_mail partner bob 2
    ok 'sent to both it stays encrypted for bob' lacks "$MAIL" "$SECRET"
    org_wait_mail partner berta 2
    ok 'and for berta' lacks "$MAIL" "$SECRET"
    encrypted_for bob berta
    deliver bob berta
    org_wait_mail partner berta 3
    ok 'encrypted to both and sent to both it is decrypted' contains "$MAIL" "$SECRET"
    {
        printf 'From: x@else.test\nTo: bob@partner.test\nMIME-Version: 1.0\n'
        printf 'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n'
        printf '<img src="http://else.test/\n--b\n'
        sed '1,/^Subject/d' "$E2E_DIR/sent"
        printf '\n--b--\n'
    } >"$E2E_DIR/wrapped"
    mv "$E2E_DIR/wrapped" "$E2E_DIR/sent"
    deliver bob
    org_wait_mail partner bob 4
    ok 'ciphertext in a part of a message stays there' lacks "$MAIL" "$SECRET"
}

# What a stranger writes in our name is taken away.
forged_fields() {
    printf '%s\n' 'From: x@else.test' 'To: bob@partner.test' 'X-Smimed-Signature: valid' \
        'Authentication-Results: mail.partner.test; smime=pass' \
        'Authentication-Results: mail.partner.test; spf=pass' \
        'Authentication-Results: other.test; smime=pass' '' "$SECRET" >"$E2E_DIR/sent"
    deliver bob
    org_wait_mail partner bob 5
    ok 'a forged X-Smimed-Signature is replaced' equals \
        "$(field "$MAIL" X-Smimed-Signature)$(field "$MAIL" X-Smimed-Signature 2)" none
    ok 'a forged smime result in our name is removed' lacks "$MAIL" 'mail.partner.test; smime=pass'
    ok "other filters' results in our name stay" contains "$MAIL" 'mail.partner.test; spf=pass'
    ok 'and those of others' contains "$MAIL" 'other.test; smime=pass'
}

e2e_begin
set_up || die 'the set-up failed'
strangers
from_and_envelope
sender_logins
local_submission
decryption
forged_fields
local_refusal
finish
