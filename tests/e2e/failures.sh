#!/bin/bash
# When things break: the MTA defers, nothing goes out weaker than the rule asks, nothing is lost.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

SECRET='the password of the door is swordfish'
RULE='{ managed = [ "*" ]; external = [ "*" ]; outgoing = "encrypt-forced"; }'
SETTINGS='database_timeout_ms = 1000; memory_spool_bytes = 16384;'

# Everybody has a key; alice may only encrypt.
set_up() {
    pair_make "$SETTINGS" "$SETTINGS" && pair_user example alice && pair_user partner bob &&
        org_rules example "$RULE" && org_ctl example pubkey import \
        "$E2E_DIR/partner/pki/bob.pem" >/dev/null || return 1
    org_ctl partner pubkey import "$E2E_DIR/example/pki/alice.pem" >/dev/null && pair_start
}

STORE=
HOLDER=
number=0

# A message to bob with a number of its own: message [KILOBYTES]
message() {
    number=$((number + 1))
    {
        printf 'From: alice@example.com\nTo: bob@partner.test\nSubject: %d\nX-Case: %d\n\n' \
            "$number" "$number"
        printf '%s, %d\n' "$SECRET" "$number"
        [ -z "${1:-}" ] || head -c "${1}000" /dev/urandom | openssl base64
    } >"$E2E_DIR/message"
}

submit() {
    said=$(org_send example alice --to bob@partner.test "$E2E_DIR/message")
    status=$?
}

# Every message that ever went over the wire was encrypted.
wire_is_encrypted() {
    local file
    for file in "$E2E_DIR"/wire/partner/*.eml; do
        [ -e "$file" ] || continue
        case $(cms_summary "$file") in
        EnvelopedData*) lacks "$file" "$SECRET" || return 1 ;;
        *)
            printf '%s is not encrypted\n' "$file"
            return 1
            ;;
        esac
    done
}

# bob has the message with this number, decrypted and verified.
bob_has() {
    local file
    for file in "$E2E_DIR"/partner/mta/mail/bob/new/*; do
        if [ -e "$file" ] && [ "$(field "$file" X-Case)" = "$1" ] &&
            grep -qF "$SECRET, $1" "$file" && [ "$(field "$file" X-Smimed-Signature)" = valid ]; then
            return 0
        fi
    done
    return 1
}

# The same message comes again and arrives: nothing is lost.
retry_arrives() {
    submit
    ok "$1: afterwards the retry is accepted" equals "$status" 0
    ok "$1: and arrives" wait_until 30 bob_has "$number"
    ok "$1: nothing went out in the clear" wire_is_encrypted
}

deferred() {
    ok "$1: the MTA defers" matches "$status $said" '^75 .*: 4[0-9][0-9] '
}

restart() {
    org_smimed_stop example
    org_smimed_start example
}

# Start smimed in circumstances in which it may well end again; until it does, or serves.
start_broken() {
    background "$(org_log example)" "$SMIMED" -f -c "$E2E_DIR/example/smimed/etc/smimed.conf"
    ORG_SMIMED[example]=$STARTED
    wait_until 10 ended_or_serves
}

ended_or_serves() {
    process_gone "${ORG_SMIMED[example]}" || org_smimed_answers example
}

normal() {
    message
    retry_arrives 'all is well'
}

# hold_database FILE: sqlite3 begins a transaction and keeps it until release_database.
hold_database() {
    [ -p "$E2E_DIR/sql" ] || mkfifo "$E2E_DIR/sql"
    background "$E2E_DIR/sqlite.log" sqlite3 -init /dev/null "$1" ".read '$E2E_DIR/sql'"
    HOLDER=$STARTED
    exec 9>"$E2E_DIR/sql"
    printf '%s\n' 'BEGIN EXCLUSIVE;' 'CREATE TABLE held (x);' ".shell touch $E2E_DIR/held" >&9
    wait_until 10 test -e "$E2E_DIR/held"
}

release_database() {
    exec 9>&-
    process_stop "$HOLDER"
    rm -f "$E2E_DIR/held"
}

# A writer that does not let go. Readers may go on in WAL mode: deferred, or encrypted.
database_locked() {
    hold_database "$STORE"
    ok 'database locked: sqlite3 holds it' [ -e "$E2E_DIR/held" ]
    message
    submit
    ok 'database locked: deferred or accepted' matches "$status" '^(0|75)$'
    ok 'database locked: nothing went out in the clear' wire_is_encrypted
    release_database
    retry_arrives 'database locked'
}

# The same for readers: a store that is not in WAL mode while somebody writes it.
database_locked_for_reading() {
    org_smimed_stop example
    sqlite3 "$STORE" 'PRAGMA journal_mode = DELETE;' >/dev/null
    hold_database "$STORE"
    start_broken
    message
    submit
    deferred 'database locked for reading'
    release_database
    restart
    retry_arrives 'database locked for reading'
}

# hide FILE...: take files away, and show FILE... brings them back.
hide() {
    local file
    for file in "$@"; do
        [ ! -e "$file" ] || mv "$file" "$file.hidden"
    done
}

show() {
    local file
    for file in "$@"; do
        rm -f "$file"
        [ ! -e "$file.hidden" ] || mv "$file.hidden" "$file"
    done
}

database_gone() {
    local -a files=("$STORE" "$STORE-wal" "$STORE-shm")
    hide "${files[@]}"
    message
    submit
    ok 'database gone: deferred or accepted' matches "$status" '^(0|75)$'
    ok 'database gone: nothing went out in the clear' wire_is_encrypted
    ok 'database gone: no empty one is made in its place' [ ! -e "$STORE" ]
    org_smimed_stop example
    start_broken
    submit
    deferred 'database gone at the start'
    ok 'database gone at the start: smimed says so' wait_until 10 contains "$(org_log example)" \
        "$STORE"
    show "${files[@]}"
    restart
    retry_arrives 'database gone'
}

secret_unreadable() {
    local secret=$E2E_DIR/example/smimed/etc/master.secret
    chown root "$secret"
    org_smimed_stop example
    start_broken
    message
    submit
    deferred 'master secret unreadable'
    chown "$SMIMED_USER" "$secret"
    restart
    retry_arrives 'master secret unreadable'
    hide "$secret"
    submit
    ok 'master secret gone: deferred or accepted' matches "$status" '^(0|75)$'
    ok 'master secret gone: nothing went out in the clear' wire_is_encrypted
    show "$secret"
    head -c 32 /dev/urandom >"$secret.wrong"
    hide "$secret"
    mv "$secret.wrong" "$secret"
    chown "$SMIMED_USER" "$secret"
    chmod 0600 "$secret"
    org_smimed_stop example
    start_broken
    message
    submit
    deferred 'another master secret'
    show "$secret"
    restart
    retry_arrives 'another master secret'
}

# A private key whose ciphertext was damaged.
key_damaged() {
    local key_column
    org_smimed_stop example
    key_column=$(sqlite3 "$STORE" "SELECT m.name || ' ' || p.name FROM sqlite_master m
        JOIN pragma_table_info(m.name) p WHERE m.name = 'private_key' AND p.name = 'pkcs8'")
    cp "$STORE" "$E2E_DIR/store.copy"
    ok 'key damaged: the column is found' matches "$key_column" ' '
    sqlite3 "$STORE" "UPDATE ${key_column% *} SET ${key_column#* } = randomblob(400)"
    org_smimed_start example
    message
    submit
    deferred 'key damaged'
    org_smimed_stop example
    rm -f "$STORE-wal" "$STORE-shm"
    cat "$E2E_DIR/store.copy" >"$STORE"
    org_smimed_start example
    retry_arrives 'key damaged'
}

spool_full() {
    local spool=$E2E_DIR/example/smimed/spool
    if ! mount -t tmpfs -o "size=64k,mode=0700,uid=$(id -u "$SMIMED_USER")" none "$spool"; then
        printf '# spool full: skipped, nothing may be mounted here\n'
        return
    fi
    E2E_MOUNTS+=("$spool")
    message 500
    submit
    deferred 'spool full'
    umount "$spool"
    E2E_MOUNTS=()
    retry_arrives 'spool full'
}

# kill -9 while the message is half transmitted.
killed() {
    local sender what=$1
    message
    org_send example alice --to bob@partner.test --pause-before "$2" \
        --pause-file "$E2E_DIR/pause" "$E2E_DIR/message" >"$E2E_DIR/said" &
    sender=$!
    wait_until 10 test -e "$E2E_DIR/pause"
    "$3"
    rm "$E2E_DIR/pause"
    wait "$sender"
    status=$?
    said=$(cat "$E2E_DIR/said")
    deferred "$what"
    # A supervisor that lives starts its worker again.
    if process_gone "${ORG_SMIMED[example]}"; then
        org_smimed_start example
    fi
    ok "$what: smimed serves again" wait_until 15 org_smimed_answers example
    retry_arrives "$what"
}

kill_all() {
    org_smimed_kill example
}

# The worker of the submission socket only: the supervisor starts it again.
kill_worker() {
    kill -KILL "$(submission_worker)"
}

submission_worker() {
    sed -n 's/.*smimed\[\([0-9]*\)\].*serving .* as submission$/\1/p' "$(org_log example)" |
        tail -n 1
}

# It hangs, and is killed while the MTA waits for its answer.
stop_then_kill() {
    kill -STOP "$(submission_worker)"
    (
        sleep 2
        kill -KILL "$(submission_worker)"
    ) &
}

# The receiving gateway dies: the sending MTA keeps the message and tries again.
receiver_down() {
    org_smimed_kill partner
    message
    submit
    ok 'the receiving gateway is down: the sender is served' equals "$status" 0
    ok 'the receiving gateway is down: the message waits' wait_until 10 mta_deferred "$E2E_DIR/example/mta"
    ok 'the receiving gateway is down: bob has nothing' not bob_has "$number"
    org_smimed_start partner
    mta flush "$E2E_DIR/example/mta"
    ok 'the receiving gateway is back: the message arrives' wait_until 30 bob_has "$number"
    ok 'the receiving gateway is back: nothing waits' wait_until 10 \
        mta_queue_empty "$E2E_DIR/example/mta"
}

# The receiving gateway cannot write what it learns: delivered or kept, and never lost.
receiver_locked() {
    hold_database "$E2E_DIR/partner/smimed/lib/store.db"
    message
    submit
    ok "the receiver's database is locked: the sender is served" equals "$status" 0
    wait_until 5 bob_has "$number"
    release_database
    mta flush "$E2E_DIR/example/mta"
    ok "the receiver's database was locked: the message arrives" wait_until 30 bob_has "$number"
}

not() {
    ! "$@"
}

e2e_begin
set_up || die 'the set-up failed'
STORE=$E2E_DIR/example/smimed/lib/store.db
normal
database_locked
database_locked_for_reading
database_gone
secret_unreadable
key_damaged
spool_full
killed 'killed with half a message' half kill_all
killed 'worker killed with half a message' half kill_worker
killed 'killed before the final dot' dot kill_all
killed 'stopped, then killed at the end of the message' dot stop_then_kill
receiver_locked
receiver_down
finish
