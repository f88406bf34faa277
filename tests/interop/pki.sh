# Identities and the gateway of the interoperation tests. Sourced by run.sh; needs $work and $smimectl.
# shellcheck shell=bash disable=SC2154
#
# example.com is ours: alice (RSA) and erin (EC). partner.test is theirs: bob (RSA) and emil (EC).

pki_identity() { # WHO ADDRESS rsa|ec
    local key=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)
    [ "$3" = ec ] && key=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
    openssl genpkey "${key[@]}" -out "$work/$1.key" 2>/dev/null || return 1
    local usage=digitalSignature,keyEncipherment
    [ "$3" = ec ] && usage=digitalSignature,keyAgreement
    printf 'subjectAltName=email:%s\nkeyUsage=critical,%s\nextendedKeyUsage=emailProtection\nbasicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' \
        "$2" "$usage" >"$work/$1.ext"
    openssl req -new -key "$work/$1.key" -subj "/CN=$1/emailAddress=$2" -out "$work/$1.csr" &&
        openssl x509 -req -in "$work/$1.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial \
            -days 30 -extfile "$work/$1.ext" -out "$work/$1.crt" 2>/dev/null && pki_pkcs12 "$1"
}

# Old algorithms: NSS and gpgsm of Debian 12 read no others.
pki_pkcs12() { # WHO
    openssl pkcs12 -export -inkey "$work/$1.key" -in "$work/$1.crt" -certfile "$work/ca.crt" -name "$1" \
        -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -macalg sha1 -passout pass:interop -out "$work/$1.p12"
}

pki_make() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.crt" -days 60 \
        -subj "/CN=Interop CA" -addext basicConstraints=critical,CA:TRUE \
        -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null &&
        pki_identity alice alice@example.com rsa && pki_identity erin erin@example.com ec &&
        pki_identity bob bob@partner.test rsa && pki_identity emil emil@partner.test ec
}

pki_config() { # NAME SIGNATURE TRANSPORT CIPHER MODE
    cat >"$work/$1.conf" <<EOF
managed_domains = [ "example.com" ];
store = "$work/store.db";
master_secret = "$work/secret";
spool = "$work/spool";
mozilla_roots = "";
user = "";
profiles = ( { name = "interop"; signatures = [ "$2", "ecdsa" ]; key_encryption = [ "$3", "ecdh" ];
               ciphers = [ "$4" ]; } );
profile = "interop";
weak_algorithms = [ "3des", "rc2" ];
rules = ( { managed = [ "*" ]; external = [ "*" ]; outgoing = "$5"; } );
EOF
}

# A profile as it comes with smimed.
pki_profile_config() { # NAME
    pki_config "$1" pss oaep aes-256-cbc encrypt-forced
    sed -i "s/^profile = .*/profile = \"$1\";/" "$work/$1.conf"
}

# smimectl adds a signature to what it encrypts, so the plaintext that others see is multipart/signed.
pki_gateway() {
    local who transport cipher
    mkdir -m 700 "$work/spool"
    pki_config sign-pkcs1 pkcs1 pkcs1 aes-256-cbc sign
    pki_config sign-pss pss pkcs1 aes-256-cbc sign
    for transport in pkcs1 oaep; do
        for cipher in cbc gcm; do
            pki_config "encrypt-$transport-$cipher" pkcs1 "$transport" "aes-256-$cipher" encrypt-forced
        done
    done
    pki_config sign-pss-512 pss pkcs1 aes-256-cbc sign
    sed -i 's/{ name = "interop";/& digests = [ "sha512" ];/' "$work/sign-pss-512.conf"
    for who in strict compatible edi-energy; do pki_profile_config "$who"; done
    sed '/^profile/,/^weak/d; /^rules/d' "$work/sign-pkcs1.conf" >"$work/default.conf"
    "$smimectl" -c "$work/sign-pkcs1.conf" init &&
        "$smimectl" -c "$work/sign-pkcs1.conf" trust import "$work/ca.crt" || return 1
    for who in alice erin; do
        "$smimectl" -c "$work/sign-pkcs1.conf" mailbox add "$who@example.com" &&
            "$smimectl" -c "$work/sign-pkcs1.conf" mailbox activate "$who@example.com" \
                --key "$work/$who.key" --cert "$work/$who.crt" || return 1
    done
    for who in bob emil; do
        "$smimectl" -c "$work/sign-pkcs1.conf" pubkey import "$work/$who.crt" || return 1
    done
}
