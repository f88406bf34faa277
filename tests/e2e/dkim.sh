#!/bin/bash
# A real OpenDKIM around smimed, in the places that `smimectl setup postfix --apply` gives both: what
# leaves carries one signature that verifies, copies too; what strangers signed was verified before it
# was opened, and the reader is told so.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh
# shellcheck source-path=SCRIPTDIR
. ./copies.sh

MTA=
KEYS= # public ones, in place of the DNS

# ---- OpenDKIM ----

# dkim_key SELECTOR DOMAIN: SELECTOR.key, and its record.
dkim_key() {
    openssl genrsa -out "$E2E_DIR/dkim/$1.key" 2048 2>/dev/null && chmod 0600 "$E2E_DIR/dkim/$1.key" &&
        printf '%s._domainkey.%s v=DKIM1; k=rsa; p=%s\n' "$1" "$2" "$(openssl rsa -pubout \
            -in "$E2E_DIR/dkim/$1.key" 2>/dev/null | sed '/^-/d' | tr -d '\n')" >>"$KEYS"
}

# One for both directions, as in most installations: it signs what comes from this machine and from
# whom has logged in, and verifies the rest. Strangers of this test come from 127.0.0.2.
# (RequireSafeKeys would mind that everybody may write to /tmp.)
dkim_start() {
    mkdir -p "$MTA/queue/opendkim"
    cat >"$E2E_DIR/dkim/conf" <<CF
Mode sv
Domain example.com
SubDomains yes
Selector ours
KeyFile $E2E_DIR/dkim/ours.key
Canonicalization relaxed/simple
OversignHeaders From
AuthservID mail.example.com
TestPublicKeys $KEYS
InternalHosts 127.0.0.1
Socket local:$MTA/queue/opendkim/opendkim.sock
PidFile $E2E_DIR/dkim/pid
UMask 000
Syslog no
RequireSafeKeys no
CF
    background "$E2E_DIR/dkim/log" opendkim -f -x "$E2E_DIR/dkim/conf"
    wait_until 5 test -S "$MTA/queue/opendkim/opendkim.sock"
}

# ---- the mail server ----

# It knows OpenDKIM and nothing of smimed.
# shellcheck disable=SC2016 # the variable is Postfix's
without_smimed() {
    sed -i '/milter/d; /^setgid_group/d' "$MTA/etc/main.cf" "$MTA/etc/master.cf"
    postfix_set "$MTA" 'smtpd_milters = unix:opendkim/opendkim.sock' \
        'non_smtpd_milters = $smtpd_milters' 'mailbox_size_limit = 0' \
        "setgid_group = $(id -gn "$SMIMED_USER")" 'default_privs = daemon' \
        'virtual_alias_maps = inline:{{team@example.com=anna@example.com,bert@example.com}}'
}

set_up() {
    local user
    MTA=$E2E_DIR/example/mta
    KEYS=$E2E_DIR/dkim/records
    mkdir -p "$E2E_DIR/dkim"
    pair_make "reinject = \"unix:$MTA/queue/public/smimed-reinject\";
reinject_incoming = \"unix:$MTA/queue/public/smimed-incoming\";
message_size_limit = 104857600L; local_senders = [ \"alice@example.com\" ];" '' || return 1
    for user in anna bert; do
        mta mailbox "$MTA" "$user@example.com"
    done
    pair_user example alice && pair_user example ralf && pair_user partner bob && copies_keys &&
        org_rules example '{ managed = [ "*" ]; external = [ "forced@sink.test" ]; outgoing = "encrypt-forced"; },
{ managed = [ "ralf@example.com" ]; external = [ "*" ]; incoming = "decrypt-forced"; },
{ managed = [ "*" ]; external = [ "*" ]; outgoing = "encrypt-optional"; }' || return 1
    without_smimed
    org_ctl example setup postfix --postfix-config "$MTA/etc" --apply >"$E2E_DIR/applied" 2>&1 || {
        cat "$E2E_DIR/applied"
        return 1
    }
    dkim_key ours example.com && dkim_key theirs partner.test && dkim_start && pair_start
}

# Where `setup` puts smimed, among milters that were there before.
order() {
    ok 'order: strangers: verified, then opened' grep -qE \
        '^smtpd_milters = unix:opendkim/opendkim.sock unix:[^ ]*/inbound.sock$' "$MTA/etc/main.cf"
    ok 'order: users: by smimed, then signed' grep -qE \
        'smtpd_milters=unix:[^ ]*/submission.sock,unix:opendkim/opendkim.sock$' "$MTA/etc/master.cf"
    ok 'order: programs: by smimed, then signed' grep -qE \
        '^non_smtpd_milters = unix:[^ ]*/local.sock unix:opendkim/opendkim.sock$' "$MTA/etc/main.cf"
    ok 'order: nothing is wrong with it' org_ctl example setup postfix --postfix-config "$MTA/etc"
}

# ---- what leaves ----

# A DKIM-Signature, one, of ours, and Mail::DKIM finds it good.
dkim_signed() {
    equals "$(grep -aci '^DKIM-Signature:' "$1")" 1 &&
        equals "$(./dkim.pl verify "$KEYS" <"$1")" 'pass example.com'
}

outgoing() {
    local user
    message all 'key@sink.test, nokey@sink.test, team@example.com'
    ok 'outgoing: accepted' org_send example alice --to key@sink.test --to nokey@sink.test \
        --to team@example.com --to blind@sink.test "$E2E_DIR/message"
    wait_until 20 files_reached all 3
    wait_until 10 mail_reached bert all
    for user in key=encrypted nokey=signed blind=encrypted; do
        copy_for all "${user%=*}@sink.test"
        ok "outgoing: ${user%=*} gets it ${user#*=}" equals "$(kind "$COPY")" "${user#*=}"
        ok "outgoing: ${user%=*}: one signature of ours, and good" dkim_signed "$COPY"
    done
    for user in anna bert; do
        ok "outgoing: $user gets it plain" equals "$(kind "$(mails "$user" all)")" plain
        ok "outgoing: $user: one signature of ours, and good" dkim_signed "$(mails "$user" all)"
    done
}

# What a program of this machine sends, and what smimed writes itself.
others() {
    local before
    message local nokey@sink.test
    mta command "$MTA" -f alice@example.com nokey@sink.test key@sink.test <"$E2E_DIR/message"
    wait_until 20 files_reached local 2
    for user in key=encrypted nokey=signed; do
        copy_for local "${user%=*}@sink.test"
        ok "a program: ${user%=*} gets it ${user#*=}" equals "$(kind "$COPY")" "${user#*=}"
        ok "a program: ${user%=*}: one signature of ours, and good" dkim_signed "$COPY"
    done
    before=$(org_mail example alice | wc -l)
    message report 'key@sink.test, forced@sink.test'
    org_send example alice --to key@sink.test --to forced@sink.test "$E2E_DIR/message" >/dev/null
    wait_until 20 files_reached report 1
    copy_for report key@sink.test
    ok 'beside a refused one: one signature of ours, and good' dkim_signed "$COPY"
    org_wait_mail example alice $((before + 1))
    ok 'the report arrives' contains "$MAIL" 'Final-Recipient: rfc822; forced@sink.test'
}

# ---- what comes in ----

# stranger CASE TO-FIELD [CONTENT-FIELD]: E2E_DIR/message from bob@partner.test, encrypted to alice and
# signed by partner.test.
stranger() {
    message "$1" "$2"
    sed -i 's/^From: .*/From: bob@partner.test/' "$E2E_DIR/message"
    {
        sed '/^$/,$d' "$E2E_DIR/message"
        sed '1,/^$/d' "$E2E_DIR/message" | sed '1i Content-Type: text/plain\n' |
            openssl cms -encrypt -aes256 "$E2E_DIR/example/pki/alice.pem"
    } | ./dkim.pl sign "$E2E_DIR/dkim/theirs.key" theirs partner.test >"$E2E_DIR/sent"
}

# deliver USER...: what was made, from elsewhere.
deliver() {
    local user
    local -a to=()
    for user in "$@"; do
        to+=(--to "$user@example.com")
    done
    ./smtp_client.pl --lf --client 127.0.0.2 --port "${ORG_INBOUND[example]}" \
        --from "${SENDER-bob@partner.test}" "${to[@]}" "$E2E_DIR/sent"
}

# Every result of a method that mail.example.com tells of: results FILE METHOD.
results() {
    perl -0777 -ne '
        BEGIN { $method = shift }
        s/\r?\n\r?\n.*//s; s/\r?\n[ \t]+/ /g;
        print join " ", map { /\b$method=(\w+)/g } /^Authentication-Results:\s*mail\.example\.com;.*/gmi;
    ' "$2" "$1"
}

incoming() {
    stranger one alice@example.com
    ok 'incoming: accepted' deliver alice
    wait_until 20 mail_reached alice one
    MAIL=$(mails alice one)
    ok 'incoming: opened' contains "$MAIL" "$COPIES_TEXT"
    ok 'incoming: was verified before' equals "$(results "$MAIL" dkim)" pass
    ok 'incoming: our verdict is beside it' equals "$(results "$MAIL" smime)" none
    stranger altered alice@example.com
    sed -i 's/^Subject: .*/Subject: other/' "$E2E_DIR/sent"
    ok 'altered: accepted' deliver alice
    wait_until 20 mail_reached alice altered
    ok 'altered: opened' contains "$(mails alice altered)" "$COPIES_TEXT"
    ok 'altered: the reader is told' equals "$(results "$(mails alice altered)" dkim)" fail
    stranger forged alice@example.com
    sed -i '/^DKIM-Signature/d; 1i Authentication-Results: mail.example.com; dkim=pass header.d=partner.test' \
        "$E2E_DIR/sent"
    ok 'forged: accepted' deliver alice
    wait_until 20 mail_reached alice forged
    ok 'forged: the reader is not told so' not grep -q 'dkim=pass' "$(mails alice forged)"
}

not() {
    ! "$@"
}

# Alice's is opened, anna's is not: one of them is a copy.
incoming_split() {
    local user
    stranger two 'alice@example.com, anna@example.com'
    ok 'incoming, split: accepted' deliver alice anna
    wait_until 20 mail_reached alice two
    wait_until 20 mail_reached anna two
    ok 'incoming, split: alice has it opened' contains "$(mails alice two)" "$COPIES_TEXT"
    ok 'incoming, split: anna has it encrypted' lacks "$(mails anna two)" "$COPIES_TEXT"
    for user in alice anna; do
        ok "incoming, split: $user: verified once, before it was opened" \
            equals "$(results "$(mails "$user" two)" dkim)" pass
    done
}

# ralf takes encrypted mail only. A sender whom DKIM has shown to be genuine gets a report; another one
# is told by the answer, and alice gets nothing either.
incoming_report() {
    local before said
    before=$(org_mail partner bob | wc -l)
    stranger reported 'alice@example.com, ralf@example.com'
    ok 'genuine, one refused: accepted' deliver alice ralf
    wait_until 20 mail_reached alice reported
    ok 'genuine, one refused: the other one has it' contains "$(mails alice reported)" "$COPIES_TEXT"
    org_wait_mail partner bob $((before + 1))
    ok 'genuine, one refused: the sender gets a report' contains "$MAIL" \
        'Final-Recipient: rfc822; ralf@example.com'
    ok 'genuine, one refused: which is signed by us' equals \
        "$(./dkim.pl verify "$KEYS" <"$MAIL")" 'pass example.com'
    stranger unproved 'alice@example.com, ralf@example.com'
    sed -i '/^DKIM-Signature/d' "$E2E_DIR/sent"
    said=$(deliver alice ralf)
    ok 'unknown, one refused: all are, and the answer says for whom' matches "$said" \
        'END: 550 5\.7\.[0-9]+ .*ralf@example\.com'
    wait_until 10 mta_queue_empty "$MTA"
    ok 'unknown, one refused: nobody has it' equals "$(mails alice unproved)$(mails ralf unproved)" ''
    stranger nobody 'alice@example.com, ralf@example.com'
    sed -i '/^DKIM-Signature/d' "$E2E_DIR/sent"
    said=$(SENDER='' deliver alice ralf)
    ok 'from nobody, one refused: all are, and the answer says for whom' matches "$said" \
        'END: 550 5\.7\.[0-9]+ .*ralf@example\.com'
    ok 'unknown, one refused: no report' equals "$(org_mail partner bob | wc -l)" $((before + 1))
}

e2e_begin
set_up || die 'the set-up failed'
order
outgoing
others
incoming
incoming_split
incoming_report
finish
