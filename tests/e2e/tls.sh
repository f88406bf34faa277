#!/bin/bash
# smimectl tls check against a real Postfix and a real Dovecot: with good, expired, self-signed and
# foreign certificates, and without TLS.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh
# shellcheck source-path=SCRIPTDIR
. ./dovecot.sh

HOST=mail.example.com
PKI=

# certificate NAME DAYS HOST: NAME.pem and NAME.key by the CA.
certificate() {
    openssl req -new -newkey rsa:2048 -nodes -keyout "$PKI/$1.key" -subj "/CN=$3" \
        -out "$PKI/$1.csr" 2>/dev/null &&
        printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$3" >"$PKI/$1.ext" &&
        openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/ca.pem" -CAkey "$PKI/ca.key" \
            -CAcreateserial -days "$2" -extfile "$PKI/$1.ext" -out "$PKI/$1.pem" 2>/dev/null
}

make_certificates() {
    PKI=$E2E_DIR/pki
    mkdir "$PKI" && openssl req -x509 -newkey rsa:2048 -nodes -keyout "$PKI/ca.key" \
        -out "$PKI/ca.pem" -days 30 -subj '/CN=Test CA' 2>/dev/null &&
        openssl req -x509 -newkey rsa:2048 -nodes -keyout "$PKI/self.key" -out "$PKI/self.pem" \
            -days 30 -subj "/CN=$HOST" -addext "subjectAltName=DNS:$HOST" 2>/dev/null &&
        certificate good 60 "$HOST" && certificate expired -1 "$HOST" &&
        certificate foreign 60 www.other.test
}

declare -A port=()

# listener NAME [CERTIFICATE] [PARAMETER...]: a Postfix port with this certificate, or without TLS.
listener() {
    local name=$1 certificate=${2:-}
    shift $(($# > 1 ? 2 : 1))
    free_port
    port[$name]=$PORT
    [ -z "$certificate" ] || set -- smtpd_tls_security_level=may "$@" \
        "smtpd_tls_cert_file=$PKI/$certificate.pem" "smtpd_tls_key_file=$PKI/$certificate.key"
    postfix_listen "$E2E_DIR/postfix" "$PORT" "$name" "$@"
}

start_postfix() {
    postfix_make "$E2E_DIR/postfix" example.com || return 1
    postfix_set "$E2E_DIR/postfix" 'smtpd_tls_protocols = >=TLSv1.2' \
        'smtpd_tls_mandatory_protocols = >=TLSv1.2'
    # What Postfix runs unprivileged has to get through.
    chmod 0755 "$E2E_DIR" "$PKI"
    printf 'tlsmgr unix - - n 1000? 1 tlsmgr\n' >>"$E2E_DIR/postfix/etc/master.cf"
    listener smtp good
    listener submission good smtpd_sasl_auth_enable=yes smtpd_tls_auth_only=yes \
        smtpd_tls_security_level=encrypt
    listener submissions good smtpd_tls_wrappermode=yes
    listener loose good smtpd_sasl_auth_enable=yes
    listener old good smtpd_tls_wrappermode=yes 'smtpd_tls_mandatory_protocols=>=TLSv1' \
        'tls_medium_cipherlist=DEFAULT:@SECLEVEL=0'
    listener only12 good 'smtpd_tls_protocols=TLSv1.2'
    listener expired expired
    listener self self
    listener foreign foreign
    listener plain
    postfix_user "$E2E_DIR/postfix" example.com alice secret && postfix_start "$E2E_DIR/postfix"
}

start_dovecot() {
    local name number=2
    for name in imap imaps pop3 pop3s; do
        free_port
        port[$name]=$PORT
    done
    dovecot_make "$E2E_DIR/dovecot" "${port[imap]}" "${port[imaps]}" "${port[pop3]}" \
        "${port[pop3s]}" "$PKI/good.pem" "$PKI/good.key"
    for name in expired self foreign; do
        dovecot_at "$E2E_DIR/dovecot" "127.0.0.$number" "ssl_cert = <$PKI/$name.pem" \
            "ssl_key = <$PKI/$name.key"
        number=$((number + 1))
    done
    dovecot_at "$E2E_DIR/dovecot" 127.0.0.5 'ssl = no' 'disable_plaintext_auth = no'
    # Whom Dovecot sees come from its own address (127.0.0.1) it lets log in without TLS.
    dovecot_at "$E2E_DIR/dovecot" 127.0.0.6
    dovecot_start "$E2E_DIR/dovecot" "${port[imap]}"
}

# check ADDRESS SERVICE=PORT... [-- OPTION...]: SAID and STATUS.
check() {
    local address=$1 arguments=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        arguments+=(--service "$1")
        shift
    done
    [ $# -eq 0 ] || shift
    SAID=$("$SMIMECTL" tls check "$HOST" --address "$address" "${arguments[@]}" \
        --tls-ca "$PKI/ca.pem" "$@" 2>&1)
    STATUS=$?
}

# expect NAME STATUS REGULAR-EXPRESSION
expect() {
    ok "$1: exit code $2" equals "$STATUS" "$2"
    ok "$1" matches "$SAID" "$3"
}

e2e_begin
[ -x /usr/sbin/dovecot ] || die 'dovecot is not installed'
make_certificates || die 'no certificates'
start_postfix || die 'Postfix does not start'
start_dovecot || die 'Dovecot does not start'

sending=() reading=()
for name in smtp submission submissions; do
    sending+=("$name=${port[$name]}")
done
for name in imap imaps pop3 pop3s; do
    reading+=("$name=${port[$name]}")
done
check 127.0.0.1 "${sending[@]}"
expect 'Postfix with a good certificate' 0 'submission +[0-9]+ +STARTTLS +1\.2, 1\.3 .* ok'
ok 'all three ports are fine' equals "$(grep -c ' ok$' <<<"$SAID")" 3
check 127.0.0.6 "${reading[@]}"
expect 'Dovecot with a good certificate' 0 'pop3 +[0-9]+ +STLS +1\.2, 1\.3 .* ok'
ok 'all four ports are fine' equals "$(grep -c ' ok$' <<<"$SAID")" 4

check 127.0.0.6 "${reading[@]}" -- --days 90
expect 'a certificate that runs out' 4 'imaps [0-9]+: warning: the certificate runs out in'

check 127.0.0.1 "smtp=${port[only12]}"
expect 'Postfix with one version' 0 'STARTTLS +1\.2 +'

check 127.0.0.1 "submissions=${port[old]}"
expect 'Postfix with old versions' 4 'implicit +1\.0, 1\.1, 1\.2, 1\.3 .*RFC 8996'

check 127.0.0.1 "submission=${port[loose]}"
expect 'Postfix that takes passwords in the clear' 4 'passwords are taken without encryption'

for name in expired self foreign; do
    case $name in
    expired) words='ran out on' ;;
    self) words='signed by itself' ;;
    foreign) words='not for mail.example.com but for DNS:www.other.test' ;;
    esac
    check 127.0.0.1 "smtp=${port[$name]}"
    expect "Postfix, $name" 5 "$words"
    case $name in
    expired) address=127.0.0.2 ;;
    self) address=127.0.0.3 ;;
    foreign) address=127.0.0.4 ;;
    esac
    check "$address" "imap=${port[imap]}" "imaps=${port[imaps]}" "pop3=${port[pop3]}" \
        "pop3s=${port[pop3s]}"
    expect "Dovecot, $name" 5 "$words"
    ok "Dovecot, $name: on all four ports" equals "$(grep -c "failed: .*$words" <<<"$SAID")" 4
done

check 127.0.0.1 "smtp=${port[plain]}"
expect 'Postfix without TLS' 5 'offers no encryption'
check 127.0.0.5 "imap=${port[imap]}" "pop3=${port[pop3]}"
expect 'Dovecot without TLS' 5 'imap [0-9]+: failed: the server offers no encryption'
ok 'Dovecot without TLS: passwords in the clear' matches "$SAID" \
    'pop3 [0-9]+: warning: passwords are taken'

# The wrong way to begin.
check 127.0.0.1 "imaps=${port[imap]}" -- --timeout 5
expect 'TLS at once where STARTTLS is due' 5 'imaps [0-9]+: failed'
check 127.0.0.1 "imap=${port[imaps]}" -- --timeout 5
expect 'STARTTLS where TLS is due at once' 5 'imap [0-9]+: failed'

# We leave as good clients do.
ok 'Postfix is told goodbye' lacks "$E2E_DIR/postfix/log/postfix.log" 'lost connection after EHLO'
ok 'within TLS too' grep -Eq 'disconnect .* ehlo=2 starttls=1 quit=1' \
    "$E2E_DIR/postfix/log/postfix.log"
finish
