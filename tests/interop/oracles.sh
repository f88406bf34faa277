# Other people's CMS programs behind one interface: sign, verify, encrypt, decrypt.
# Sourced by run.sh; needs $work (a temporary directory) and the identities that pki.sh made.
# shellcheck shell=bash disable=SC2154
#
#   ORACLE_verify  CONTENT SIGNATURE.der           detached signature of one of our mailboxes
#   ORACLE_opens   CMS.der                         opaque signature of one of our mailboxes (openssl, gpgsm)
#   ORACLE_decrypt WHO CMS.der                     plaintext on standard output
#   ORACLE_sign    WHO rsa-pkcs1|rsa-pss|ecdsa CONTENT   detached signature in DER on standard output
#   ORACLE_encrypt WHO TRANSPORT CIPHER CONTENT    CMS in DER on standard output; TRANSPORT is pkcs1, oaep, ecdh
#                                                  or (not all can) ecdh-sha384-aes192 and the like; CIPHER is
#                                                  cbc, gcm, rc2-40, rc2-64 or rc2-128
#
# WHO is the base name of $work/WHO.crt, .key (PKCS#8) and .p12 (password "interop").

bc_jars=/usr/share/java/bcmail.jar:/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar:/usr/share/java/bcutil.jar

oracles_start() {
    mkdir -p "$work/bc" "$work/nss" "$work/gnupg"
    chmod 700 "$work/gnupg"
    javac -nowarn -cp "$bc_jars" -d "$work/bc" "$here/Bc.java" 2>"$work/javac.log" || {
        cat "$work/javac.log" >&2
        return 1
    }
    nss_start && gpgsm_start
}

oracles_stop() {
    GNUPGHOME=$work/gnupg gpgconf --kill all >/dev/null 2>&1 || true
}

# ---- OpenSSL ----

openssl_verify() {
    openssl cms -verify -binary -content "$1" -inform DER -in "$2" -CAfile "$work/ca.crt" -out /dev/null
}

openssl_opens() {
    openssl cms -verify -binary -inform DER -in "$1" -CAfile "$work/ca.crt" -out /dev/null
}

openssl_decrypt() {
    openssl cms -decrypt -inform DER -in "$2" -recip "$work/$1.crt" -inkey "$work/$1.key"
}

openssl_sign() {
    local options=()
    [ "$2" = rsa-pss ] && options=(-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:digest)
    openssl cms -sign -binary -md sha256 -signer "$work/$1.crt" -inkey "$work/$1.key" "${options[@]}" \
        -in "$3" -outform DER
}

openssl_encrypt() {
    local options=() cipher=(-aes-256-"$3")
    [ "$2" = oaep ] && options=(-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256)
    [ "$2" = ecdh ] && options=(-keyopt ecdh_kdf_md:sha256)
    if [[ $2 = ecdh-*-* ]]; then
        local agreement=${2#ecdh-}
        options=(-keyopt "ecdh_kdf_md:${agreement%-*}" -"${agreement#*-}-wrap")
    fi
    [[ $3 = rc2-* ]] && cipher=(-provider legacy -provider default -"$3")
    openssl cms -encrypt -binary "${cipher[@]}" -recip "$work/$1.crt" "${options[@]}" -in "$4" -outform DER
}

# ---- BouncyCastle ----

bc() {
    java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$bc_jars:$work/bc" Bc "$@"
}

bc_verify() {
    bc verify "$2" "$1" >/dev/null
}

bc_decrypt() {
    bc decrypt "$work/$1.crt" "$work/$1.key" <"$2"
}

bc_sign() {
    local algorithm
    case $2 in
    rsa-pss) algorithm=SHA256WITHRSAANDMGF1 ;;
    ecdsa) algorithm=SHA256WITHECDSA ;;
    *) algorithm=SHA256WITHRSA ;;
    esac
    bc sign "$work/$1.crt" "$work/$1.key" "$algorithm" detached <"$3"
}

bc_encrypt() {
    bc encrypt "$work/$1.crt" "$2" "$3" <"$4"
}

# ---- NSS ----

nss_start() {
    local who
    certutil -N -d "sql:$work/nss" --empty-password &&
        certutil -A -d "sql:$work/nss" -n interop-ca -t ,CT, -a -i "$work/ca.crt" || return 1
    for who in bob emil; do
        pk12util -i "$work/$who.p12" -d "sql:$work/nss" -W interop -n "$who" >/dev/null || return 1
    done
    for who in alice erin; do
        certutil -A -d "sql:$work/nss" -n "$who" -t ,, -a -i "$work/$who.crt" || return 1
    done
}

# The program exits 0 for a bad signature too: what it says decides.
nss_verify() {
    local said
    said=$(cmsutil -D -d "sql:$work/nss" -i "$2" -c "$1" -h 1 2>&1) || return 1
    grep -q 'signer0.status=GoodSignature' <<<"$said"
}

nss_decrypt() {
    cmsutil -D -d "sql:$work/nss" -i "$2"
}

nss_sign() {
    cmsutil -S -T -d "sql:$work/nss" -N "$1" -H SHA256 -G -i "$3"
}

nss_encrypt() {
    local email
    email=$(openssl x509 -in "$work/$1.crt" -noout -email)
    cmsutil -E -d "sql:$work/nss" -r "$email" -i "$4"
}

# ---- gpgsm ----

gpgsm_start() {
    export GNUPGHOME=$work/gnupg
    cat >"$GNUPGHOME/gpgsm.conf" <<'EOF'
disable-crl-checks
disable-policy-checks
batch
no-tty
EOF
    echo allow-loopback-pinentry >"$GNUPGHOME/gpg-agent.conf"
    printf '%s S relax\n' "$(openssl x509 -in "$work/ca.crt" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')" \
        >"$GNUPGHOME/trustlist.txt"
    gpgconf --launch gpg-agent || return 1
    gpgsm --quiet --import "$work/ca.crt" "$work/alice.crt" "$work/erin.crt" 2>"$work/gpgsm.log" || return 1
    # Not every key type can be imported: then the tests with it are gaps.
    gpgsm_import emil 1 || true
    gpgsm_import bob 6 || {
        cat "$work/gpgsm.log" >&2
        return 1
    }
}

# gpgsm's reader of PKCS#12 fails on a few files in a hundred (as ciphertext has it): a new file, with a new salt,
# is tried. On a busy machine its agent may also still be starting.
gpgsm_import() { # WHO TRIES
    local try
    for try in $(seq "$2"); do
        (echo interop | gpgsm --quiet --pinentry-mode loopback --passphrase-fd 0 --import "$work/$1.p12") \
            2>>"$work/gpgsm.log" && return 0
        sleep "$try"
        pki_pkcs12 "$1"
    done
    return 1
}

gpgsm_run() {
    gpgsm --quiet --pinentry-mode loopback --passphrase-fd 3 "$@" 3<<<interop
}

gpgsm_verify() {
    gpgsm_run --status-fd 1 --verify "$2" "$1" | grep -q '^\[GNUPG:\] GOODSIG'
}

gpgsm_opens() {
    gpgsm_run --status-fd 1 --verify "$1" | grep -q '^\[GNUPG:\] GOODSIG'
}

gpgsm_decrypt() {
    gpgsm_run --decrypt "$2"
}

gpgsm_sign() {
    gpgsm_run --digest-algo SHA256 --local-user "<$(openssl x509 -in "$work/$1.crt" -noout -email)>" \
        --detach-sign <"$3"
}

gpgsm_encrypt() {
    local name=AES256
    [[ $3 = rc2-* ]] && name=1.2.840.113549.3.2
    gpgsm_run --cipher-algo "$name" --recipient "<$(openssl x509 -in "$work/$1.crt" -noout -email)>" \
        --encrypt <"$4"
}
