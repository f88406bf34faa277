# A certification authority of an organisation, by the openssl command. To be sourced by bash.
#
# The directory holds root.pem, issuing.pem (under the root), and NAME.key and NAME.pem of each user.
# shellcheck shell=bash

pki_openssl() {
    local said
    said=$(openssl "$@" 2>&1) || {
        printf 'openssl %s\n%s\n' "$*" "$said" >&2
        return 1
    }
}

# pki_make DIR ORGANISATION
pki_make() {
    local dir=$1 organisation=$2
    mkdir -p "$dir"
    cat >"$dir/extensions" <<'EXT'
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[issuing]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[user]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $ENV::PKI_NAMES
[user_ec]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature, keyAgreement
extendedKeyUsage = emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $ENV::PKI_NAMES
EXT
    printf '01\n' >"$dir/serial"
    export PKI_NAMES=email:unused
    pki_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/root.key" &&
        pki_certify "$dir" root root "/O=$organisation/CN=$organisation Root CA" 3650 &&
        pki_openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
            -out "$dir/issuing.key" &&
        pki_certify "$dir" issuing issuing "/O=$organisation/CN=$organisation Mail CA" 1825
}

# pki_certify DIR NAME SECTION SUBJECT DAYS: NAME.pem for NAME.key, by the right authority.
pki_certify() {
    local dir=$1 name=$2 section=$3
    local -a signer=(-CA "$dir/issuing.pem" -CAkey "$dir/issuing.key" -CAserial "$dir/serial")
    case $section in
    root) signer=(-signkey "$dir/root.key") ;;
    issuing) signer=(-CA "$dir/root.pem" -CAkey "$dir/root.key" -CAserial "$dir/serial") ;;
    esac
    pki_openssl req -new -key "$dir/$name.key" -subj "$4" -out "$dir/$name.csr" -utf8 &&
        pki_openssl x509 -req -in "$dir/$name.csr" -days "$5" -sha256 "${signer[@]}" \
            -extfile "$dir/extensions" -extensions "$section" -out "$dir/$name.pem"
}

# pki_user DIR NAME ADDRESS [rsa|ec]: a key and a mail certificate. The files are NAME.key, NAME.pem.
pki_user() {
    local dir=$1 name=$2 address=$3 section=user
    local -a key=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)
    if [ "${4:-rsa}" = ec ]; then
        key=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
        section=user_ec
    fi
    export PKI_NAMES=email:$address
    pki_openssl genpkey "${key[@]}" -out "$dir/$name.key" &&
        pki_certify "$dir" "$name" "$section" "/CN=$name" 825
}
