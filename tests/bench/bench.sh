#!/bin/bash
# Start a smimed of its own, make keys and messages, and measure it (bench.c).
#
#   bench.sh [--soak]       SMIMED_BUILD: what was built where; default build/plain
set -u
cd "$(dirname "$0")/../.." || exit 1

build=$PWD/${SMIMED_BUILD:-build/plain}
tree=$(mktemp -d) || exit 1
smimed_pid=
finish() {
    local status=$?
    if [ -n "$smimed_pid" ]; then kill "$smimed_pid" && wait "$smimed_pid"; fi
    rm -rf "$tree"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

quietly() {
    "$@" >"$tree/said" 2>&1 && return
    cat "$tree/said" >&2
    echo "bench.sh: this failed: $*" >&2
    exit 1
}

# certificate NAME ADDRESS
certificate() {
    quietly openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout "$tree/$1.key" -out "$tree/$1.csr"
    quietly openssl x509 -req -in "$tree/$1.csr" -CA "$tree/ca.pem" -CAkey "$tree/ca.key" -days 30 \
        -out "$tree/$1.pem" -extfile <(printf '%s\n' "subjectAltName=email:$2" \
        keyUsage=digitalSignature,keyEncipherment extendedKeyUsage=emailProtection)
}

quietly openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=CA -days 30 -keyout "$tree/ca.key" \
    -out "$tree/ca.pem" -addext keyUsage=critical,keyCertSign,cRLSign
certificate alice alice@example.com
certificate bob bob@partner.test

cat >"$tree/smimed.conf" <<CONF
managed_domains = [ "example.com" ];
store = "$tree/store.db";
master_secret = "$tree/master.secret";
spool = "$tree/spool";
mozilla_roots = "";
user = "";
log_level = "warning";
sockets = (
  { address = "unix:$tree/submission.sock"; role = "submission"; },
  { address = "unix:$tree/inbound.sock"; role = "inbound"; }
);
rules = (
  { managed = [ "*" ]; external = [ "other.test" ]; outgoing = "sign"; },
  { managed = [ "*" ]; external = [ "partner.test" ]; outgoing = "encrypt-forced"; }
);
CONF
smimectl() {
    quietly "$build/smimectl" -c "$tree/smimed.conf" "$@"
}
smimectl init
smimectl mailbox add alice@example.com
smimectl mailbox activate alice@example.com --key "$tree/alice.key" --cert "$tree/alice.pem"
smimectl pubkey import "$tree/bob.pem"
smimectl trust import "$tree/ca.pem"

# Lines of text, as they come from a mail program; the same for all.
header() {
    printf 'From: %s\r\nTo: %s\r\nSubject: bench\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <bench@example.com>\r\n' "$1" "$2"
}
# wrap FILE: the message of bob's that carries the S/MIME entity of FILE.
wrap() {
    header bob@partner.test alice@example.com
    sed 's/\r*$/\r/' "$1"
}
for size in 4K 100K 10M 100M; do
    {
        printf 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n'
        head -c $size /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 2>/dev/null |
            base64 -w 76 | head -c $size | awk '{ printf "%s\r\n", $0 }'
    } >"$tree/entity"
    { header alice@example.com carol@other.test && cat "$tree/entity"; } >"$tree/plain.$size"
    quietly openssl cms -sign -binary -in "$tree/entity" -signer "$tree/bob.pem" -inkey "$tree/bob.key" \
        -md sha256 -out "$tree/signed"
    wrap "$tree/signed" >"$tree/signed.$size"
    quietly openssl cms -encrypt -binary -stream -aes-256-cbc -in "$tree/signed" -out "$tree/encrypted" "$tree/alice.pem"
    wrap "$tree/encrypted" >"$tree/encrypted.$size"
done
[ -s "$tree/plain.100M" ] || exit 1

"$build/smimed" -f -c "$tree/smimed.conf" 2>"$tree/log" &
smimed_pid=$!
for _ in {1..100}; do
    [ -S "$tree/inbound.sock" ] && [ -S "$tree/submission.sock" ] && break
    sleep 0.1
done

"$build/tests/bench/bench" "$@" "unix:$tree/submission.sock" "unix:$tree/inbound.sock" "$tree"
status=$?
# Whatever smimed had to warn of.
cat "$tree/log" >&2
exit $status
