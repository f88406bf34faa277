#!/bin/bash
# Outgoing messages that are hard to sign, through a real Postfix to a next hop without 8BITMIME: each
# arrives 7-bit, openssl verifies it, and its content is what it was, as MIME::Parser reads it.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

TO=reader@sink.test

# Postfix is told to leave bare CR alone, so that smimed meets it.
set_up() {
    pair_make '' '' && pair_user example alice || return 1
    if [ -n "$(postconf -d cleanup_replace_stray_cr_lf 2>/dev/null)" ]; then
        postfix_set "$E2E_DIR/example/postfix" 'cleanup_replace_stray_cr_lf = no'
    fi
    pair_start
}

# What the case was, and what openssl says was signed. The default type may be written out where
# there was none (RFC 2045 section 5.2; for 8-bit octets RFC 1428 section 3).
same_content() {
    local default='^1 field content-type: text/plain; charset=(us-ascii|unknown-8bit)$'
    ./mime_tree.pl "$1" >"$E2E_DIR/tree.before" &&
        ./mime_tree.pl "$2" >"$E2E_DIR/tree.after" || return 1
    if ! grep -q '^1 field content-type:' "$E2E_DIR/tree.before"; then
        sed -i -E "\\,$default,d" "$E2E_DIR/tree.after"
    fi
    diff "$E2E_DIR/tree.before" "$E2E_DIR/tree.after"
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
}

submit_all() {
    mkdir -p "$E2E_DIR/cases"
    ./canonical_cases.pl "$E2E_DIR/cases" alice@example.com "$TO"
    ./smtp_client.pl --port "${ORG_SUBMISSION[example]}" --login "alice@example.com:$ORG_PASSWORD" \
        --from alice@example.com --to "$TO" --mail-args BODY=8BITMIME "$E2E_DIR"/cases/*.eml
}

# SENT[case] is what went over the wire.
declare -A SENT
find_sent() {
    local file
    for file in "$E2E_DIR"/wire/sink/*.eml; do
        SENT[$(field "$file" X-Case)]=$file
    done
}

# The signed attributes that tell the reader's gateway how to answer.
has_attributes() {
    openssl cms -cmsout -print -noout -in "$1" >"$E2E_DIR/print" &&
        contains "$E2E_DIR/print" 'S/MIME Capabilities' &&
        contains "$E2E_DIR/print" 1.2.840.113549.1.9.16.2.11
}

e2e_begin
set_up || die 'the set-up failed'
said=$(submit_all)
status=$?
cases=$(find "$E2E_DIR/cases" -name '*.eml' | wc -l)
ok "all $cases cases are accepted on one connection" \
    equals "$status $(grep -c '^END: 250' <<<"$said")" "0 $cases"
[ "$E2E_FAILED" -eq 0 ] || grep -v '^[A-Z ]*: [23]' <<<"$said"
wire_wait sink "$cases"
find_sent
for file in "$E2E_DIR"/cases/*.eml; do
    name=${file##*/}
    check_case "${name%.eml}"
done
ok 'smimeCapabilities and smimeEncryptionKeyPreference are signed attributes' \
    has_attributes "${SENT[plain]:-}"
ok 'the intermediate certificate travels along' \
    equals "$(cms_summary "${SENT[plain]:-}" | grep -o '[0-9]* certificates')" '2 certificates'
finish
