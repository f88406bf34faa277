#!/bin/bash
# What smimed changes, as the mail server carries it out: fields keep their octets, new ones stand where
# they belong, the envelope keeps what the sender asked for, and the log names the queue.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

RULE='{ managed = [ "*" ]; external = [ "*" ]; outgoing = "encrypt-optional"; }'

# Beside the sink, which does not offer 8BITMIME, there is a next hop that does.
set_up() {
    pair_make '' '' && pair_user example alice && pair_user partner bob &&
        pair_user partner onward || return 1
    org_ctl example pubkey import "$E2E_DIR/partner/pki/bob.pem" >/dev/null || return 1
    org_rules example "$RULE"
    free_port
    background "$E2E_DIR/eight.log" smtp-sink -u nobody "127.0.0.1:$PORT" 100
    wait_until 5 port_answers "$PORT" && wire_tap eight "$PORT" || return 1
    org_routes example "partner.test=${WIRE_PORT[partner]}" "eight.test=${WIRE_PORT[eight]}" \
        "*=${WIRE_PORT[sink]}"
    org_routes partner "onward@partner.test=${WIRE_PORT[eight]}" \
        "example.com=${WIRE_PORT[example]}" "*=${WIRE_PORT[sink]}"
    pair_start
}

# Fields with any blanks behind the colon, and folded ones.
odd_fields() {
    printf 'X-None:value\r\nX-One: value\r\nX-Two:  value\r\nX-Tab:\tvalue\r\n'
    printf 'X-Trailing: value \t\r\nX-Folded: one\r\n\ttwo\r\n   three\r\nX-Empty:\r\n'
    printf 'X-Again: 1\r\nX-Again:  2\r\nX-Again:3\r\n'
}

# message FROM TO [FIELDS]: CRLF, 8-bit text.
message() {
    {
        printf 'Received: from a.test by b.test; Mon, 1 Jun 2026 10:00:00 +0000\r\n'
        printf 'From: %s\r\nTo: %s\r\nSubject:  two blanks\r\nMessage-ID: <1@example.com>\r\n' "$1" "$2"
        printf 'Date: Mon, 01 Jun 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n'
        printf 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n'
        odd_fields
        printf '\r\nGr\xc3\xbc\xc3\x9fe\r\n'
    } >"$E2E_DIR/message"
}

# What odd_fields() wrote, out of a message.
odd_fields_of() {
    sed '/^\r*$/,$d' "$1" | sed -n '/^X-None:/,/^X-Again:3/p' | sed 's/\r$//'
}

# send PORT FROM TO OPTIONS...
send() {
    ./smtp_client.pl --port "$1" --from "$2" --to "$3" "${@:4}" "$E2E_DIR/message"
}

login=(--login "alice@example.com:$ORG_PASSWORD")
dsn=(--mail-args 'RET=FULL ENVID=envelope-17 BODY=8BITMIME'
    --rcpt-args 'NOTIFY=FAILURE,DELAY ORCPT=rfc822;Reader@sink.test')

signed_by() {
    cms_verify "$1" "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" "$E2E_DIR/content" &&
        same_certificate "$E2E_DIR/signer.pem" "$E2E_DIR/example/pki/$2.pem"
}

# Without regard to case: Sendmail writes "MAIL From:".
said_to() {
    grep -qi -- "$2" "${1%.eml}.smtp" || {
        cat "${1%.eml}.smtp"
        return 1
    }
}

signing() {
    message alice@example.com reader@sink.test
    ok 'a signed message is accepted' send "${ORG_SUBMISSION[example]}" alice@example.com \
        reader@sink.test "${login[@]}" "${dsn[@]}"
    wire_wait sink 1
    ok 'signed' signed_by "$WIRE" alice
    ok 'and 7-bit: the next hop has no 8BITMIME' seven_bit "$WIRE"
    ok 'the fields around it keep their octets' \
        equals "$(odd_fields_of "$WIRE")" "$(odd_fields | sed 's/\r$//')"
    ok 'the subject keeps its two blanks' contains "$WIRE" 'Subject:  two blanks'
    ok 'there is one Content-Type' equals "$(sed '/^\r*$/,$d' "$WIRE" | grep -ci ^Content-Type:)" 1
    ok 'RET goes on' said_to "$WIRE" 'MAIL FROM:.*RET=FULL'
    ok 'ENVID goes on' said_to "$WIRE" 'MAIL FROM:.*ENVID=envelope-17'
    ok 'NOTIFY goes on' said_to "$WIRE" 'RCPT TO:.*NOTIFY=FAILURE,DELAY'
    ok 'ORCPT goes on' said_to "$WIRE" 'RCPT TO:.*ORCPT=rfc822;Reader@sink.test'
    message alice@example.com reader@eight.test
    ok 'for a next hop with 8BITMIME' send "${ORG_SUBMISSION[example]}" alice@example.com \
        reader@eight.test "${login[@]}" --mail-args BODY=8BITMIME
    wire_wait eight 1
    ok 'it is signed too' signed_by "$WIRE" alice
    ok 'and 7-bit as well' seven_bit "$WIRE"
}

# The log is to be read beside the MTA's.
queue_id() {
    local id
    id=$(sed -n 's/.*with E*SMTP[A-Z0-9]* id \([A-Za-z0-9]*\).*/\1/p' "$E2E_DIR/wire/sink/1.eml" |
        head -n 1)
    ok 'the MTA says its queue id' matches "$id" '^[A-Za-z0-9]+$'
    ok 'and the log line of the message begins with it' grep -qE "[ :]$id: .*direction=outgoing" \
        "$(org_log example)"
}

# The verdict stands above the fields that the message brought along.
verdict() {
    message alice@example.com bob@partner.test
    ok 'signed and encrypted' send "${ORG_SUBMISSION[example]}" alice@example.com \
        bob@partner.test "${login[@]}" --mail-args BODY=8BITMIME
    org_wait_mail partner bob 1
    ok 'the reader gets a verdict' equals "$(field "$MAIL" X-Smimed-Signature)" valid
    ok 'above what the message brought along' above_trace "$MAIL"
    ok 'which keeps its octets' equals "$(odd_fields_of "$MAIL")" "$(odd_fields | sed 's/\r$//')"
    ok 'openssl verifies what the reader got' signed_by "$MAIL" alice
    ok 'of the fields of the encrypted message none is left' lacks "$MAIL" enveloped-data
}

above_trace() {
    perl -0777 -ne '
        s/\r?\n\r?\n.*//s;
        my $results = /^Authentication-Results: mail\.partner\.test;/m ? $-[0] : die "no verdict\n";
        my $trace = /^Received: from a\.test/m ? $-[0] : die "no Received\n";
        die "below Received\n" if $results > $trace;' "$1"
}

# Decrypted mail that goes on to another server: no bounce may take its text back, whatever the sender
# asked for.
decrypted_goes_on() {
    {
        printf 'From: x@else.test\nTo: onward@partner.test\nSubject: test\n'
        printf 'Content-Type: text/plain\n\nhello\n' |
            openssl cms -encrypt -aes256 "$E2E_DIR/partner/pki/onward.pem"
    } | sed 's/$/\r/' >"$E2E_DIR/message"
    ok 'encrypted mail of a stranger is accepted' send "${ORG_INBOUND[partner]}" x@else.test \
        onward@partner.test "${dsn[@]}"
    wire_wait eight 2
    ok 'it goes on decrypted' equals "$(field "$WIRE" X-Smimed-Encryption)" decrypted
    ok 'with RET=HDRS' said_to "$WIRE" 'MAIL FROM:<x@else.test>.*RET=HDRS'
    ok 'and the ENVID of the sender' said_to "$WIRE" 'MAIL FROM:.*ENVID=envelope-17'
}

# The null sender: a bounce that a program of ours sends by the submission port is From's.
null_sender() {
    local before
    before=$(wire_count sink)
    message alice@example.com reader@sink.test
    ok 'the null sender is accepted' send "${ORG_SUBMISSION[example]}" '' reader@sink.test \
        "${login[@]}"
    wire_wait sink $((before + 1))
    ok 'and goes on as it is' said_to "$WIRE" 'MAIL FROM:<>'
}

e2e_begin
set_up || die 'the set-up failed'
signing
queue_id
verdict
decrypted_goes_on
null_sender
finish
