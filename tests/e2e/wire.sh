# What went over the wire, and what the openssl command says of it. To be sourced after process.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034 # much is used by those who source this

declare -A WIRE_PORT

# wire_tap NAME TARGET-PORT: record what is sent to the port; WIRE_PORT[NAME] is where to send it.
wire_tap() {
    mkdir -p "$E2E_DIR/wire/$1"
    free_port
    WIRE_PORT[$1]=$PORT
    background "$E2E_DIR/wire/$1.log" "$E2E_SOURCE/wiretap.pl" "$PORT" "$2" "$E2E_DIR/wire/$1"
    wait_until 5 port_answers "$PORT"
}

# How many messages went over this wire so far?
wire_count() {
    find "$E2E_DIR/wire/$1" -name '*.eml' | wc -l
}

wire_reached() {
    [ "$(wire_count "$1")" -ge "$2" ]
}

# wire_wait NAME NUMBER: wait for the message with this number; WIRE is its file.
wire_wait() {
    wait_until 30 wire_reached "$1" "$2" || {
        printf 'no message number %s on the wire to %s\n' "$2" "$1" >&2
        return 1
    }
    WIRE=$E2E_DIR/wire/$1/$2.eml
}

# field FILE NAME [N]: the value of the n-th header field of that name, unfolded; empty if none.
field() {
    perl -0777 -ne '
        BEGIN { $name = quotemeta shift; $n = shift }
        s/\r?\n\r?\n.*//s or 1; s/\r?\n[ \t]+/ /g;
        my @found = /^$name[ \t]*:[ \t]*(.*?)\r?$/mgi;
        print $found[$n - 1] // "";
    ' "$2" "${3:-1}" "$1"
}

# body FILE: what follows the header.
body() {
    perl -0777 -ne 's/\A.*?\r?\n\r?\n//s; print' "$1"
}

# The plain text of a message that a reader of a multipart/signed would see: its first part.
first_text() {
    perl -MMIME::Parser -e '
        my $parser = MIME::Parser->new;
        $parser->output_to_core(1); $parser->tmp_to_core(1); $parser->decode_headers(0);
        my $entity = $parser->parse_open($ARGV[0]);
        $entity = $entity->parts(0) while $entity->parts;
        my $text = $entity->bodyhandle ? $entity->bodyhandle->as_string : "";
        $text =~ s/\r\n/\n/g; print $text;
    ' "$1"
}

# cms_verify FILE ROOT SIGNER-OUT CONTENT-OUT: openssl verifies a signed message up to this root.
cms_verify() {
    openssl cms -verify -in "$1" -CAfile "$2" -purpose smimesign -signer "$3" -out "$4" 2>&1
}

# cms_decrypt FILE USER OUT: openssl decrypts with USER.key and USER.pem (paths without suffix).
cms_decrypt() {
    openssl cms -decrypt -in "$1" -inkey "$2.key" -recip "$2.pem" -out "$3" 2>&1
}

# The structure in one line, condensed from what openssl prints.
cms_summary() {
    openssl cms -cmsout -print -noout -in "$1" 2>/dev/null | "$E2E_SOURCE/cms_summary.pl"
}

fingerprint() {
    openssl x509 -in "$1" -noout -fingerprint -sha256
}

# same_certificate FILE FILE
same_certificate() {
    [ "$(fingerprint "$1")" = "$(fingerprint "$2")" ] || {
        openssl x509 -in "$1" -noout -subject
        openssl x509 -in "$2" -noout -subject
        return 1
    }
}

# Are there only 7-bit octets, no NUL, CR and LF only as CRLF, and no line of more than 998 octets?
seven_bit() {
    perl -0777 -ne '
        die "8-bit or NUL\n" if /[\x80-\xff\0]/; s/\r\n/\n/g; die "bare CR\n" if /\r/;
        die "a line of more than 998\n" if /[^\n]{999}/;' "$1"
}
