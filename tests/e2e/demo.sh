#!/bin/bash
# Two organisations exchange signed and encrypted mail, and nobody touches a key: `make demo`.
#
# example.com and partner.test get a private Postfix and a smimed each, on loopback, below a temporary
# directory. Each step shows what went over the wire between the two (a wire tap records it), and what
# the reader found in the Maildir; what it claims is checked with the openssl command. Ends by itself,
# leaves nothing behind, and exits non-zero if any step was not what it claims.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

bold='' dim='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi

checks=0
failures=0

heading() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# show LABEL TEXT...: the first line behind the label, the others below it.
show() {
    local label=$1 line
    shift
    for line in "$@"; do
        printf '   %s%-11s%s %s\n' "$dim" "$label" "$plain" "$line"
        label=
    done
}

# What is too long for a line, on several.
show_folded() {
    local -a parts
    mapfile -t parts < <(fold -s -w 84 <<<"$1" | sed 's/ $//; 2,$s/^/  /')
    show '' "${parts[@]}"
}

# claim TEXT COMMAND...: say it, and check it.
claim() {
    local text=$1 said
    shift
    checks=$((checks + 1))
    if said=$("$@" 2>&1); then
        printf '   %schecked%s     %s\n' "$green" "$plain" "$text"
    else
        failures=$((failures + 1))
        printf '   %sFAILED%s      %s\n' "$red" "$plain" "$text"
        printf '%s\n' "${said:-$*}" | head -n 12 | sed 's/^/               /'
    fi
}

# Nothing of the following steps would make sense.
give_up() {
    printf '   %sFAILED%s      %s\n' "$red" "$plain" "$1"
    tail -n 5 "$(org_log example)" "$(org_log partner)" "$E2E_DIR"/*/mta/log/postfix.log
    exit 1
}

# write_message FILE FROM TO SUBJECT < text
write_message() {
    {
        printf 'From: %s\nTo: %s\nSubject: %s\n' "$2" "$3" "$4"
        printf 'MIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\n'
        cat
    } >"$1"
}

quoted() {
    sed 's/\r$//; s/^/| /' | head -n "$1"
}

show_wire() {
    show wire "Subject: $(field "$WIRE" Subject)" "Content-Type: $(field "$WIRE" Content-Type | sed 's/; *boundary=.*//')" \
        "$(cms_summary "$WIRE")"
}

show_reader() {
    local name text
    show reader "Subject: $(field "$MAIL" Subject)"
    for name in X-Smimed-Encryption X-Smimed-Signature X-Smimed-Signer X-Smimed-Issuer \
        Authentication-Results; do
        text=$(field "$MAIL" "$name")
        [ -z "$text" ] || show_folded "$name: $text"
    done
    mapfile -t lines < <(first_text "$MAIL" | quoted 3)
    show '' "${lines[@]}"
}

# The store of NAME knows exactly this public key for the address.
knows() {
    org_ctl "$1" pubkey export "$2" --pem >"$E2E_DIR/known.pem" &&
        same_certificate "$E2E_DIR/known.pem" "$3"
}

knows_none() {
    ! org_ctl "$1" pubkey export "$2" --pem
}

field_is() {
    [ "$(field "$1" "$2")" = "$3" ]
}

# openssl verifies FILE up to the root of ORGANISATION, and USER's certificate signed it.
signed_by() {
    local pki=$E2E_DIR/$2/pki
    cms_verify "$1" "$pki/root.pem" "$E2E_DIR/signer.pem" "$E2E_DIR/content" &&
        same_certificate "$E2E_DIR/signer.pem" "$pki/$3.pem"
}

# Only USER of ORGANISATION can decrypt FILE; the result is E2E_DIR/clear.
encrypted_to() {
    cms_decrypt "$1" "$E2E_DIR/$2/pki/$3" "$E2E_DIR/clear" &&
        [ "$(cms_summary "$1" | grep -o RecipientInfo | wc -l)" -eq 1 ]
}

# Neither as it stands nor in its base64.
not_readable() {
    ! grep -aqF -- "$2" "$1" && ! body "$1" | openssl base64 -d 2>/dev/null | grep -aqF -- "$2"
}

readable() {
    grep -aqF -- "$2" "$1"
}

reader_sees() {
    first_text "$1" | grep -qF -- "$2"
}

is_type() {
    [[ $(field "$1" Content-Type) == $2* ]]
}

send() {
    local who=$1 user=$2 to=$3 said
    said=$(org_send "$who" "$user" --to "$to" "$E2E_DIR/message") ||
        give_up "the mail was not accepted: $said"
    show submits "AUTH $(sed -n 's/^AUTH: //p' <<<"$said")" \
        "DATA $(sed -n 's/^END: //p' <<<"$said")"
}

set_up() {
    pair_make '' '' && pair_user example alice && pair_user partner bob &&
        pair_user partner carol none && org_rules example "$rule_optional" &&
        org_rules partner "$rule_optional" && pair_start
}

rule_optional='{ managed = [ "*" ]; external = [ "*" ]; outgoing = "encrypt-optional"; }'
rule_forced='{ note = "Partner: never in the clear"; managed = [ "example.com" ];
    external = [ "partner.test" ]; outgoing = "encrypt-forced"; }'

step_signed() {
    heading '1. alice@example.com writes to bob@partner.test, whose key nobody knows'
    write_message "$E2E_DIR/message" 'Alice <alice@example.com>' bob@partner.test 'Lunch?' <<'TEXT'
Hello Bob,
shall we have lunch on Thursday, at the harbour?
Alice
TEXT
    claim 'example.com has no public key for bob' knows_none example bob@partner.test
    send example alice bob@partner.test
    wire_wait partner 1 || give_up 'nothing went over the wire'
    org_wait_mail partner bob 1 || give_up 'nothing was delivered'
    show_wire
    show_reader
    claim 'on the wire: multipart/signed, readable for everybody' is_type "$WIRE" multipart/signed
    claim 'the text was not encrypted' readable "$WIRE" 'at the harbour'
    claim 'openssl verifies the signature; alice made it' signed_by "$WIRE" example alice
    claim "bob's gateway says: signature valid" field_is "$MAIL" X-Smimed-Signature valid
    claim "bob's gateway learned alice's certificate" \
        knows partner alice@example.com "$E2E_DIR/example/pki/alice.pem"
}

# hidden FILE SUBJECT SENTENCE
hidden() {
    [ "$(field "$1" Subject)" = '[...]' ] && not_readable "$1" "$2" && not_readable "$1" "$3"
}

# check_encrypted FROM-ORG FROM-USER TO-ORG TO-USER WIRE-NUMBER MAIL-NUMBER SENTENCE
check_encrypted() {
    wire_wait "$3" "$5" || give_up 'nothing went over the wire'
    org_wait_mail "$3" "$4" "$6" || give_up 'nothing was delivered'
    show_wire
    claim 'on the wire: application/pkcs7-mime, one recipient' \
        is_type "$WIRE" application/pkcs7-mime
    claim 'neither subject nor text can be read there' hidden "$WIRE" Lunch "$7"
    claim "openssl decrypts it with $4's key, and nobody else's is named" \
        encrypted_to "$WIRE" "$3" "$4"
    show inside "Content-Type: $(field "$E2E_DIR/clear" Content-Type | sed 's/; *boundary=.*//')" \
        "$(cms_summary "$E2E_DIR/clear")"
    claim "openssl verifies the signature inside; $2 made it" \
        signed_by "$E2E_DIR/clear" "$1" "$2"
    show_reader
    claim "$4's gateway says: decrypted" field_is "$MAIL" X-Smimed-Encryption decrypted
    claim "$4's gateway says: signature valid" field_is "$MAIL" X-Smimed-Signature valid
    claim "$4 reads the text" reader_sees "$MAIL" "$7"
}

step_answer() {
    heading "2. bob answers: his gateway knows alice's key now"
    write_message "$E2E_DIR/message" 'Bob <bob@partner.test>' alice@example.com 'Re: Lunch?' <<'TEXT'
Hello Alice,
yes. Do not tell anybody, but I will bring the contract.
Bob
TEXT
    send partner bob alice@example.com
    check_encrypted partner bob example alice 1 1 'I will bring the contract'
    claim "alice's gateway learned bob's certificate" \
        knows example bob@partner.test "$E2E_DIR/partner/pki/bob.pem"
}

step_both() {
    heading '3. alice writes again: now signed and encrypted as well'
    write_message "$E2E_DIR/message" 'Alice <alice@example.com>' bob@partner.test 'Re: Lunch?' <<'TEXT'
Hello Bob,
then I will bring a pen. The password of the door is swordfish.
Alice
TEXT
    send example alice bob@partner.test
    check_encrypted example alice partner bob 2 2 'is swordfish'
}

step_refused() {
    local said status before queued
    heading '4. example.com makes encryption a must, and alice writes to carol, who has no key'
    org_rules example "$rule_forced,
$rule_optional"
    org_reload example || give_up 'smimed does not reload its rules'
    show rule "$(org_ctl example rules explain --from alice@example.com --to carol@partner.test |
        sed -n 's/^outgoing, \(.*\)/\1/p')"
    before=$(wire_count partner)
    write_message "$E2E_DIR/message" 'Alice <alice@example.com>' carol@partner.test 'Hi' <<'TEXT'
Hello Carol,
this must not leave the house in the clear.
TEXT
    said=$(org_send example alice --to carol@partner.test "$E2E_DIR/message")
    status=$?
    mapfile -t lines < <(sed -n 's/^END: //p' <<<"$said" | sed 's# / #\n#g' | fold -s -w 84 |
        sed 's/ $//')
    show 'alice sees' "${lines[@]}"
    claim 'the mail was refused for good (5xx)' [ "$status" -eq 1 ]
    claim 'the refusal names carol and the missing key' \
        grep -Eq 'END: 550 5\.7\.[0-9]+ .*carol@partner\.test.*key' <<<"$said"
    queued=$(mta queued "$E2E_DIR/example/mta")
    claim 'nothing waits in the queue' [ "$queued" -eq 0 ]
    claim 'nothing went over the wire' [ "$(wire_count partner)" -eq "$before" ]
}

e2e_begin
if [ ! -x "$SMIMED" ] || [ ! -x "$SMIMECTL" ]; then
    die "there is no $SMIMED or $SMIMECTL: run make"
fi
printf '%ssmimed: two organisations, two mail servers, and nobody touches a key%s\n' "$bold" "$plain"
set_up || die 'the set-up failed'
for name in example partner; do
    printf '   %-13s Postfix on 127.0.0.1, port %s for strangers, %s for users; smimed %s\n' \
        "${ORG_DOMAIN[$name]}" "${ORG_INBOUND[$name]}" "${ORG_SUBMISSION[$name]}" \
        "${ORG_SMIMED[$name]}"
done
step_signed
step_answer
step_both
step_refused
if [ "$failures" -gt 0 ]; then
    heading "$failures of $checks checks failed"
    exit 1
fi
heading "all $checks checks passed, $SECONDS s"
