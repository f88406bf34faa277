#!/bin/bash
# What `smimectl setup` says is enough: a mail server that knows nothing of smimed gets what it says, and
# no more, and then mail of every role passes smimed.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

LOCAL='local_senders = [ "alice@example.com" ]; message_size_limit = 104857600L;'
DIR= # of the mail server

set_up() {
    COPIES=$E2E_DIR/example/mta/queue/public/smimed-reinject
    free_port
    COPIES_PORT=$PORT
    LOCAL="$LOCAL reinject = $("reinject_$E2E_MTA");"
    pair_make "$LOCAL" '' && pair_user example alice && pair_user example archive none && pair_user partner bob && org_trust example \
        partner && org_rules example '' || return 1
    DIR=$E2E_DIR/example/mta
}

# ---- Postfix ----

reinject_postfix() {
    printf '"unix:%s"' "$COPIES"
}

# As if nobody had ever heard of smimed: no milters, no macros for milters, and a careless default.
forget_postfix() {
    sed -i '/milter/d; /^setgid_group/d' "$DIR/etc/main.cf" "$DIR/etc/master.cf"
    postfix_set "$DIR" 'milter_default_action = accept' 'mailbox_size_limit = 0' \
        'milter_mail_macros =' 'milter_connect_macros =' 'milter_rcpt_macros =' \
        'milter_data_macros =' "setgid_group = $(id -gn "$SMIMED_USER")" 'default_privs = daemon' \
        "virtual_alias_maps = inline:{ { team@example.com = alice@example.com } }" \
        'always_bcc = archive@example.com' 'milter_end_of_header_macros =' 'milter_end_of_data_macros ='
}

apply_postfix() {
    local said status
    forget_postfix
    org_ctl example setup postfix --postfix-config "$DIR/etc" >"$E2E_DIR/said"
    ok 'without smimed something is wrong' equals "$?" 6
    ok 'the careless default is named' contains "$E2E_DIR/said" 'milter_default_action is accept'
    said=$(org_ctl example setup postfix --postfix-config "$DIR/etc" --apply 2>&1)
    status=$?
    ok '--apply makes it right' equals "$status" 0
    [ "$status" -eq 0 ] || printf '%s\n' "$said"
    ok 'and says how Postfix learns of it' matches "$said" "postfix -c $DIR/etc reload"
    said=$(org_ctl example setup postfix --postfix-config "$DIR/etc" --apply 2>&1)
    ok 'a second --apply changes nothing' not grep -q 'is kept as' <<<"$said"
    ok 'there is one copy of each file' equals "$(find "$DIR/etc" -name 'm*.cf.*' | wc -l)" 2
}

# The listener for copies that --apply made: nobody but smimed gets in, an alias is expanded there, and
# the archive has had its copy already.
copies_postfix() {
    local archived
    wait_until 10 mta_queue_empty "$DIR"
    archived=$(org_mail example archive | wc -l)
    ok 'the archive gets copies' [ "$archived" -gt 0 ]
    message alice@example.com team@example.com
    cp smtp_client.pl "$E2E_DIR/client" # where everybody may read it
    ok 'smimed may hand in copies' hand_in "$SMIMED_USER"
    ok 'others may not' not hand_in daemon
    org_wait_mail example alice 2
    ok 'the alias is expanded' equals "$(field "$MAIL" X-Original-To)" team@example.com
    ok 'past smimed' lacks "$MAIL" X-Smimed
    wait_until 10 mta_queue_empty "$DIR"
    ok 'the archive gets no second one' equals "$(org_mail example archive | wc -l)" "$archived"
}

# hand_in USER: a copy for team, as this user.
hand_in() {
    setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups perl "$E2E_DIR/client" --lf \
        --unix "$COPIES" --from alice@example.com --to team@example.com "$E2E_DIR/message"
}

# ---- Sendmail ----

reinject_sendmail() {
    printf '%s\n' "$ORG_PASSWORD" >"$E2E_DIR/password"
    chown "$SMIMED_USER" "$E2E_DIR/password"
    chmod 0600 "$E2E_DIR/password"
    printf '{ address = "inet:%s@127.0.0.1"; user = "alice@example.com"; ' "$COPIES_PORT"
    printf 'password_file = "%s"; login_in_clear = true; }' "$E2E_DIR/password"
}

# By TCP, with a login.
copies_sendmail() {
    message alice@example.com alice@example.com
    ok 'smimed may hand in copies' ./smtp_client.pl --lf --port "$COPIES_PORT" \
        --login "alice@example.com:$ORG_PASSWORD" --from alice@example.com \
        --to alice@example.com "$E2E_DIR/message"
    ok 'others may not' not ./smtp_client.pl --lf --port "$COPIES_PORT" --from alice@example.com \
        --to alice@example.com "$E2E_DIR/message"
    org_wait_mail example alice 2
    ok 'past smimed' lacks "$MAIL" X-Smimed
}

# Lines with the ports of this instance in place of those of the world.
with_ports() {
    sed -e "s/Port=smtp/Addr=127.0.0.1, Port=${ORG_INBOUND[example]}/" \
        -e "s/Port=submission/Addr=127.0.0.1, Port=${ORG_SUBMISSION[example]}/" \
        -e "s/10587/$LOCAL_PORT/" "$1"
}

apply_sendmail() {
    org_ctl example setup sendmail >"$E2E_DIR/lines"
    ok 'the lines are printed' equals "$?" 0
    free_port
    LOCAL_PORT=$PORT
    with_ports "$E2E_DIR/lines" | sed '/^dnl ---- submit.mc/,$d' >"$DIR/etc/listeners.mc"
    with_ports "$E2E_DIR/lines" | sed '1,/^dnl ---- submit.mc/d' >"$DIR/etc/submit-lines.mc"
    # A second filter behind smimed, as a DKIM signer would be: strangers' mail to others passes there.
    sed -i 's/InputMailFilters=smimed-submission/&;smimed-inbound/' "$DIR/etc/listeners.mc"
    sed "s,/run/smimed/,$E2E_DIR/example/smimed/run/," "$E2E_TOP/etc/sendmail.mc" |
        grep -E '^(MAIL_FILTER|FEATURE|DAEMON_OPTIONS|define)' >"$E2E_DIR/example.mc"
    sed '/^dnl ---- submit.mc/,$d; /^dnl/d; /Name=copies/d; /^LOCAL_RULESETS/,/^Rcopies .*error/d' "$E2E_DIR/lines" >"$E2E_DIR/printed.mc"
    ok 'they are those of the example' diff "$E2E_DIR/example.mc" "$E2E_DIR/printed.mc"
    ok 'for submit.mc, too' grep -qF "$(sed -n '/^define/p' "$DIR/etc/submit-lines.mc" |
        sed "s/$LOCAL_PORT/10587/")" "$E2E_TOP/etc/sendmail.mc"
}

# ---- mail of every role ----

message() {
    printf 'From: %s\nTo: %s\nSubject: test\n\nhello\n' "$1" "$2" >"$E2E_DIR/message"
}

signed_by_alice() {
    cms_verify "$1" "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" "$E2E_DIR/content" &&
        same_certificate "$E2E_DIR/signer.pem" "$E2E_DIR/example/pki/alice.pem"
}

not() {
    ! "$@"
}

roles() {
    message alice@example.com reader@sink.test
    ok 'a user sends' org_send example alice --to reader@sink.test "$E2E_DIR/message"
    wire_wait sink 1
    ok 'it is signed' signed_by_alice "$WIRE"
    mta command "$DIR" -f alice@example.com reader@sink.test <"$E2E_DIR/message"
    wire_wait sink 2
    ok 'a program of this machine sends: signed' signed_by_alice "$WIRE"
    ok 'by the role local' contains "$(org_log example)" role=local
    message bob@partner.test alice@example.com
    ok 'a stranger sends' ./smtp_client.pl --lf --port "${ORG_INBOUND[example]}" \
        --from bob@partner.test --to alice@example.com "$E2E_DIR/message"
    org_wait_mail example alice 1
    ok 'it gets a verdict' equals "$(field "$MAIL" X-Smimed-Signature)" none
    "copies_$E2E_MTA"
    message alice@example.com reader@sink.test
    org_smimed_stop example
    org_send example alice --to reader@sink.test "$E2E_DIR/message" >/dev/null
    ok 'when smimed is stopped users are told to wait' equals "$?" 75
    ./smtp_client.pl --lf --port "${ORG_INBOUND[example]}" --from bob@partner.test \
        --to alice@example.com "$E2E_DIR/message" >/dev/null
    ok 'and so are strangers' equals "$?" 75
    ok 'nothing went out meanwhile' equals "$(wire_count sink)" 2
}

e2e_begin
set_up || die 'the set-up failed'
"apply_$E2E_MTA"
pair_start || die 'the mail servers do not start'
roles
finish
