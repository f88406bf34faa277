#!/bin/bash
# Notices through the mail server: the sender hears who got less protection than he asked for, the
# administrator what expires and whose key has changed, each once.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

MTA=

# The listener for what smimed writes itself: without smimed.
listener() {
    cat >>"$MTA/etc/master.cf" <<CF
smimed-reinject unix n - n - - smtpd
    -o syslog_name=postfix/reinject
    -o smtpd_milters=
    -o smtpd_relay_restrictions=permit_mynetworks,reject
CF
}

# alice has a certificate, dora has none. What runs out within 900 days is to be told of, which is
# alice's, and not that of the authorities.
set_up() {
    MTA=$E2E_DIR/example/mta
    pair_make "group = \"postdrop\";
mail_server = \"unix:$MTA/queue/public/smimed-reinject\";
administrator = [ \"postmaster@example.com\" ];
notice_interval_s = 1;
work_timeout_s = 10;
expiry_notice_days = [ 900 ];" '' || return 1
    listener
    mta mailbox "$MTA" postmaster@example.com
    pair_user example alice && pair_user example dora none && pair_user partner bob || return 1
    # The mail server first: what it does not take is tried again a minute later only.
    mta start "$MTA" && mta start "$E2E_DIR/partner/mta" &&
        org_smimed_start partner && org_smimed_start example
}

# decoded FILE: the text of a notice, as MIME-tools read it; into $E2E_DIR/text.
decoded() {
    perl -MMIME::Parser -e '
        my $parser = MIME::Parser->new;
        $parser->output_to_core(1);
        my $mail = $parser->parse_open($ARGV[0]);
        die "no plain text" unless $mail->effective_type eq "text/plain";
        print $mail->bodyhandle->as_string' "$1" >"$E2E_DIR/text"
}

# ask FROM TO ID FIELD...: submit a message with this Message-ID.
ask() {
    local from=$1 to=$2 id=$3
    shift 3
    {
        printf '%s\n' "From: $from@example.com" "To: $to" "Message-ID: <$id@example.com>" "$@" '' hello
    } >"$E2E_DIR/message"
    org_send example "$from" --to "$to" "$E2E_DIR/message" >/dev/null
}

count() {
    org_mail example "$1" | wc -l
}

expiry() {
    org_wait_mail example postmaster 1
    decoded "$MAIL"
    ok 'the administrator hears whose certificate expires' contains "$E2E_DIR/text" \
        'mailbox alice@example.com'
    ok 'in German, too' contains "$E2E_DIR/text" 'Das Zertifikat des Postfachs alice@example.com'
    ok 'and of no other' lacks "$E2E_DIR/text" 'Root CA'
    ok 'it says that a program wrote it' equals "$(field "$MAIL" Auto-Submitted)" auto-generated
    ok 'it has the null sender' equals "$(field "$MAIL" Return-Path)" '<>'
    ok 'and a From' contains "$MAIL" 'From: smimed <MAILER-DAEMON@mail.example.com>'
}

weaker() {
    local id=one
    ask dora reader@sink.test "$id" 'Subject: [sign] hello'
    org_wait_mail example dora 1
    decoded "$MAIL"
    ok 'a signature was asked for, and there is no certificate: the sender hears of it' \
        contains "$E2E_DIR/text" '<reader@sink.test>:'
    ok 'and why' contains "$E2E_DIR/text" 'not signed: your mailbox has no valid certificate'
    ok 'in answer to that message' equals "$(field "$MAIL" In-Reply-To)" "<$id@example.com>"
    ok 'as a program answers' equals "$(field "$MAIL" Auto-Submitted)" auto-replied
    ok 'smimed has not looked at its own mail' lacks "$(org_log example)" ' from=""'
    ask dora reader@sink.test "$id" 'Subject: [sign] hello'
    ask dora reader@sink.test two 'Subject: [sign] hello' 'Auto-Submitted: auto-generated'
    ask alice bob@partner.test three 'Subject: [sign] hello'
    ask dora reader@sink.test four 'Subject: hello'
    ok 'the same again, a program, who got what he asked for, who asked for nothing: one notice' \
        equals "$(org_ctl example --json notice list | grep -c '"kind": "weaker"')" 1
}

# bob signs with a certificate, and then with another one, although the first is good for long.
changed_key() {
    local pki=$E2E_DIR/partner/pki
    printf '%s\n' 'From: bob@partner.test' 'To: alice@example.com' 'Subject: x' '' one \
        >"$E2E_DIR/message"
    org_send partner bob --to alice@example.com "$E2E_DIR/message" >/dev/null
    org_wait_mail example alice 1
    ok 'a first key is no change' equals "$(count postmaster)" 1
    pki_user "$pki" bob2 bob@partner.test && org_ctl partner mailbox activate bob@partner.test \
        --key "$pki/bob2.key" --cert "$pki/bob2.pem" --chain "$pki/issuing.pem" >/dev/null
    org_send partner bob --to alice@example.com "$E2E_DIR/message" >/dev/null
    org_wait_mail example alice 2
    org_wait_mail example postmaster 2
    decoded "$MAIL"
    ok 'another key is told of' contains "$E2E_DIR/text" \
        'another certificate was learned for bob@partner.test'
    ok 'with the fingerprint of the new one' contains "$E2E_DIR/text" "new: issuer CN=partner.test Mail CA"
    ok 'as openssl says' contains "$E2E_DIR/text" \
        "$(openssl x509 -in "$pki/bob2.pem" -noout -fingerprint -sha256 |
            sed 's/.*=//; s/://g' | tr 'A-F' 'a-f')"
}

# What was told is not told again: a test notice is what comes next.
restarts() {
    local before
    before=$(count postmaster)
    org_smimed_stop example && org_smimed_start example
    org_smimed_kill example
    org_smimed_start example
    org_reload example
    said=$(org_ctl example notice test)
    ok 'a test notice is taken' matches "$said" 'has taken a test notice, <'
    org_wait_mail example postmaster $((before + 1))
    decoded "$MAIL"
    ok 'and arrives' contains "$E2E_DIR/text" 'only a test'
    sleep 12 # the keeper has looked again
    ok 'after restarts nothing comes twice' equals "$(count postmaster) $(count dora)" "$((before + 1)) 1"
    ok 'nothing waits' equals "$(org_ctl example notice list --state waiting)" ''
}

e2e_begin
set_up || die 'the set-up failed'
expiry
weaker
changed_key
restarts
finish
