#!/usr/bin/env bash
# smimed against other people's programs, both ways: each verifies what we sign and decrypts what we encrypt, and
# we verify and decrypt what each of them makes. Ends with a table of algorithm by oracle that names each gap.
#
#   SMIMED_BUILD=build/plain tests/interop/run.sh
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=${SMIMED_BUILD:-build/plain}
smimectl=$(realpath "$build/smimectl")
work=$(mktemp -d "${TMPDIR:-/tmp}/smimed-interop.XXXXXX")
log=$work/log
passed=0
failed=0
oracles=(openssl bc nss gpgsm)
declare -A result

# shellcheck source=tests/interop/oracles.sh
. "$here/oracles.sh"
# shellcheck source=tests/interop/mutt.sh
. "$here/mutt.sh"
# shellcheck source=tests/interop/pki.sh
. "$here/pki.sh"

cleanup() {
    oracles_stop
    rm -rf "$work"
}
trap cleanup EXIT

# What a program cannot do, each found by trying; "ORACLE VERB ALGORITHM" -> reason. One that begins to work
# fails the test, so that this list stays true.
declare -A gap
while IFS='|' read -r key reason; do
    [ -n "$key" ] && gap[$key]=$reason
done <"$here/gaps.txt"

ok() {
    passed=$((passed + 1))
    echo "ok - $1"
}

not_ok() {
    failed=$((failed + 1))
    echo "not ok - $1"
    sed 's/^/    /' "$log" | tail -n 12
}

# check ORACLE VERB ALGORITHM COMMAND...: run it; a gap must fail.
check() {
    local oracle=$1 verb=$2 algorithm=$3 reason=${gap["$1 $2 $3"]:-}
    shift 3
    : >"$log"
    if "$@" >>"$log" 2>&1; then
        if [ -n "$reason" ]; then
            result["$oracle $verb $algorithm"]='works?'
            not_ok "$oracle $verb $algorithm works, but is listed as a gap ($reason)"
        else
            result["$oracle $verb $algorithm"]=yes
            ok "$oracle $verb $algorithm"
        fi
    elif [ -n "$reason" ]; then
        result["$oracle $verb $algorithm"]=gap
        ok "$oracle $verb $algorithm: cannot ($reason)"
    else
        result["$oracle $verb $algorithm"]=FAILS
        not_ok "$oracle $verb $algorithm"
    fi
}

# ---- What we make ----

# outgoing CONFIG FROM TO: the message as it leaves, in $work/out.eml
outgoing() {
    printf 'From: %s\r\nTo: %s\r\nSubject: interop\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\303\274\303\237e an alle, mit genug schlichtem Text\r\n' \
        "$2" "$3" | "$smimectl" -c "$work/$1.conf" process --outgoing --from "$2" --to "$3" --crlf \
        >"$work/out.eml" 2>"$work/out.log" || {
        cat "$work/out.log"
        return 1
    }
}

# Split a multipart/signed message into the exact bytes that were signed and the signature.
split_signed() {
    perl -0777 -e '
        my ($eml, $content, $sig) = @ARGV;
        open my $in, "<:raw", $eml or die; my $text = <$in>;
        $text =~ /boundary="([^"]+)"/ or die "no boundary"; my $b = quotemeta $1;
        my @parts = split /\r\n--$b(?:--)?[ \t]*\r\n/, $text;
        open my $out, ">:raw", $content or die; print $out $parts[1];
        my ($base64) = $parts[2] =~ /\r\n\r\n(.*)/s;
        open $out, ">", $sig or die; print $out $base64;
    ' "$1" "$2" "$work/sig.b64" && base64 -di "$work/sig.b64" >"$3"
}

verify_ours() { # ORACLE CONFIG FROM
    outgoing "$2" "$3" nobody@partner.test &&
        split_signed "$work/out.eml" "$work/content" "$work/sig.der" &&
        "$1_verify" "$work/content" "$work/sig.der"
}

# A tampered content must not verify, or the test above could not fail.
refuse_tampered() { # ORACLE
    outgoing sign-pkcs1 alice@example.com nobody@partner.test &&
        split_signed "$work/out.eml" "$work/content" "$work/sig.der" || return 1
    sed -i 's/an alle/an keinen/' "$work/content"
    ! "$1_verify" "$work/content" "$work/sig.der"
}

# What relays break where it is not encoded: 8-bit text, long lines, white space at line ends, "From ", in a
# message with an attachment and with neither. One of them can only be signed opaquely.
hard_mail() { # NUMBER
    local body='From hier\r\nblanks \t \r\n-- \r\nGr\0303\0274\0303\0237e an alle\r\n.\r\n'
    printf 'From: %s\r\nTo: %s\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n' \
        alice@example.com nobody@partner.test
    case $1 in
    1) printf 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%b' "$body" ;;
    2)
        printf 'Content-Type: multipart/mixed; boundary="a b"\r\n\r\n--a b\r\n'
        printf 'Content-Type: text/html; charset=utf-8\r\n\r\n%b' "$body"
        printf -- '--a b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n'
        printf '\0\377\n\r%01200d\r\n--a b--\r\n' 0
        ;;
    3)
        printf 'Content-Type: multipart/mixed; boundary=b\r\n\r\n\303\274 \r\n--b \r\n'
        printf 'Content-Type: text/plain; charset=utf-8\r\n\r\n%b--b--\r\n' "$body"
        ;;
    esac
}

# By default settings, through relay.pl, in both kinds of line ends: the other program verifies what arrives.
verify_relayed() { # ORACLE
    local number line_ends
    for number in 1 2 3; do
        hard_mail "$number" | "$smimectl" -c "$work/default.conf" process --outgoing --from alice@example.com \
            --to nobody@partner.test --crlf >"$work/sent.eml" || return 1
        for line_ends in '' --lf; do
            # shellcheck disable=SC2086
            "$here/../tools/relay.pl" $line_ends <"$work/sent.eml" | sed 's/\r*$/\r/' >"$work/out.eml"
            case $number in
            3) perl -0777 -ne 's/.*?\r\n\r\n//s; print' "$work/out.eml" | base64 -di >"$work/cms.der" &&
                "$1_opens" "$work/cms.der" ;;
            *) split_signed "$work/out.eml" "$work/content" "$work/sig.der" &&
                "$1_verify" "$work/content" "$work/sig.der" ;;
            esac || {
                echo "mail $number $line_ends"
                return 1
            }
        done
    done
}

# Or the test above could not fail: what is signed as it was written does not arrive so.
relays_break_others() {
    hard_mail 1 | perl -0777 -ne 's/.*?MIME-Version: 1.0\r\n//s; print' >"$work/content"
    openssl_sign alice rsa-pkcs1 "$work/content" >"$work/sig.der" && openssl_verify "$work/content" "$work/sig.der" &&
        (printf 'From: x\r\n' && cat "$work/content") | "$here/../tools/relay.pl" | sed '1d' >"$work/relayed" || return 1
    ! openssl_verify "$work/relayed" "$work/sig.der"
}

decrypt_ours() { # ORACLE CONFIG WHO
    outgoing "$2" alice@example.com "$3@partner.test" || return 1
    perl -0777 -ne 's/.*?\r\n\r\n//s; print' "$work/out.eml" | base64 -di >"$work/cms.der"
    "$1_decrypt" "$3" "$work/cms.der" >"$work/plain" && grep -aq 'Gr=C3=BC=C3=9Fe an alle' "$work/plain"
}

# ---- What they make ----

incoming() { # FROM TO MESSAGE: the report in $work/in.json, the message in $work/in.eml
    "$smimectl" -c "$work/sign-pkcs1.conf" --json process --incoming --from "$1" --to "$2" <"$3" \
        >"$work/in.eml" 2>"$work/in.json"
}

# A program without an algorithm may quietly take another one: that is no success.
uses() { # CMS.der ALGORITHM
    local dump
    dump=$(openssl asn1parse -inform DER -in "$1" 2>/dev/null)
    case $2 in
    rsa-pss) grep -q ':rsassaPss' <<<"$dump" ;;
    oaep) grep -q ':rsaesOaep' <<<"$dump" ;;
    ecdh) grep -q ':dhSinglePass' <<<"$dump" ;;
    ecdh-*) {
        local agreement=${2#ecdh-}
        grep -q ":dhSinglePass-stdDH-${agreement%-*}kdf-scheme" <<<"$dump" &&
            grep -q ":id-${agreement#*-}-wrap" <<<"$dump"
    } ;;
    ecdsa) grep -q ':ecdsa-with' <<<"$dump" ;;
    cbc | gcm) grep -qiE "(aes-[0-9]+|ede3)-$2" <<<"$dump" ;;
    rc2-40) grep -A 2 ':rc2-cbc' <<<"$dump" | grep -q 'INTEGER *:A0$' ;;
    rc2-64) grep -A 2 ':rc2-cbc' <<<"$dump" | grep -q 'INTEGER *:78$' ;;
    rc2-128) grep -A 2 ':rc2-cbc' <<<"$dump" | grep -q 'INTEGER *:3A$' ;;
    *) grep -q ':rsaEncryption\|:sha256WithRSAEncryption' <<<"$dump" && ! grep -q ':rsassaPss\|:rsaesOaep' <<<"$dump" ;;
    esac || {
        echo "the program took another algorithm than $2"
        return 1
    }
}

verify_theirs() { # ORACLE WHO ALGORITHM
    printf 'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe an alle\r\n' \
        >"$work/content"
    "$1_sign" "$2" "$3" "$work/content" >"$work/sig.der" || return 1
    uses "$work/sig.der" "$3" || return 1
    {
        printf 'From: %s@partner.test\r\nTo: alice@example.com\r\nSubject: interop\r\nMIME-Version: 1.0\r\n' "$2"
        printf 'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="b1"\r\n\r\n--b1\r\n'
        cat "$work/content"
        printf '\r\n--b1\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        base64 "$work/sig.der" | sed 's/$/\r/'
        printf -- '--b1--\r\n'
    } >"$work/message"
    incoming "$2@partner.test" alice@example.com "$work/message"
    cat "$work/in.json"
    [ "$(jq -r .signature.verdict "$work/in.json")" = valid ]
}

decrypt_theirs() { # ORACLE WHO TRANSPORT CIPHER
    printf 'Content-Type: text/plain\r\n\r\nnur fuer dich\r\n' >"$work/content"
    "$1_encrypt" "$2" "$3" "$4" "$work/content" >"$work/cms.der" || return 1
    uses "$work/cms.der" "$3" && uses "$work/cms.der" "$4" || return 1
    {
        printf 'From: bob@partner.test\r\nTo: %s@example.com\r\nMIME-Version: 1.0\r\n' "$2"
        printf 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        base64 "$work/cms.der" | sed 's/$/\r/'
    } >"$work/message"
    incoming bob@partner.test "$2@example.com" "$work/message"
    cat "$work/in.json"
    [ "$(jq -r .encryption.verdict "$work/in.json")" = decrypted ] && grep -q 'nur fuer dich' "$work/in.eml"
}

table() {
    local algorithm oracle verb
    printf '\n%-26s' 'algorithm'
    for oracle in "${oracles[@]}"; do printf '%-22s' "$oracle"; done
    printf '\n%-26s' ''
    for oracle in "${oracles[@]}"; do printf '%-22s' 'reads ours / we read'; done
    echo
    for algorithm in rsa-pkcs1 rsa-pss ecdsa; do
        printf '%-26s' "signature $algorithm"
        for oracle in "${oracles[@]}"; do
            printf '%-22s' "${result["$oracle verify $algorithm"]} / ${result["$oracle sign $algorithm"]}"
        done
        echo
    done
    for verb in rc2-40 rc2-64 rc2-128; do
        printf '%-26s' "encryption $verb"
        for oracle in "${oracles[@]}"; do
            printf '%-22s' "never / ${result["$oracle encrypt $verb"]}"
        done
        echo
    done
    for verb in pkcs1-cbc pkcs1-gcm oaep-cbc oaep-gcm ecdh-cbc ecdh-gcm; do
        printf '%-26s' "encryption $verb"
        for oracle in "${oracles[@]}"; do
            printf '%-22s' "${result["$oracle decrypt $verb"]} / ${result["$oracle encrypt $verb"]}"
        done
        echo
    done
    echo
}

main() {
    local oracle transport cipher
    if ! { pki_make && pki_gateway && oracles_start && mutt_start; }; then
        echo "not ok - set up the identities, the gateway and the oracles"
        exit 1
    fi
    for oracle in "${oracles[@]}"; do
        check "$oracle" verify rsa-pkcs1 verify_ours "$oracle" sign-pkcs1 alice@example.com
        check "$oracle" verify rsa-pss verify_ours "$oracle" sign-pss alice@example.com
        check "$oracle" verify ecdsa verify_ours "$oracle" sign-pkcs1 erin@example.com
        check "$oracle" refuse tampered refuse_tampered "$oracle"
        check "$oracle" sign rsa-pkcs1 verify_theirs "$oracle" bob rsa-pkcs1
        check "$oracle" sign rsa-pss verify_theirs "$oracle" bob rsa-pss
        check "$oracle" sign ecdsa verify_theirs "$oracle" emil ecdsa
        for cipher in cbc gcm; do
            for transport in pkcs1 oaep; do
                check "$oracle" decrypt "$transport-$cipher" decrypt_ours "$oracle" "encrypt-$transport-$cipher" bob
                check "$oracle" encrypt "$transport-$cipher" decrypt_theirs "$oracle" alice "$transport" "$cipher"
            done
            check "$oracle" decrypt "ecdh-$cipher" decrypt_ours "$oracle" "encrypt-pkcs1-$cipher" emil
            check "$oracle" encrypt "ecdh-$cipher" decrypt_theirs "$oracle" erin ecdh "$cipher"
        done
        for cipher in rc2-40 rc2-64 rc2-128; do
            check "$oracle" encrypt "$cipher" decrypt_theirs "$oracle" alice pkcs1 "$cipher"
        done
    done
    # Those who have all of it read what the profiles make that come with smimed.
    for oracle in openssl bc; do
        check "$oracle" verify pss-sha512 verify_ours "$oracle" sign-pss-512 alice@example.com
        check "$oracle" decrypt strict decrypt_ours "$oracle" strict bob
        check "$oracle" decrypt edi-energy decrypt_ours "$oracle" edi-energy bob
        # We read what our signed mail declares.
        for transport in ecdh-sha256-aes128 ecdh-sha384-aes192 ecdh-sha512-aes256; do
            check "$oracle" encrypt "$transport" decrypt_theirs "$oracle" erin "$transport" cbc
        done
    done
    for oracle in openssl bc nss gpgsm; do
        check "$oracle" decrypt compatible decrypt_ours "$oracle" compatible bob
    done
    for oracle in openssl gpgsm; do
        check "$oracle" verify relayed verify_relayed "$oracle"
    done
    check openssl refuse relayed relays_break_others
    check mutt reads signed mutt_reads sign-pkcs1
    check mutt reads pss mutt_reads sign-pss
    check mutt reads encrypted mutt_reads encrypt-pkcs1-cbc 'The following data is S/MIME encrypted'
    check mutt refuses tampered mutt_refuses_tampered
    check mutt writes signed mutt_writes crypt_autosign=yes none valid
    check mutt writes encrypted mutt_writes crypt_autoencrypt=yes decrypted none
    check mutt writes both mutt_writes 'crypt_autosign=yes crypt_autoencrypt=yes' decrypted valid
    table
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

main
