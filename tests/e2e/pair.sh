# Two organisations that exchange mail, each with its own mail server and its own smimed: "example"
# (example.com) and "partner" (partner.test). To be sourced after org.sh and wire.sh.
#
# What goes from one to the other passes a wire tap named after the receiver; everything else goes to
# smtp-sink, which does not offer 8BITMIME, by the wire tap "sink".
# shellcheck shell=bash

# pair_make [SETTINGS-OF-EXAMPLE [SETTINGS-OF-PARTNER]]: without mailboxes, nothing started.
pair_make() {
    org_make example example.com "${1:-}" && org_make partner partner.test "${2:-}" &&
        org_trust example partner && org_trust partner example || return 1
    org_mta example && org_mta partner || return 1
    free_port
    background "$E2E_DIR/sink.log" smtp-sink -8 -u nobody "127.0.0.1:$PORT" 100
    wait_until 5 port_answers "$PORT" && wire_tap sink "$PORT" &&
        wire_tap example "${ORG_INBOUND[example]}" &&
        wire_tap partner "${ORG_INBOUND[partner]}" || return 1
    org_routes example "partner.test=${WIRE_PORT[partner]}" "*=${WIRE_PORT[sink]}"
    org_routes partner "example.com=${WIRE_PORT[example]}" "*=${WIRE_PORT[sink]}"
}

# pair_user NAME USER [rsa|ec|none]: mailbox and login; "none" has no certificate.
pair_user() {
    org_user "$1" "$2" || return 1
    if [ "${3:-rsa}" != none ]; then
        org_mailbox "$1" "$2" "${3:-rsa}"
    fi
}

pair_start() {
    org_smimed_start example && org_smimed_start partner &&
        mta start "$E2E_DIR/example/mta" && mta start "$E2E_DIR/partner/mta"
}
