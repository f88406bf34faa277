#!/bin/bash
# Many messages: two senders at once, one connection, reload and stop under load, a TCP socket.
set -u
cd "$(dirname "$0")" || exit 2
# shellcheck source-path=SCRIPTDIR
. ./e2e.sh

COUNT=60 # messages of each sender

# The inbound sockets are TCP ones.
set_up() {
    free_port
    ORG_SOCKET[example]=inet:$PORT@127.0.0.1
    free_port
    ORG_SOCKET[partner]=inet:$PORT@127.0.0.1
    pair_make '' '' && pair_user example alice && pair_user example anna && pair_user partner bob &&
        pair_start
}

# messages USER CASE COUNT TO: files in E2E_DIR/CASE-USER, each with its number in the text.
messages() {
    local user=$1 case=$2 number
    mkdir -p "$E2E_DIR/$case-$user"
    for ((number = 1; number <= $3; number++)); do
        printf 'From: %s@example.com\nTo: %s\nSubject: %d\nX-Case: %s-%d\n\nmessage %d of %s\n' \
            "$user" "$4" "$number" "$case" "$number" "$number" "$user" \
            >"$E2E_DIR/$case-$user/$number.eml"
    done
}

# How many messages on the wire to the sink with X-Case: CASE-number are signed by the user, and carry
# their own text?
own_signatures() {
    local user=$1 case=$2 file number good=0
    for file in "$E2E_DIR"/wire/sink/*.eml; do
        number=$(field "$file" X-Case)
        [[ $number == "$case"-* && $(field "$file" From) == "$user"@* ]] || continue
        rm -f "$E2E_DIR/signer.pem"
        if cms_verify "$file" "$E2E_DIR/example/pki/root.pem" "$E2E_DIR/signer.pem" \
            "$E2E_DIR/content" >/dev/null &&
            same_certificate "$E2E_DIR/signer.pem" "$E2E_DIR/example/pki/$user.pem" >/dev/null &&
            grep -q "^message ${number##*-} of $user" "$E2E_DIR/content"; then
            good=$((good + 1))
        fi
    done
    printf '%d\n' "$good"
}

accepted() {
    cat "$@" | grep -c '^END: 250'
}

two_senders() {
    local user part number
    local -a jobs=() files
    for user in alice anna; do
        messages "$user" both "$COUNT" reader@sink.test
        # Five connections each, so that many messages are in hand at once.
        for part in 1 2 3 4 5; do
            files=()
            for ((number = part; number <= COUNT; number += 5)); do
                files+=("$E2E_DIR/both-$user/$number.eml")
            done
            org_send example "$user" --to reader@sink.test "${files[@]}" \
                >"$E2E_DIR/said.$user.$part" &
            jobs+=($!)
        done
    done
    wait "${jobs[@]}"
    ok "two senders at once: all $((2 * COUNT)) messages are accepted" equals \
        "$(accepted "$E2E_DIR"/said.*)" $((2 * COUNT))
    wait_until 30 wire_reached sink $((2 * COUNT))
    for user in alice anna; do
        ok "two senders at once: each message of $user has $user's signature and text" equals \
            "$(own_signatures "$user" both)" "$COUNT"
    done
}

one_connection() {
    local before
    before=$(wire_count sink)
    messages alice one "$COUNT" reader@sink.test
    org_send example alice --to reader@sink.test "$E2E_DIR"/one-alice/*.eml >"$E2E_DIR/said"
    ok "one connection: all $COUNT messages are accepted" equals \
        "$(accepted "$E2E_DIR/said") $(grep -c '^CONNECT' "$E2E_DIR/said")" "$COUNT 1"
    wait_until 30 wire_reached sink $((before + COUNT))
    ok 'one connection: each has its own signature and text' equals \
        "$(own_signatures alice one)" "$COUNT"
}

# Reload again and again while messages come in.
reload() {
    local before sender reloads=0 rules
    before=$(wire_count sink)
    messages alice hup "$COUNT" reader@sink.test
    org_send example alice --to reader@sink.test "$E2E_DIR"/hup-alice/*.eml >"$E2E_DIR/said" &
    sender=$!
    while kill -0 "$sender" 2>/dev/null; do
        kill -HUP "${ORG_SMIMED[example]}"
        reloads=$((reloads + 1))
        sleep 0.05
    done
    wait "$sender"
    ok "SIGHUP under load: all $COUNT messages are accepted" equals \
        "$(accepted "$E2E_DIR/said")" "$COUNT"
    wait_until 30 wire_reached sink $((before + COUNT))
    ok 'SIGHUP under load: each is signed' equals "$(own_signatures alice hup)" "$COUNT"
    ok 'SIGHUP came in between' [ "$reloads" -ge 3 ]
    rules=$E2E_DIR/example/smimed/etc/rules.conf
    printf 'rules = ( { nonsense = 1; } );\n' >"$rules"
    kill -HUP "${ORG_SMIMED[example]}"
    wait_until 10 contains "$(org_log example)" 'rules.conf:1:' >/dev/null
    ok 'a broken file is reported with its place' contains "$(org_log example)" 'rules.conf:1:'
    printf 'rules = ( );\n' >"$rules"
    messages alice broken 1 reader@sink.test
    ok 'and the former configuration serves on' org_send example alice --to reader@sink.test \
        "$E2E_DIR/broken-alice/1.eml"
}

# SIGTERM while a message is half transmitted: it is finished, and the next one is deferred.
stop() {
    local sender before
    before=$(wire_count sink)
    messages alice term 2 reader@sink.test
    org_send example alice --to reader@sink.test --pause-before half \
        --pause-file "$E2E_DIR/pause" "$E2E_DIR/term-alice/1.eml" >"$E2E_DIR/said" &
    sender=$!
    wait_until 10 test -e "$E2E_DIR/pause"
    kill -TERM "${ORG_SMIMED[example]}"
    sleep 1
    ok 'SIGTERM: smimed waits for the message in hand' process_runs "${ORG_SMIMED[example]}"
    rm "$E2E_DIR/pause"
    wait "$sender"
    ok 'SIGTERM: the message in hand is accepted' equals "$(accepted "$E2E_DIR/said")" 1
    ok 'SIGTERM: then smimed ends' wait_until 10 process_gone "${ORG_SMIMED[example]}"
    wait "${ORG_SMIMED[example]}"
    ok 'SIGTERM: with status 0' equals "$?" 0
    org_send example alice --to reader@sink.test "$E2E_DIR/term-alice/2.eml" >"$E2E_DIR/said"
    ok 'without smimed the MTA defers' equals "$?" 75
    wait_until 30 wire_reached sink $((before + 1))
    ok 'SIGTERM: and it went out signed' equals "$(own_signatures alice term)" 1
    org_smimed_start example # not by ok, whose subshell would forget the process
    ok 'smimed starts again, and the message comes again' org_send example alice --to reader@sink.test \
        "$E2E_DIR/term-alice/2.eml"
    wait_until 30 wire_reached sink $((before + 2))
    ok 'signed' equals "$(own_signatures alice term)" 2
}

# Incoming mail comes by the TCP sockets.
tcp_socket() {
    messages alice tcp 1 bob@partner.test
    ok 'TCP socket: mail is accepted' org_send example alice --to bob@partner.test \
        "$E2E_DIR/tcp-alice/1.eml"
    org_wait_mail partner bob 1
    ok 'TCP socket: and verified' equals "$(field "$MAIL" X-Smimed-Signature)" valid
    contains "$(org_log partner)" "serving ${ORG_SOCKET[partner]} as inbound" >/dev/null ||
        failed 'TCP socket: is the one that serves'
}

e2e_begin
set_up || die 'the set-up failed'
two_senders
one_connection
reload
tcp_socket
stop
finish
