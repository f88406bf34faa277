# Which mail server the organisations have: E2E_MTA is "postfix" or "sendmail". To be sourced after
# postfix.sh and sendmail.sh, which have the same functions.
# shellcheck shell=bash

E2E_MTA=${E2E_MTA:-postfix}

# mta FUNCTION ARGUMENTS...: the mail server's own. What each takes is told where it stands; the
# directory of an instance comes first:
#
#   make DIR DOMAIN          mailbox DIR ADDRESS    user DIR DOMAIN NAME PASSWORD
#   listeners DIR NAME       routes DIR DOMAIN DESTINATION=PORT...
#   start DIR                command DIR ARGUMENTS...        (the sendmail command)
#   queued DIR               deferred DIR           flush DIR
mta() {
    local function=$1
    shift
    "${E2E_MTA}_$function" "$@"
}

# Those who wait ask a function and not a word.
mta_queue_empty() {
    [ "$(mta queued "$1")" -eq 0 ]
}

mta_deferred() {
    mta deferred "$1"
}
