#!/bin/bash
# Recipients who need different bodies: one message becomes copies, which go to the mail server's
# listener for them. Nobody gets less, more or twice what his rule says.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh
# shellcheck source-path=SCRIPTDIR
. ./copies.sh

SECRET=$COPIES_TEXT
MTA=

# ---- Postfix ----

# The listener for copies is behind a Unix socket that only the group postdrop reaches, without smimed,
# with aliases but no further copies for the archive. It refuses one recipient.
setting_postfix() {
    printf 'group = "postdrop";\nreinject = "unix:%s";\n' "$MTA/queue/public/smimed-reinject"
}

listener_postfix() {
    cat >>"$MTA/etc/master.cf" <<CF
smimed-reinject unix n - n - - smtpd
    -o syslog_name=postfix/reinject
    -o smtpd_milters=
    -o smtpd_relay_restrictions=permit_mynetworks,reject
    -o smtpd_recipient_restrictions=check_recipient_access,texthash:$MTA/etc/refused,permit
    -o cleanup_service_name=smimed-cleanup
smimed-cleanup unix n - n - 0 cleanup
    -o always_bcc=
    -o canonical_classes=envelope_sender,envelope_recipient
CF
    printf 'no@sink.test REJECT not here\n' >"$MTA/etc/refused"
    printf 'müller@example.com mueller/\n' >>"$MTA/etc/mailboxes"
    postfix_set "$MTA" "always_bcc = archive@example.com" \
        "virtual_alias_maps = inline:{{team@example.com=anna@example.com,bert@example.com}}"
}

away_postfix() {
    mv "$MTA/queue/public/smimed-reinject" "$MTA/queue/public/away"
}

back_postfix() {
    mv "$MTA/queue/public/away" "$MTA/queue/public/smimed-reinject"
}

# ---- Sendmail ----

# By TCP with a login.
setting_sendmail() {
    copies_setting "$COPIES_PORT"
}

listener_sendmail() {
    copies_listener "$COPIES_PORT"
    ok 'the listener is as printed' diff "$E2E_DIR/copies.mc" <(tail -n "$(wc -l <"$E2E_DIR/copies.mc")" \
        "$MTA/etc/listeners.mc")
    printf 'team@example.com: anna@example.com, bert@example.com, archive@example.com\n' >"$MTA/etc/aliases"
    cat >>"$MTA/etc/listeners.mc" <<MC
define(\`ALIAS_FILE', \`$MTA/etc/aliases')dnl
LOCAL_RULESETS
SLocal_check_rcpt
R\$*	\$: \$&{daemon_name} \$| \$1
Rcopies \$| \$* no@sink.test \$*	\$#error \$@ 5.1.1 \$: "550 not here"
R\$* \$| \$*	\$: \$2
MC
}

# smimed looks for it where nobody is.
away_sendmail() {
    free_port
    sed -i "s/inet:$COPIES_PORT@/inet:$PORT@/" "$E2E_DIR/example/smimed/etc/smimed.conf"
    org_reload example
}

back_sendmail() {
    sed -i "s/inet:[0-9]*@127/inet:$COPIES_PORT@127/" "$E2E_DIR/example/smimed/etc/smimed.conf"
    org_reload example
}

set_up() {
    local user
    MTA=$E2E_DIR/example/mta
    free_port
    COPIES_PORT=$PORT
    pair_make "$("setting_$E2E_MTA")
local_senders = [ \"alice@example.com\" ];" '' || return 1
    "listener_$E2E_MTA"
    for user in anna bert archive; do
        mta mailbox "$MTA" "$user@example.com"
    done
    pair_user example alice && pair_user example ralf && pair_user partner bob || return 1
    mta mailbox "$MTA" closed@example.com
    org_ctl example mailbox add closed@example.com >/dev/null || return 1
    copies_keys && org_rules example '{ managed = [ "closed@example.com" ]; external = [ "*" ]; incoming = "decrypt-forced"; },
{ managed = [ "*" ]; external = [ "forced@sink.test" ]; outgoing = "encrypt-forced"; },
{ managed = [ "*" ]; external = [ "*" ]; outgoing = "encrypt-optional"; }' &&
        pair_start
}

send() {
    org_send example alice "$@" "$E2E_DIR/message"
}

# The listener takes copies from smimed, and from nobody else who is on this machine.
strangers_postfix() {
    cp smtp_client.pl "$E2E_DIR/client" # where everybody may read it
    ok 'nobody else hands in copies' not setpriv --reuid daemon --regid daemon --clear-groups \
        perl "$E2E_DIR/client" --unix "$MTA/queue/public/smimed-reinject" \
        --from alice@example.com --to key@sink.test "$E2E_DIR/message"
}

strangers_sendmail() {
    local said
    said=$(./smtp_client.pl --lf --port "$COPIES_PORT" --login "alice@example.com:$ORG_PASSWORD" \
        --from alice@example.com --to key@sink.test "$E2E_DIR/message")
    ok 'nobody else hands in copies' matches "$? $said" '^75 .*MAIL: 451 4\.7\.1 '
}

not() {
    ! "$@"
}

# One message, four kinds of recipients: with a key, without, of ours, blind.
outgoing() {
    local copy ids
    message all 'key@sink.test, nokey@sink.test, team@example.com' 'Bcc-Test: yes'
    ok 'split: accepted in one transaction' send --to key@sink.test --to nokey@sink.test \
        --to team@example.com --to blind@sink.test
    wait_until 30 files_reached all 3
    wait_until 10 mail_reached bert all
    wait_until 10 mta_queue_empty "$MTA"
    ok 'split: three copies go out, no more' equals "$(files all | wc -l)" 3
    for copy in key@sink.test=encrypted nokey@sink.test=signed blind@sink.test=encrypted; do
        ok "split: ${copy%=*} gets one message" copy_for all "${copy%=*}"
        copy_for all "${copy%=*}" >/dev/null
        ok "split: ${copy%=*} gets it ${copy#*=}" equals "$(kind "$COPY")" "${copy#*=}"
        ok "split: ${copy%=*} sees the sender" grep -qiF 'MAIL FROM:<alice@example.com>' "${COPY%.eml}.smtp"
    done
    copy_for all blind@sink.test >/dev/null
    ok 'split: the blind copy names nobody else' equals \
        "$(openssl cms -cmsout -print -noout -in "$COPY" | grep -c 'd.ktri')" 1
    # shellcheck disable=SC2046 # several files
    ids=$(message_ids $(files all) $(mails anna all) $(mails bert all))
    ok 'split: all have one Message-ID' matches "$ids" '^<<[^ ]+@[^ ]+>>$'
    for copy in anna bert; do
        ok "split: the alias leads to $copy, once" equals "$(mails "$copy" all | wc -l)" 1
        ok "split: $copy reads it plain" equals "$(kind "$(mails "$copy" all)")" plain
    done
    ok 'split: the archive has it once' equals "$(mails archive all | wc -l)" 1
    ok 'split: the log tells of the copies' contains "$(org_log example)" 'copies=3'
}

# What the sender wants to know is asked for the copies too.
dsn() {
    local to wish
    message dsn 'key@sink.test, nokey@sink.test'
    ok 'DSN wishes: accepted' send --mail-args 'RET=HDRS ENVID=env+2B1' \
        --rcpt-args 'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@else.test' --to key@sink.test --to nokey@sink.test
    wait_until 30 files_reached dsn 2
    for to in key nokey; do
        copy_for dsn "$to@sink.test" >/dev/null
        for wish in RET=HDRS ENVID=env+2B1 NOTIFY=SUCCESS,FAILURE "ORCPT=rfc822;first@else.test"; do
            ok "DSN wishes: $to, $wish" contains "${COPY%.eml}.smtp" "$wish"
        done
    done
}

# One recipient who must be refused: the others get it, and the sender a report.
report() {
    local before text
    before=$(org_mail example alice | wc -l)
    message report 'key@sink.test, forced@sink.test'
    ok 'report: accepted' send --to key@sink.test --to forced@sink.test
    wait_until 30 files_reached report 1
    org_wait_mail example alice $((before + 1))
    ok 'report: the other one gets it' copy_for report key@sink.test
    ok 'report: nothing goes to the refused one' equals "$(files report | wc -l)" 1
    text=$E2E_DIR/report
    ./mime_tree.pl "$MAIL" >"$text" 2>&1
    ok 'report: is a delivery status notification' contains "$text" message/delivery-status
    ok 'report: names the recipient' contains "$MAIL" 'Final-Recipient: rfc822; forced@sink.test'
    ok 'report: comes from nobody' equals "$(field "$MAIL" Return-Path)" '<>'
    ok 'report: speaks German' contains "$MAIL" 'Guten Tag'
    ok 'report: carries no text' lacks "$MAIL" "$SECRET"
    message unwanted 'key@sink.test, forced@sink.test'
    before=$(org_mail example alice | wc -l)
    ok 'report: NOTIFY=NEVER is accepted' send --rcpt-args NOTIFY=NEVER --to key@sink.test \
        --to forced@sink.test
    wait_until 30 files_reached unwanted 1
    wait_until 10 mta_queue_empty "$MTA"
    ok 'report: and brings no report' equals "$(org_mail example alice | wc -l)" "$before"
}

# Where the listener refuses or is not there, nobody gets anything.
listener_fails() {
    local said status
    message refused 'no@sink.test, nokey@sink.test, other@sink.test'
    said=$(send --to no@sink.test --to nokey@sink.test --to other@sink.test)
    status=$?
    ok 'a recipient that the listener refuses: all are refused' matches "$status $said" \
        '^1 .*END: 550 5\.1\.1 .*no@sink\.test'
    "away_$E2E_MTA"
    message down 'key@sink.test, nokey@sink.test'
    send --to key@sink.test --to nokey@sink.test >/dev/null
    ok 'without the listener: deferred' equals "$?" 75
    ok 'without the listener: mail that is not split goes on' send --to key@sink.test
    wait_until 30 files_reached down 1
    ok 'without the listener: and is encrypted' equals "$(kind "$(files down)")" encrypted
    "back_$E2E_MTA"
    ok 'nothing went out of what was refused' equals "$(files refused | wc -l)" 0
    message back 'key@sink.test, nokey@sink.test'
    ok 'when it is back: accepted' send --to key@sink.test --to nokey@sink.test
    wait_until 30 files_reached back 2
    ok 'when it is back: both get theirs' equals "$(files back | wc -l)" 2
}

# Alice can read it, ralf cannot.
incoming() {
    message incoming 'alice@example.com, ralf@example.com'
    sed -i 's/^From: .*/From: bob@partner.test/' "$E2E_DIR/message"
    {
        sed '/^$/,$d' "$E2E_DIR/message"
        sed '1,/^$/d' "$E2E_DIR/message" | sed '1i Content-Type: text/plain\n' |
            openssl cms -encrypt -aes256 "$E2E_DIR/example/pki/alice.pem"
    } >"$E2E_DIR/sent"
    ok 'incoming: accepted in one transaction' ./smtp_client.pl --lf --port "${ORG_INBOUND[example]}" \
        --from bob@partner.test --to alice@example.com --to ralf@example.com "$E2E_DIR/sent"
    wait_until 30 mail_reached alice incoming
    wait_until 30 mail_reached ralf incoming
    wait_until 10 mta_queue_empty "$MTA"
    ok 'incoming: alice gets one' equals "$(mails alice incoming | wc -l)" 1
    ok 'incoming: decrypted' contains "$(mails alice incoming)" "$SECRET"
    ok 'incoming: ralf gets one' equals "$(mails ralf incoming | wc -l)" 1
    ok 'incoming: still encrypted' lacks "$(mails ralf incoming)" "$SECRET"
    ok 'incoming: and is told so' equals \
        "$(field "$(mails ralf incoming)" X-Smimed-Encryption | cut -d' ' -f1)" not-decrypted
}

# A mail server forgets the hosts of a source route, and then does not find the recipient who is to be
# taken off: he must not get what is for alice.
route() {
    local said
    message route 'alice@example.com, ralf@example.com'
    sed -i 's/^From: .*/From: bob@partner.test/' "$E2E_DIR/message"
    {
        sed '/^$/,$d' "$E2E_DIR/message"
        sed '1,/^$/d' "$E2E_DIR/message" | sed '1i Content-Type: text/plain\n' |
            openssl cms -encrypt -aes256 "$E2E_DIR/example/pki/alice.pem"
    } >"$E2E_DIR/sent"
    said=$(./smtp_client.pl --lf --port "${ORG_INBOUND[example]}" --from bob@partner.test \
        --to alice@example.com --to ALICE@example.com --to @x.test:ralf@example.com "$E2E_DIR/sent")
    ok 'a route: refused' matches "$said" 'RCPT @x\.test:ralf@example\.com: 550 5\.1\.3 '
    wait_until 30 mail_reached alice route
    wait_until 10 mta_queue_empty "$MTA"
    ok 'a route: nobody else gets it' equals "$(mails ralf route | wc -l)" 0
}

# Postfix does not find a recipient of a program on this machine whom it has rewritten: he keeps the
# message in hand beside his copy, so it must not be in the clear.
program() {
    local file
    message program 'key@sink.test, nokey@sink.test, other@sink.test'
    ok 'a program: accepted' mta command "$MTA" -f alice@example.com key@sink.test. nokey@sink.test \
        other@sink.test <"$E2E_DIR/message"
    wait_until 30 files_reached program 2
    wait_until 10 mta_queue_empty "$MTA"
    for file in $(files program); do
        [[ $(recipients "$file") != *key@sink.test* || $(recipients "$file") == *nokey* ]] ||
            ok 'a program: encrypted for him' equals "$(kind "$file")" encrypted
        [ "$(kind "$file")" = encrypted ] ||
            ok 'a program: the others get it signed' equals "$(recipients "$file")" \
                'nokey@sink.test other@sink.test'
    done
}

# What no content could satisfy is told at once, and the others get their mail.
early() {
    local said
    message early 'alice@example.com, ralf@example.com'
    said=$(./smtp_client.pl --lf --port "${ORG_INBOUND[example]}" --from x@else.test \
        --to anna@example.com --to closed@example.com "$E2E_DIR/message")
    ok 'encryption is demanded and there is no key: refused at once' matches "$said" \
        'RCPT closed@example\.com: 550 5\.7\.1 .*closed@example\.com accepts only encrypted mail.*certificate'
    wait_until 30 mail_reached anna early
    ok 'and the other one has it' equals "$(mails anna early | wc -l)" 1
}

# SMTPUTF8 goes with the copies.
international() {
    message utf8 'alice@example.com, müller@example.com'
    sed -i 's/^From: .*/From: jürgen@partner.test/; s/^Subject: .*/Subject: Grüße/' "$E2E_DIR/message"
    {
        sed '/^$/,$d' "$E2E_DIR/message"
        sed '1,/^$/d' "$E2E_DIR/message" | sed '1i Content-Type: text/plain\n' |
            openssl cms -encrypt -aes256 "$E2E_DIR/example/pki/alice.pem"
    } >"$E2E_DIR/sent"
    ok 'SMTPUTF8: accepted' ./smtp_client.pl --lf --port "${ORG_INBOUND[example]}" \
        --mail-args 'SMTPUTF8 BODY=8BITMIME' --from jürgen@partner.test --to alice@example.com \
        --to müller@example.com "$E2E_DIR/sent"
    wait_until 30 mail_reached alice utf8
    wait_until 30 mail_reached mueller utf8
    ok 'SMTPUTF8: the copy is opened' contains "$(mails alice utf8)" "$COPIES_TEXT"
    ok 'SMTPUTF8: its sender is' equals "$(field "$(mails alice utf8)" Return-Path)" '<jürgen@partner.test>'
    ok 'SMTPUTF8: its subject is' equals "$(field "$(mails alice utf8)" Subject)" 'Grüße'
    ok 'SMTPUTF8: who cannot read it has it encrypted' lacks "$(mails mueller utf8)" "$COPIES_TEXT"
}

# An administrator's mistake: copies go through smimed again. Nothing is done twice, nothing goes around.
through_smimed() {
    local to
    mta_listener_again
    message again 'key@sink.test, nokey@sink.test'
    ok 'copies through smimed: accepted' send --to key@sink.test --to nokey@sink.test \
        --to blind@sink.test
    wait_until 30 files_reached again 3
    wait_until 10 mta_queue_empty "$MTA"
    ok 'copies through smimed: three go out, no more' equals "$(files again | wc -l)" 3
    for to in key=encrypted nokey=signed blind=encrypted; do
        copy_for again "${to%=*}@sink.test"
        ok "copies through smimed: ${to%=*} gets it ${to#*=}" equals "$(kind "$COPY")" "${to#*=}"
    done
}

# The listener for users as that for copies.
mta_listener_again() {
    local conf=$E2E_DIR/example/smimed/etc/smimed.conf
    sed -i '/^reinject = /d' "$conf"
    copies_setting "${ORG_SUBMISSION[example]}" | sed "s/\"$COPIES_LOGIN@/\"alice@/" >>"$conf"
    org_reload example
}

# Without splitting, the client is asked to come again.
uniform() {
    local said
    sed -i 's/^reinject/split = false;\nreinject/' "$E2E_DIR/example/smimed/etc/smimed.conf"
    org_reload example
    message uniform 'key@sink.test, nokey@sink.test'
    said=$(send --each --to key@sink.test --to nokey@sink.test)
    ok 'split = false: 452, and one transaction each' matches "$said" '452 4\.5\.3'
    wait_until 30 files_reached uniform 2
    copy_for uniform key@sink.test >/dev/null
    ok 'split = false: encrypted' equals "$(kind "$COPY")" encrypted
    copy_for uniform nokey@sink.test >/dev/null
    ok 'split = false: signed' equals "$(kind "$COPY")" signed
}

e2e_begin
set_up || die 'the set-up failed'
message strangers key@sink.test
"strangers_$E2E_MTA"
outgoing
dsn
report
listener_fails
incoming
route
program
early
[ "$E2E_MTA" != postfix ] || international # Debian's Sendmail has no SMTPUTF8
through_smimed
uniform
finish
