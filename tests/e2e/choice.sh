#!/bin/bash
# What a sender asks for by himself, and rules that demand TLS, through the mail server.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

SECRET='the password of the door is swordfish'
TLS_RULE='{ managed = [ "*" ]; external = [ "tls.test" ]; require_tls = true; }'

# example has alice with a certificate, and knows bob's key; partner knows nobody's.
set_up() {
    pair_make '' '' && pair_user example alice && pair_user partner bob &&
        org_rules example "$TLS_RULE" || return 1
    offer_tls && pair_start && org_ctl example pubkey import "$E2E_DIR/partner/pki/bob.pem" >/dev/null
}

# The listeners of example offer STARTTLS, with a certificate that nobody checks.
offer_tls() {
    local etc=$E2E_DIR/example/mta/etc
    openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=mail.example.com \
        -addext subjectAltName=DNS:mail.example.com \
        -keyout "$etc/tls.key" -out "$etc/tls.pem" 2>/dev/null && chmod 0600 "$etc/tls.key" &&
        "offer_tls_$E2E_MTA" "$etc"
}

offer_tls_postfix() {
    printf 'tlsmgr unix - - n 1000? 1 tlsmgr\n' >>"$1/master.cf"
    postfix_set "${1%/etc}" "smtpd_tls_cert_file = $1/tls.pem" "smtpd_tls_key_file = $1/tls.key" \
        'smtpd_tls_security_level = may'
}

offer_tls_sendmail() {
    printf "define(\`%s', \`%s')dnl\n" confSERVER_CERT "$1/tls.pem" confSERVER_KEY "$1/tls.key" \
        confCACERT "$1/tls.pem" confCACERT_PATH "$1" confTLS_SRV_OPTIONS V >>"$1/listeners.mc"
}

# ask TO FIELD...: alice submits a message with these fields to TO; NEXT is what bob's side sees.
ask() {
    local to=$1
    shift
    {
        printf 'From: alice@example.com\nTo: %s\n' "$to"
        printf '%s\n' "$@" '' "$SECRET"
    } >"$E2E_DIR/message"
    before=$(wire_count partner)
    said=$(org_send example alice --to "$to" "$E2E_DIR/message")
    status=$?
    NEXT=$E2E_DIR/wire/partner/$((before + 1)).eml
    [ "$status" -ne 0 ] || [[ $to != *@partner.test ]] ||
        wait_until 15 wire_reached partner $((before + 1))
}

choices() {
    ask bob@partner.test 'Subject: hello'
    ok 'nothing is asked: signed only' contains "$NEXT" "$SECRET"
    ask bob@partner.test 'X-Smimed: sign' 'Subject: =?utf-8?q?=5BEncrypt=5D_Gr=C3=BC=C3=9Fe?=' \
        'X-Smimed: encrypt' 'Sensitivity: Company-Confidential'
    ok 'encryption is asked for by field and subject: encrypted' lacks "$NEXT" "$SECRET"
    ok 'openssl decrypts it' cms_decrypt "$NEXT" "$E2E_DIR/partner/pki/bob" "$E2E_DIR/clear"
    ok 'and verifies what is inside' cms_verify "$E2E_DIR/clear" \
        "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" "$E2E_DIR/content"
    ok 'the text is there' contains "$E2E_DIR/content" "$SECRET"
    ok 'both fields are taken off' lacks "$NEXT" 'X-Smimed'
    ok 'the word in the subject, too' lacks "$NEXT" 'ncrypt]'
    ok 'and nothing else of the subject, which is hidden' contains "$E2E_DIR/content" 'Subject: =?'
    ok 'the word is not in the protected subject' lacks "$E2E_DIR/content" 'ncrypt]'
    ok 'Sensitivity stays' contains "$NEXT" 'Sensitivity: Company-Confidential'
    ok 'the log says what was asked for' contains "$(org_log example)" \
        'choice="sign, encrypt" choice_by="X-Smimed, Subject, Sensitivity"'
    org_wait_mail partner bob 2
    ok 'bob reads it' contains "$MAIL" "$SECRET"
    ok 'on its way the subject is hidden' contains "$NEXT" 'Subject: [...]'
    ok 'bob sees the subject again' contains "$MAIL" 'Subject: =?'
    ok 'once' test "$(sed '/^\r*$/,$d' "$MAIL" | grep -c '^Subject:')" -eq 1
    ok 'and is told' contains "$MAIL" \
        'X-Smimed-Header-Protection: cipher; restored=Subject; confidential=Subject'
    ask bob@partner.test 'Subject: [plain] hello'
    ok 'plain is not free by default: signed' contains "$NEXT" multipart/signed
    ok 'and the word is gone' contains "$NEXT" 'Subject: hello'
    ask reader@sink.test 'Subject: [encrypt] hello'
    ok 'no key is known: refused' matches "$status $said" '^1 .*END: 550 5\.7\.1 .*reader@sink\.test'
    ask bob@partner.test 'X-Smimed: encypt'
    ok 'a field that nobody understands: refused' matches "$status $said" '^1 .*END: 550 5\.6\.0 '
}

# stranger OPTIONS...: mail from a domain whose rule demands TLS
stranger() {
    printf 'From: x@tls.test\nTo: alice@example.com\n\nhello\n' >"$E2E_DIR/message"
    said=$(./smtp_client.pl --lf --port "${ORG_INBOUND[example]}" --from x@tls.test \
        --to alice@example.com "$@" "$E2E_DIR/message")
    status=$?
}

transport() {
    stranger
    ok 'a rule demands TLS, in the clear: refused at RCPT' matches "$status $said" \
        '^1 .*RCPT alice@example\.com: 530 5\.7\.0 '
    stranger --starttls
    ok 'by TLS: taken' equals "$status" 0
    org_wait_mail example alice 1
    ok 'and delivered' contains "$MAIL" hello
    # What is accepted beside is the mail server's, and only warned of.
    said=$("$SMIMECTL" tls check mail.example.com --address 127.0.0.1 \
        --service "smtp=${ORG_INBOUND[example]}" --tls-ca "$E2E_DIR/example/mta/etc/tls.pem" 2>&1)
    ok 'smimectl tls check sees it' matches "$? $said" '^[04] .*STARTTLS .*1\.2, 1\.3 '
    ok 'the log says by which TLS' contains "$(org_log example)" ' tls="TLSv1'
}

e2e_begin
set_up || die 'the set-up failed'
choices
transport
finish
