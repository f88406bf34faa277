#!/bin/bash
# How smimed sends: to a real Postfix by Unix socket, by TLS with good and bad certificates, with a
# login; what arrives is what was handed over, and what was asked of deliveries is known there.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

BUILD=$(dirname "${SMIMED:-$E2E_TOP/build/plain/smimed}")
HAND_OVER=${HAND_OVER:-$BUILD/tests/tools/hand_over}

# certificate NAME HOST DAYS: NAME.pem and NAME.key, by the test's own authority.
certificate() {
    pki_openssl req -new -newkey rsa:2048 -nodes -keyout "$E2E_DIR/tls/$1.key" -subj "/CN=$2" \
        -out "$E2E_DIR/tls/$1.csr" &&
        pki_openssl x509 -req -in "$E2E_DIR/tls/$1.csr" -days "$3" -CA "$E2E_DIR/tls/ca.pem" \
            -CAkey "$E2E_DIR/tls/ca.key" -CAcreateserial -out "$E2E_DIR/tls/$1.pem" \
            -extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$2")
}

certificates() {
    mkdir -p "$E2E_DIR/tls"
    pki_openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Test TLS CA' \
        -keyout "$E2E_DIR/tls/ca.key" -out "$E2E_DIR/tls/ca.pem" &&
        certificate good localhost 2 && certificate name elsewhere.test 2 &&
        certificate expired localhost -1 &&
        pki_openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
            -addext subjectAltName=DNS:localhost -keyout "$E2E_DIR/tls/self.key" \
            -out "$E2E_DIR/tls/self.pem"
}

# listen NAME CERTIFICATE PARAMETER...: PORTS[NAME]
declare -A PORTS
listen() {
    local name=$1 certificate=$2
    shift 2
    free_port
    PORTS[$name]=$PORT
    [ "$certificate" = - ] ||
        set -- "$@" "smtpd_tls_cert_file=$E2E_DIR/tls/$certificate.pem" \
            "smtpd_tls_key_file=$E2E_DIR/tls/$certificate.key"
    postfix_listen "$E2E_DIR/mta" "$PORT" "$name" "$@"
}

set_up() {
    local dir=$E2E_DIR/mta
    certificates || return 1
    postfix_make "$dir" example.com
    postfix_user "$dir" example.com smimed secret || return 1
    postfix_mailbox "$dir" bob@example.com
    postfix_mailbox "$dir" alice@example.com
    printf 'müller@example.com %s/\n' mueller >>"$dir/etc/mailboxes"
    # The example that is installed, but for its chroot.
    printf 'tlsmgr unix - - n 1000? 1 tlsmgr\n' >>"$dir/etc/master.cf"
    sed -n '/^#smimed-reinject/,$s/^#//p' "$E2E_TOP/etc/postfix-master.cf" |
        sed -E '/^smimed/s/ y / n /' >>"$dir/etc/master.cf"
    postfix_set "$dir" 'smimed_reinject_milters =' 'smimed_incoming_milters ='
    printf 'team@example.com alice@example.com, bob@example.com\n' >"$dir/etc/aliases"
    postfix_mailbox "$dir" archive@example.com
    postfix_set "$dir" "virtual_alias_maps = texthash:$dir/etc/aliases" \
        'always_bcc = archive@example.com'
    local login='smtpd_sasl_auth_enable=yes smtpd_recipient_restrictions=permit_sasl_authenticated,reject'
    # shellcheck disable=SC2086 # two parameters
    listen login good smtpd_tls_security_level=encrypt smtpd_tls_auth_only=yes $login &&
        listen good good smtpd_tls_security_level=may &&
        listen name name smtpd_tls_security_level=may &&
        listen expired expired smtpd_tls_security_level=may &&
        listen self self smtpd_tls_security_level=may &&
        listen implicit good smtpd_tls_wrappermode=yes &&
        listen plain - &&
        listen bare - 'smtpd_discard_ehlo_keywords=dsn,smtputf8' &&
        postfix_start "$dir"
    printf 'secret\n' >"$E2E_DIR/password"
    chmod 0600 "$E2E_DIR/password"
    printf 'wrong\n' >"$E2E_DIR/wrong"
    chmod 0600 "$E2E_DIR/wrong"
}

# configure REINJECT [MAIL_SERVER]
configure() {
    printf 'managed_domains = [ "example.com" ];\nsmtp_timeout_s = 5;\nhelo_name = "gw.example.com";\n' \
        >"$E2E_DIR/conf"
    printf 'reinject = %s;\n' "$1" >>"$E2E_DIR/conf"
    [ -z "${2:-}" ] || printf 'mail_server = %s;\n' "$2" >>"$E2E_DIR/conf"
}

# hand ARGUMENT...: the message in E2E_DIR/message; SAID is what came of it.
hand() {
    SAID=$(timeout 60 "$HAND_OVER" "$E2E_DIR/conf" "$@")
}

mail_count() {
    find "$E2E_DIR/mta/mail/$1/new" -type f 2>/dev/null | wc -l
}

mail_reached() {
    [ "$(mail_count "$1")" -ge "$2" ]
}

# newest USER COUNT: MAIL is the newest mail, once there are COUNT.
newest() {
    wait_until 15 mail_reached "$1" "$2"
    MAIL=$(find "$E2E_DIR/mta/mail/$1/new" -type f -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
}

# What was handed over, with the line ends of a Maildir.
as_sent() {
    sed 's/\r$//' "$E2E_DIR/message"
}

# The delivered one without what Postfix writes in front.
as_delivered() {
    sed '1,/^Subject/{/^Subject/!d}' "$MAIL"
}

unix_socket() {
    configure "\"unix:$E2E_DIR/mta/queue/public/smimed-reinject\""
    {
        printf 'Subject: dots and long lines\r\nX-Folded: one\r\n\ttwo\r\n\r\n.\r\n..\r\n.dot\r\n'
        head -c 3000 /dev/zero | tr '\0' x
        printf '\r\n \r\n\t\r\nFrom here\r\n\r\n\r\n.\r\n'
    } >"$E2E_DIR/message"
    hand reinject "$E2E_DIR/message" from=alice@example.com to=bob@example.com
    ok 'a Unix listener takes a copy' equals "$SAID" 'done 1 - '
    newest bob 1
    ok 'what arrives is what was handed over' cmp <(as_sent) <(as_delivered)
    ok 'the listener sees a client on this machine' \
        contains "$E2E_DIR/mta/log/postfix.log" 'reinject/smtpd'
    ok 'and our name' contains "$MAIL" 'from gw.example.com (localhost [127.0.0.1])'
    hand reinject "$E2E_DIR/message" from= to=bob@example.com
    newest bob 2
    ok 'the null sender stays' contains "$MAIL" 'Return-Path: <>'
}

eight_bits() {
    printf 'Subject: x\r\n\r\nbytes \374 \200 \377\r\n' >"$E2E_DIR/message"
    hand reinject "$E2E_DIR/message" from=alice@example.com to=bob@example.com
    newest bob 3
    ok '8-bit content arrives' cmp <(as_sent) <(as_delivered)
    printf 'Subject: Grüße\r\n\r\nhello\r\n' >"$E2E_DIR/message"
    hand reinject "$E2E_DIR/message" utf8 from=jürgen@example.com to=müller@example.com
    ok 'international addresses are taken' equals "$SAID" 'done 1 - '
    newest mueller 1
    ok 'with an international header field' cmp <(as_sent) <(as_delivered)
    configure "\"inet:${PORTS[bare]}@localhost\""
    hand reinject "$E2E_DIR/message" utf8 from=jürgen@example.com to=müller@example.com
    ok 'where SMTPUTF8 is not offered they are refused' matches "$SAID" '^refused 0 .*SMTPUTF8'
    hand reinject "$E2E_DIR/message" from=alice@example.com to=bob@example.com,NEVER ret=HDRS
    ok 'and DSN parameters are left out where DSN is not' equals "$SAID" 'done 1 - '
    newest bob 4
}

delivery_status() {
    configure "\"unix:$E2E_DIR/mta/queue/public/smimed-reinject\""
    printf 'Subject: dsn\r\n\r\nthe secret text\r\n' >"$E2E_DIR/message"
    hand reinject "$E2E_DIR/message" envid=E+2B17 ret=HDRS from=alice@example.com \
        'to=bob@example.com,SUCCESS,rfc822;bobby+2Bx@elsewhere.test'
    newest alice 1
    ok 'a delivery report comes' contains "$MAIL" 'Action: delivered'
    ok 'it has ENVID' contains "$MAIL" 'Original-Envelope-Id: E+17'
    ok 'ORCPT' contains "$MAIL" 'Original-Recipient: rfc822;bobby+x@elsewhere.test'
    ok 'and by RET=HDRS the header only' lacks "$MAIL" 'the secret text'
    hand reinject "$E2E_DIR/message" from=alice@example.com to=bob@example.com,NEVER copy \
        from=alice@example.com to=alice@example.com
    ok 'two copies at once' equals "$SAID" 'done 2 - '
    newest alice 2
    newest bob 6
}

refusals() {
    local before
    before=$(mail_count bob)
    configure "\"inet:${PORTS[plain]}@localhost\""
    hand reinject "$E2E_DIR/message" from=alice@example.com to=bob@example.com copy \
        from=alice@example.com to=bob@example.com to=nobody@example.com
    ok 'one refused recipient of the second copy' \
        matches "$SAID" '^refused 0 nobody@example.com .*answers RCPT TO:<nobody@example.com> with: 550 5\.1\.1'
    wait_until 5 mta_queue_empty "$E2E_DIR/mta"
    ok 'and nothing is delivered' equals "$(mail_count bob)" "$before"
    configure "\"unix:$E2E_DIR/mta/queue/public/nobody\""
    hand reinject "$E2E_DIR/message" from=alice@example.com to=bob@example.com
    ok 'nobody listens: deferred' matches "$SAID" '^deferred 0 - .*public/nobody'
}

# A copy has the recipients as they came to the MTA, so that aliases are still to be followed; what
# always_bcc gets is a copy of the message in hand, and not one more of each copy.
mappings() {
    local archived
    wait_until 5 mta_queue_empty "$E2E_DIR/mta"
    archived=$(mail_count archive)
    hand reinject "$E2E_DIR/message" from=alice@example.com to=team@example.com
    newest alice 3
    newest bob 7
    ok 'aliases are followed' contains "$MAIL" 'X-Original-To: team@example.com'
    wait_until 5 mta_queue_empty "$E2E_DIR/mta"
    ok 'and nothing is copied once more' equals "$(mail_count archive)" "$archived"
}

# by LISTENER GROUP-MEMBERS
by() {
    configure '""' "{ address = \"inet:${PORTS[$1]}@localhost\"; ca_file = \"$E2E_DIR/tls/ca.pem\"; ${2:-} }"
    hand own "$E2E_DIR/message" from=alice@example.com to=bob@example.com
}

tls() {
    by good 'tls = "required";'
    ok 'STARTTLS required, good certificate' equals "$SAID" 'done 1 - '
    newest bob 8
    ok 'the session was encrypted' contains "$MAIL" 'with ESMTPS'
    by good 'tls = "opportunistic";'
    ok 'opportunistic, good certificate' equals "$SAID" 'done 1 - '
    newest bob 9
    ok 'is encrypted as well' contains "$MAIL" 'with ESMTPS'
    by implicit 'tls = "implicit";'
    ok 'TLS at once' equals "$SAID" 'done 1 - '
    newest bob 10
    ok 'is encrypted' contains "$MAIL" 'with ESMTPS'
    by plain 'tls = "opportunistic";'
    ok 'opportunistic, without TLS at the other end' equals "$SAID" 'done 1 - '
    by plain 'tls = "required";'
    ok 'required, without TLS at the other end' matches "$SAID" '^deferred 0 .*STARTTLS'
    by name 'tls = "required";'
    ok 'a certificate of another name' matches "$SAID" '^deferred 0 .*subject name'
    by name 'tls = "required"; verify = "chain";'
    ok 'the name is not asked for' equals "$SAID" 'done 1 - '
    by expired 'tls = "opportunistic";'
    ok 'an expired certificate' matches "$SAID" '^deferred 0 .*expired'
    by self 'tls = "required";'
    ok 'a self-signed certificate' matches "$SAID" '^deferred 0 .*self-signed'
    by self 'tls = "required"; verify = "none";'
    ok 'nothing is asked for' equals "$SAID" 'done 1 - '
}

logins() {
    local login="user = \"smimed@example.com\"; password_file"
    by login 'tls = "required";'
    ok 'a listener that wants a login' matches "$SAID" '^refused 0 .*554 5\.7\.1'
    by login "tls = \"required\"; $login = \"$E2E_DIR/password\";"
    ok 'gets one' equals "$SAID" 'done 1 - '
    newest bob 14
    ok 'and knows it' contains "$MAIL" 'with ESMTPSA'
    by login "tls = \"required\"; $login = \"$E2E_DIR/wrong\";"
    ok 'a wrong password' matches "$SAID" '^deferred 0 .*535 5\.7\.8'
    by plain "tls = \"opportunistic\"; $login = \"$E2E_DIR/password\";"
    ok 'no password goes out without TLS' matches "$SAID" '^deferred 0 .*STARTTLS'
}

e2e_begin
set_up || die 'the set-up failed'
unix_socket
eight_bits
delivery_status
mappings
refusals
tls
logins
finish
