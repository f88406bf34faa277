#!/bin/bash
# Messages that are hard to sign, through a real mail server: to a next hop without 8BITMIME, to a reader
# behind another gateway signed and encrypted, and encrypted only. Each arrives 7-bit, openssl verifies
# it, and its content is what it was, as MIME::Parser reads it.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

RULE='{ managed = [ "*" ]; external = [ "*" ]; outgoing = "encrypt-optional"; }'

# Postfix is told to leave bare CR alone, so that smimed meets it.
set_up() {
    pair_make '' '' && pair_user example alice && pair_user example carl none &&
        pair_user partner bob || return 1
    org_ctl example pubkey import "$E2E_DIR/partner/pki/bob.pem" >/dev/null || return 1
    org_rules example "$RULE"
    if [ "$E2E_MTA" = postfix ] && [ -n "$(postconf -d cleanup_replace_stray_cr_lf 2>/dev/null)" ]; then
        postfix_set "$E2E_DIR/example/mta" 'cleanup_replace_stray_cr_lf = no'
    fi
    pair_start
}

# What the case was, and what openssl says was signed. The default type may be written out where
# there was none (RFC 2045 section 5.2; for 8-bit octets RFC 1428 section 3).
same_content() {
    local default='^1 field content-type: text/plain; charset=(us-ascii|unknown-8bit)$'
    tree "$1" >"$E2E_DIR/tree.before" && tree "$2" >"$E2E_DIR/tree.after" || return 1
    if ! grep -q '^1 field content-type:' "$E2E_DIR/tree.before"; then
        sed -i -E "\\,$default,d" "$E2E_DIR/tree.after"
    fi
    diff "$E2E_DIR/tree.before" "$E2E_DIR/tree.after"
}

# Sendmail puts a field that was removed and comes again where it was before.
tree() {
    ./mime_tree.pl "$1" >"$E2E_DIR/tree" || return 1
    if [ "$E2E_MTA" = sendmail ]; then
        sed -n '/^1 field/p' "$E2E_DIR/tree" | sort
        sed '/^1 field/d' "$E2E_DIR/tree"
    else
        cat "$E2E_DIR/tree"
    fi
}

survives_relays() {
    ../tools/relay.pl <"$1" >"$E2E_DIR/relayed"
    cms_verify "$E2E_DIR/relayed" "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" \
        "$E2E_DIR/relayed.content"
}

# check_case NAME: the message with X-Case: NAME.
check_case() {
    local name=$1 pki=$E2E_DIR/example/pki message=${SENT[$1]:-}
    if [ -z "$message" ]; then
        failed "$name: arrives"
        return
    fi
    rm -f "$E2E_DIR/content" "$E2E_DIR/signer.pem"
    ok "$name: arrives 7-bit" seven_bit "$message"
    ok "$name: openssl verifies the signature" \
        cms_verify "$message" "$pki/root.pem" "$E2E_DIR/signer.pem" "$E2E_DIR/content"
    ok "$name: the sender's certificate signed it" \
        same_certificate "$E2E_DIR/signer.pem" "$pki/alice.pem"
    ok "$name: the content is unchanged" \
        same_content "$E2E_DIR/cases/$name.eml" "$E2E_DIR/content"
    ok "$name: relays on its way do not break the signature" survives_relays "$message"
}

# submit_all USER TO: all cases, on one connection.
submit_all() {
    local said status
    rm -rf "$E2E_DIR/cases"
    mkdir "$E2E_DIR/cases"
    ./canonical_cases.pl "$E2E_DIR/cases" "$1@example.com" "$2"
    if [ "$E2E_MTA" = sendmail ]; then # which refuses these
        rm "$E2E_DIR/cases/bare-cr.eml" "$E2E_DIR/cases/bare-lf.eml"
    fi
    said=$(./smtp_client.pl --port "${ORG_SUBMISSION[example]}" \
        --login "$1@example.com:$ORG_PASSWORD" --from "$1@example.com" --to "$2" \
        --mail-args BODY=8BITMIME "$E2E_DIR"/cases/*.eml)
    status=$?
    cases=$(find "$E2E_DIR/cases" -name '*.eml' | wc -l)
    ok "$1 to $2: all $cases cases are accepted on one connection" \
        equals "$status $(grep -c '^END: 250' <<<"$said")" "0 $cases"
    [ "$status" -eq 0 ] || grep -v '^[A-Z ]*: [23]' <<<"$said"
}

# find_cases FILE...: SENT[case] is the file that arrived.
declare -A SENT
find_cases() {
    local file
    SENT=()
    for file in "$@"; do
        SENT[$(field "$file" X-Case)]=$file
    done
}

# each_case FUNCTION: call it with the name of each case.
each_case() {
    local file name
    for file in "$E2E_DIR"/cases/*.eml; do
        name=${file##*/}
        "$1" "${name%.eml}"
    done
}

# check_read NAME ENCRYPTION SIGNATURE CONTENT: what bob's gateway said, and what he reads.
check_read() {
    local name=$1 verdict
    verdict="$(field "${SENT[$name]}" X-Smimed-Encryption) $(field "${SENT[$name]}" X-Smimed-Signature)"
    ok "$name, $2: $3" equals "$verdict" "$2 $3"
    ok "$name, $2, $3: the content is unchanged" same_content "$E2E_DIR/cases/$name.eml" "$4"
}

# Signed and encrypted by one gateway, decrypted and verified by the other.
check_both() {
    local name=$1
    if [ -z "${SENT[$name]:-}" ]; then
        failed "$name, signed and encrypted: arrives"
        return
    fi
    rm -f "$E2E_DIR/content"
    ok "$name, signed and encrypted: openssl verifies what bob got" cms_verify "${SENT[$name]}" \
        "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" "$E2E_DIR/content"
    check_read "$name" decrypted valid "$E2E_DIR/content"
}

# What Sendmail alters itself on the way to a mailbox where nothing is signed: it adds a delimiter that
# is missing, takes the eighth bit of what stands outside of parts, and looks 20 levels deep.
SENDMAIL_ALTERS=' deep delimiter-never-comes preamble-8 '

# Encrypted only: what arrives stands in no signature, and has to be 7-bit again.
check_encrypted() {
    local name=$1
    if [ "$E2E_MTA" = sendmail ] && [[ $SENDMAIL_ALTERS == *" $name "* ]]; then
        return
    fi
    if [ -z "${SENT[$name]:-}" ]; then
        failed "$name, encrypted: arrives"
        return
    fi
    # A Maildir has LF; parts that are no text are compared octet by octet.
    sed 's/$/\r/' "${SENT[$name]}" >"$E2E_DIR/content"
    check_read "$name" decrypted none "$E2E_DIR/content"
}

to_sink() {
    submit_all alice reader@sink.test
    wire_wait sink "$cases"
    find_cases "$E2E_DIR"/wire/sink/*.eml
    ok 'the next hop does not offer 8BITMIME' lacks "${SENT[plain]%.eml}.smtp" 8BITMIME
    each_case check_case
    ok 'smimeCapabilities and smimeEncryptionKeyPreference are signed attributes' \
        has_attributes "${SENT[plain]:-}"
    ok 'the intermediate certificate travels along' \
        equals "$(cms_summary "${SENT[plain]:-}" | grep -o '[0-9]* certificates')" '2 certificates'
}

to_reader() {
    submit_all "$1" bob@partner.test
    org_wait_mail partner bob "$cases"
    find_cases "$E2E_DIR"/partner/mta/mail/bob/new/*
    each_case "$2"
    rm -f "$E2E_DIR"/partner/mta/mail/bob/new/*
}

# The signed attributes that tell the reader's gateway how to answer.
has_attributes() {
    openssl cms -cmsout -print -noout -in "$1" >"$E2E_DIR/print" &&
        contains "$E2E_DIR/print" 'S/MIME Capabilities' &&
        contains "$E2E_DIR/print" 1.2.840.113549.1.9.16.2.11
}

cases=0
e2e_begin
set_up || die 'the set-up failed'
to_sink
to_reader alice check_both
to_reader carl check_encrypted
finish
