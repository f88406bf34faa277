# What became of a message that was split: the copies on the wire to the sink and in the mailboxes of
# example. To be sourced after pair.sh. Messages are told apart by their field X-Case and carry
# $COPIES_TEXT.
# shellcheck shell=bash
# shellcheck disable=SC2034 # much is used by those who source this

COPIES_TEXT='the password of the door is swordfish'
COPIES_KEYS=(key blind no) # have a certificate at sink.test, all the same one
COPIES_LOGIN=copies        # as which smimed hands in copies by TCP

# message CASE TO [FIELD...]: E2E_DIR/message, from alice.
message() {
    local case=$1 to=$2
    shift 2
    printf '%s\n' "From: alice@example.com" "To: $to" "Subject: $case" "X-Case: $case" "$@" '' \
        "$COPIES_TEXT" >"$E2E_DIR/message"
}

# The certificate of COPIES_KEYS, imported by example.
copies_keys() {
    local user names=sinkkeys@sink.test
    for user in "${COPIES_KEYS[@]}"; do
        names=$names,email:$user@sink.test
    done
    pki_user "$E2E_DIR/partner/pki" sinkkeys "$names" &&
        org_ctl example pubkey import "$E2E_DIR/partner/pki/sinkkeys.pem" >/dev/null
}

# copies_setting PORT: reinject by TCP, with a login.
copies_setting() {
    printf '%s\n' "$ORG_PASSWORD" >"$E2E_DIR/password"
    chown "$SMIMED_USER" "$E2E_DIR/password"
    chmod 0600 "$E2E_DIR/password"
    printf 'reinject = { address = "inet:%s@127.0.0.1"; user = "%s@example.com"; ' "$1" "$COPIES_LOGIN"
    printf 'password_file = "%s"; login_in_clear = true; };\n' "$E2E_DIR/password"
}

# copies_listener PORT: the listener for them at this port of example's mail server: past smimed, and
# nothing is sent to the archive once more. To be called before the start.
copies_listener() {
    local dir=$E2E_DIR/example/mta
    mta user "$dir" example.com "$COPIES_LOGIN" "$ORG_PASSWORD"
    "copies_listener_$E2E_MTA" "$dir" "$1"
}

copies_listener_postfix() {
    postfix_listen "$1" "$2" reinject smtpd_milters= smtpd_sasl_auth_enable=yes \
        smtpd_relay_restrictions=permit_sasl_authenticated,reject cleanup_service_name=smimed-cleanup
    printf 'smimed-cleanup unix n - n - 0 cleanup\n    -o always_bcc=\n' >>"$1/etc/master.cf"
    printf '    -o canonical_classes=envelope_sender,envelope_recipient\n' >>"$1/etc/master.cf"
}

# As smimectl prints it, word for word but for the port, should a gate stand in front.
copies_listener_sendmail() {
    org_ctl example setup sendmail | sed -n '/^dnl Copies/,/^dnl ----/p' |
        sed '/^dnl\|^define/d' >"$E2E_DIR/copies.mc"
    sed "s/Port=[0-9]*/Port=$2/" "$E2E_DIR/copies.mc" >>"$1/etc/listeners.mc"
}

# files CASE: what went over the wire to the sink with this case.
files() {
    grep -laF -- "X-Case: $1"$'\r' "$E2E_DIR"/wire/sink/*.eml 2>/dev/null
}

files_reached() {
    [ "$(files "$1" | wc -l)" -ge "$2" ]
}

# The envelope recipients that the wire tap noted beside a message.
recipients() {
    sed -nE 's/^C: RCPT TO:<([^>]*)>.*/\1/Ip' "${1%.eml}.smtp" | sort | tr '\n' ' ' | sed 's/ $//'
}

# copies_for CASE RECIPIENTS: the messages of this case with exactly these recipients.
copies_for() {
    local file
    for file in $(files "$1"); do
        [ "$(recipients "$file")" != "$2" ] || printf '%s\n' "$file"
    done
}

# copy_for CASE RECIPIENTS: COPY is the one message of this case with exactly these recipients.
copy_for() {
    COPY=$(copies_for "$1" "$2")
    [ "$(grep -c . <<<"$COPY")" -eq 1 ] || {
        printf '%d messages of %s for %s\n' "$(grep -c . <<<"$COPY")" "$1" "$2"
        return 1
    }
}

# What openssl says of a message from alice: signed, encrypted (and signed inside), plain, or broken.
kind() {
    local summary
    summary=$(cms_summary "$1")
    case $summary in
    SignedData*)
        cms_verify "$1" "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" "$E2E_DIR/content" \
            >/dev/null && grep -qF "$COPIES_TEXT" "$E2E_DIR/content" && echo signed || echo broken
        ;;
    *EnvelopedData*)
        cms_decrypt "$1" "$E2E_DIR/partner/pki/sinkkeys" "$E2E_DIR/clear" >/dev/null &&
            [ "$(kind "$E2E_DIR/clear")" = signed ] && ! grep -qF "$COPIES_TEXT" "$1" &&
            echo encrypted || echo broken
        ;;
    *) grep -qF "$COPIES_TEXT" "$1" && echo plain || echo broken ;;
    esac
}

# mails USER CASE: of a mailbox of example. Only to be called when nothing is on its way any more.
mails() {
    grep -laxF -- "X-Case: $2" "$E2E_DIR/example/mta/mail/$1"/new/* 2>/dev/null
}

mail_reached() {
    [ "$(mails "$1" "$2" | wc -l)" -ge 1 ]
}

# message_ids FILE...: the different ones of these messages, a line each.
message_ids() {
    local file
    for file in "$@"; do
        printf '<%s>\n' "$(sed -nE '/^\r?$/q; s/^Message-ID: *([^ ]*)\r?$/\1/Ip' "$file" | tr -d '\r')"
    done | sort -u
}
