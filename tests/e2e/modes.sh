#!/bin/bash
# The five modes in both directions through Postfix, several recipients, and that no bounce takes
# decrypted text back.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

MODES='undefined none sign encrypt-optional encrypt-forced'
INCOMING='undefined none decrypt-optional decrypt-always decrypt-forced'
SECRET='the password of the door is swordfish'

# One certificate for all the addresses KIND-MODE@sink.test with KIND "key"; "nokey" have none.
sink_keys() {
    local mode names=two@sink.test
    for mode in $MODES; do
        names=$names,email:key-$mode@sink.test
    done
    pki_user "$E2E_DIR/partner/pki" sinkkeys "$names" &&
        org_ctl example pubkey import "$E2E_DIR/partner/pki/sinkkeys.pem" >/dev/null
}

outgoing_rules() {
    local mode
    for mode in $MODES; do
        printf '{ managed = [ "*" ]; external = [ "key-%s@sink.test", "nokey-%s@sink.test" ]; ' \
            "$mode" "$mode"
        printf 'outgoing = "%s"; },\n' "$mode"
    done
    printf '{ managed = [ "*" ]; external = [ "two@sink.test" ]; outgoing = "encrypt-optional"; }\n'
}

incoming_rules() {
    local mode separator=
    for mode in $INCOMING; do
        printf '%s{ managed = [ "in-%s@partner.test" ]; external = [ "*" ]; incoming = "%s"; }' \
            "$separator" "$mode" "$mode"
        separator=$',\n'
    done
}

# The mailbox of the incoming side: dana, with a further address for each mode.
incoming_mailbox() {
    local mode
    local -a aliases=(--alias full@partner.test)
    for mode in $INCOMING; do
        aliases+=(--alias "in-$mode@partner.test")
        mta mailbox "$E2E_DIR/partner/mta" "in-$mode@partner.test"
    done
    mta mailbox "$E2E_DIR/partner/mta" full@partner.test
    pki_user "$E2E_DIR/partner/pki" dana dana@partner.test &&
        org_ctl partner mailbox add dana@partner.test "${aliases[@]}" >/dev/null &&
        org_ctl partner mailbox activate dana@partner.test --key "$E2E_DIR/partner/pki/dana.key" \
            --cert "$E2E_DIR/partner/pki/dana.pem" >/dev/null
}

# Mail for full@partner.test is accepted at first, and refused by the server behind.
full_mailbox() {
    free_port
    background "$E2E_DIR/full.log" smtp-sink -u nobody -f RCPT "127.0.0.1:$PORT" 10
    FULL_PORT=$PORT
    wait_until 5 port_answers "$PORT"
}

set_up() {
    pair_make '' '' && pair_user example alice && pair_user example carl none &&
        org_ctl example mailbox add carl@example.com >/dev/null && sink_keys &&
        org_rules example "$(outgoing_rules)" && org_rules partner "$(incoming_rules)" &&
        incoming_mailbox && full_mailbox &&
        org_routes partner "full@partner.test=$FULL_PORT" "example.com=${WIRE_PORT[example]}" \
            "*=${WIRE_PORT[sink]}" && pair_start
}

# message FILE FROM TO CASE
message() {
    printf 'From: %s\nTo: %s\nSubject: %s\nX-Case: %s\n\n%s\n' "$2" "$3" "$4" "$4" "$SECRET" >"$1"
}

# What the message on the wire is: plain, signed, encrypted (unsigned), signed+encrypted or broken.
protection() {
    local summary clear=$E2E_DIR/clear
    summary=$(cms_summary "$1")
    case $summary in
    SignedData*) echo signed ;;
    *EnvelopedData*)
        cms_decrypt "$1" "$E2E_DIR/partner/pki/sinkkeys" "$clear" >/dev/null || {
            echo broken
            return
        }
        case $(cms_summary "$clear") in
        SignedData*)
            cms_verify "$clear" "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" \
                "$E2E_DIR/content" >/dev/null && echo signed+encrypted || echo broken
            ;;
        *) grep -qF "$SECRET" "$clear" && echo encrypted || echo broken ;;
        esac
        ;;
    *) grep -qF "$SECRET" "$1" && echo plain || echo broken ;;
    esac
}

# find_case WIRE CASE: WIRE_FILE is what went over this wire with X-Case: CASE, empty if nothing.
find_case() {
    local file
    WIRE_FILE=
    for file in "$E2E_DIR/wire/$1"/*.eml; do
        if [ -e "$file" ] && [ "$(field "$file" X-Case)" = "$2" ]; then
            WIRE_FILE=$file
        fi
    done
    [ -n "$WIRE_FILE" ]
}

# outgoing USER KIND MODE EXPECTED
outgoing() {
    local case=$1-$2-$3 to=$2-$3@sink.test said status found
    message "$E2E_DIR/message" "$1@example.com" "$to" "$case"
    said=$(org_send example "$1" --to "$to" "$E2E_DIR/message")
    status=$?
    if [ "$4" = refused ]; then
        found="status $status: $(sed -n 's/^END: \([0-9]* [0-9.]*\).*/\1/p' <<<"$said")"
        ok "outgoing $3, $1, $2: refused" matches "$found" '^status 1: 550 5\.7\.'
        ok "outgoing $3, $1, $2: nothing goes out" mta_queue_empty "$E2E_DIR/example/mta"
        ok "outgoing $3, $1, $2: nothing went out" not find_case sink "$case"
        return
    fi
    wait_until 15 find_case sink "$case"
    found=nothing
    [ -z "$WIRE_FILE" ] || found=$(protection "$WIRE_FILE")
    ok "outgoing $3, $1, $2: $4" equals "$found" "$4"
}

not() {
    ! "$@"
}

outgoing_modes() {
    outgoing alice key undefined signed
    outgoing alice nokey undefined signed
    outgoing alice key none plain
    outgoing alice nokey none plain
    outgoing alice key sign signed
    outgoing alice nokey sign signed
    outgoing alice key encrypt-optional signed+encrypted
    outgoing alice nokey encrypt-optional signed
    outgoing alice key encrypt-forced signed+encrypted
    outgoing alice nokey encrypt-forced refused
    outgoing carl key undefined plain
    outgoing carl nokey undefined plain
    outgoing carl key none plain
    outgoing carl key sign plain
    outgoing carl key encrypt-optional encrypted
    outgoing carl nokey encrypt-optional plain
    outgoing carl key encrypt-forced refused
    outgoing carl nokey encrypt-forced refused
}

# encrypted FILE CERTIFICATE...: encrypt the message in E2E_DIR/message for these.
encrypted() {
    local file=$1
    shift
    {
        sed '/^$/,$d' "$E2E_DIR/message"
        sed '1,/^$/d' "$E2E_DIR/message" | sed '1i Content-Type: text/plain\n' |
            openssl cms -encrypt -aes256 "$@"
    } >"$file"
}

stranger() {
    ./smtp_client.pl --lf --port "${ORG_INBOUND[partner]}" --from someone@else.test "$@"
}

# What dana reads: refused, plain, decrypted or encrypted.
incoming() {
    local mode=$1 kind=$2 user=in-$1 said status found before verdict
    message "$E2E_DIR/message" someone@else.test "$user@partner.test" "$kind"
    case $kind in
    plain) cp "$E2E_DIR/message" "$E2E_DIR/sent" ;;
    to-dana) encrypted "$E2E_DIR/sent" "$E2E_DIR/partner/pki/dana.pem" ;;
    to-others) encrypted "$E2E_DIR/sent" "$E2E_DIR/partner/pki/sinkkeys.pem" ;;
    esac
    before=$(org_mail partner "$user" | wc -l)
    said=$(stranger --to "$user@partner.test" "$E2E_DIR/sent")
    status=$?
    if [ "$status" -eq 1 ]; then
        found="refused $(sed -n 's/^END: \([0-9]* [0-9]\.[0-9]\).*/\1/p' <<<"$said")"
    elif org_wait_mail partner "$user" $((before + 1)); then
        verdict=$(field "$MAIL" X-Smimed-Encryption)
        found="$verdict $(grep -qF "$SECRET" "$MAIL" && echo clear || echo unreadable)"
    else
        found='nothing'
    fi
    ok "incoming $mode, $kind: $3" equals "$found" "$3"
}

incoming_modes() {
    local mode
    for mode in undefined none decrypt-optional decrypt-always; do
        incoming "$mode" plain 'none clear'
    done
    incoming decrypt-forced plain 'refused 550 5.7'
    incoming none to-dana 'not-decrypted unreadable'
    for mode in undefined decrypt-optional decrypt-always decrypt-forced; do
        incoming "$mode" to-dana 'decrypted clear'
    done
    for mode in undefined none decrypt-optional; do
        incoming "$mode" to-others 'not-decrypted unreadable'
    done
    incoming decrypt-always to-others 'refused 550 5.7'
    incoming decrypt-forced to-others 'refused 550 5.7'
}

# Several recipients: those of one plan share a message, another one's gets 452.
recipients() {
    local said
    message "$E2E_DIR/message" alice@example.com two@sink.test,key-encrypt-optional@sink.test same-plan
    org_send example alice --to two@sink.test --to key-encrypt-optional@sink.test \
        "$E2E_DIR/message" >/dev/null
    ok 'two recipients of one plan: accepted' equals "$?" 0
    wait_until 15 find_case sink same-plan
    ok 'two recipients of one plan: one message, encrypted for both' equals \
        "$(cms_summary "$WIRE_FILE" | grep -o RecipientInfo | wc -l) $(protection "$WIRE_FILE")" \
        '2 signed+encrypted'
    message "$E2E_DIR/message" alice@example.com key-none@sink.test,two@sink.test other-plan
    said=$(org_send example alice --to key-none@sink.test --to two@sink.test "$E2E_DIR/message")
    ok 'another plan: 452 4.5.3 at RCPT' matches "$said" 'RCPT two@sink.test: 452 4\.5\.3'
    ok 'another plan: the first recipient is served' matches "$said" 'END: 250'
    wait_until 15 find_case sink other-plan
    ok 'another plan: the message has only the first recipient' equals \
        "$(grep -ci '^C: RCPT' "${WIRE_FILE%.eml}.smtp") $(protection "$WIRE_FILE")" '1 plain'
    sed -i 's/other-plan/each-plan/' "$E2E_DIR/message"
    ok 'a client that tries again gets both through' org_send example alice --each \
        --to key-none@sink.test --to two@sink.test "$E2E_DIR/message"
    wait_until 15 mta_queue_empty "$E2E_DIR/example/mta"
    ok 'and each has got what its rule says' equals "$(each_protection each-plan)" \
        'key-none@sink.test:plain two@sink.test:signed+encrypted'
    message "$E2E_DIR/message" alice@example.com two@sink.test blind
    said=$(org_send example alice --to two@sink.test --to key-encrypt-optional@sink.test \
        "$E2E_DIR/message")
    ok 'a blind copy is not named by a RecipientInfo: refused' matches "$said" 'END: 550 5\.7\.'
    ok 'and nothing of it goes out' not find_case sink blind
}

# Every transmission of a case as recipient:protection, sorted.
each_protection() {
    local file
    for file in "$E2E_DIR"/wire/sink/*.eml; do
        [ "$(field "$file" X-Case)" = "$1" ] || continue
        printf '%s:%s\n' "$(sed -n 's/^C: RCPT TO:<\([^>]*\)>.*/\1/Ip' "${file%.eml}.smtp")" \
            "$(protection "$file")"
    done | sort | paste -sd' '
}

# The bounce that alice gets for mail to full@partner.test, in BOUNCE.
bounce_of() {
    local before
    before=$(wire_count example)
    ./smtp_client.pl --lf --port "${ORG_INBOUND[partner]}" --from alice@example.com \
        --to full@partner.test --mail-args "${1:-}" "$E2E_DIR/sent" >"$E2E_DIR/said"
    wait_until 20 wire_reached example $((before + 1))
    BOUNCE=$E2E_DIR/wire/example/$((before + 1)).eml
}

bounces() {
    message "$E2E_DIR/message" alice@example.com full@partner.test bounced
    cp "$E2E_DIR/message" "$E2E_DIR/sent"
    bounce_of
    ok 'a bounce of plain mail has the whole text' contains "$BOUNCE" "$SECRET"
    encrypted "$E2E_DIR/sent" "$E2E_DIR/partner/pki/dana.pem"
    bounce_of
    ok 'a bounce of decrypted mail comes' contains "$BOUNCE" multipart/report
    ok 'a bounce of decrypted mail has no text' lacks "$BOUNCE" "$SECRET"
    bounce_of 'RET=FULL ENVID=envelope-17'
    ok 'not even where the sender asks for it' lacks "$BOUNCE" "$SECRET"
    ok 'and the sender keeps his ENVID' contains "$BOUNCE" envelope-17
}

e2e_begin
set_up || die 'the set-up failed'
outgoing_modes
incoming_modes
recipients
bounces
finish
