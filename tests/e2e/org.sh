# An organisation with its own authority, mailboxes, smimed and mail server. To be sourced after
# process.sh, mta.sh and pki.sh.
#
# Everything of organisation NAME is below $E2E_DIR/NAME: pki, smimed (etc, store, spool, run, log)
# and mta. Its ports are ORG_INBOUND[NAME], where strangers deliver, ORG_SUBMISSION[NAME], where
# users log in, and ORG_OPEN[NAME], like inbound but relaying for everybody (for the tests of what a
# stranger can do). ORG_SOCKET[NAME], if set before, is the address of the inbound milter socket.
# shellcheck shell=bash
# shellcheck disable=SC2034 # much is used by those who source this

SMIMED=${SMIMED:-$E2E_TOP/build/plain/smimed}
SMIMECTL=${SMIMECTL:-$E2E_TOP/build/plain/smimectl}
SMIMED_USER=nobody # what smimed becomes
ORG_PASSWORD=wonderland # of every user

declare -A ORG_SOCKET ORG_DOMAIN ORG_INBOUND ORG_SUBMISSION ORG_OPEN ORG_SMIMED

# org_make NAME DOMAIN [SETTINGS]: authority, configuration and empty store. SETTINGS are further
# lines of smimed.conf.
org_make() {
    local name=$1 domain=$2 dir=$E2E_DIR/$1
    ORG_DOMAIN[$name]=$domain
    mkdir -p "$dir"/smimed/{etc,run,log}
    chown "$SMIMED_USER" "$dir/smimed/run"
    pki_make "$dir/pki" "$domain" || return 1
    printf 'rules = ( );\n' >"$dir/smimed/etc/rules.conf"
    org_configure "$name" "${3:-}"
    org_ctl "$name" init >"$dir/smimed/log/init.log" 2>&1 || {
        cat "$dir/smimed/log/init.log" >&2
        return 1
    }
    org_ctl "$name" trust import "$dir/pki/root.pem" >/dev/null
}

org_socket() {
    printf 'address = "%s";' "$1"
    if [[ $1 == unix:* ]]; then
        printf ' mode = "0660"; group = "postfix";'
    fi
}

# org_configure NAME [SETTINGS]: write smimed.conf.
org_configure() {
    local name=$1 smimed=$E2E_DIR/$1/smimed domain=${ORG_DOMAIN[$1]}
    cat >"$smimed/etc/smimed.conf" <<CONF
managed_domains = [ "$domain" ];
authserv_id = "mail.$domain";
store = "$smimed/lib/store.db";
master_secret = "$smimed/etc/master.secret";
spool = "$smimed/spool";
mozilla_roots = "";
user = "$SMIMED_USER";
log = "stderr";
log_level = "info";
sockets = (
  { role = "inbound"; $(org_socket "${ORG_SOCKET[$1]:-unix:$smimed/run/inbound.sock}") },
  { role = "submission"; $(org_socket "unix:$smimed/run/submission.sock") },
  { role = "local"; $(org_socket "unix:$smimed/run/local.sock") }
);
${2:-}
@include "rules.conf"
CONF
}

# org_rules NAME 'RULE,...': the rules, as in smimed.conf(5). A running smimed is told by org_reload.
org_rules() {
    printf 'rules = (\n%s\n);\n' "$2" >"$E2E_DIR/$1/smimed/etc/rules.conf.new"
    mv "$E2E_DIR/$1/smimed/etc/rules.conf.new" "$E2E_DIR/$1/smimed/etc/rules.conf"
}

org_ctl() {
    local name=$1
    shift
    "$SMIMECTL" -c "$E2E_DIR/$name/smimed/etc/smimed.conf" "$@"
}

# org_mailbox NAME USER [rsa|ec]: a certified, active mailbox USER@domain.
org_mailbox() {
    local name=$1 user=$2 domain=${ORG_DOMAIN[$1]} dir=$E2E_DIR/$1
    pki_user "$dir/pki" "$user" "$user@$domain" "${3:-rsa}" &&
        org_ctl "$name" mailbox add "$user@$domain" >/dev/null &&
        org_ctl "$name" mailbox activate "$user@$domain" --key "$dir/pki/$user.key" \
            --cert "$dir/pki/$user.pem" --chain "$dir/pki/issuing.pem" >/dev/null
}

# org_trust NAME OTHER: NAME's administrator imports the root certificate of OTHER.
org_trust() {
    org_ctl "$1" trust import "$E2E_DIR/$2/pki/root.pem" >/dev/null
}

# Start smimed and wait until its sockets answer.
org_smimed_start() {
    local name=$1 smimed=$E2E_DIR/$1/smimed
    background "$smimed/log/smimed.log" "$SMIMED" -f -c "$smimed/etc/smimed.conf"
    ORG_SMIMED[$name]=$STARTED
    wait_until 10 org_smimed_answers "$name" || {
        printf 'smimed of %s does not start:\n' "$name" >&2
        cat "$smimed/log/smimed.log" >&2
        return 1
    }
}

# A socket file may be there before somebody listens.
org_smimed_answers() {
    local socket
    for socket in submission local "${ORG_SOCKET[$1]:-inbound}"; do
        case $socket in
        inet:*)
            socket=${socket#inet:}
            port_answers "${socket%@*}" || return 1
            ;;
        *)
            perl -MIO::Socket::UNIX -e 'exit !IO::Socket::UNIX->new(Peer => $ARGV[0])' \
                "$E2E_DIR/$1/smimed/run/$socket.sock" || return 1
            ;;
        esac
    done
}

# org_smimed_stop NAME: TERM, and wait for its end.
org_smimed_stop() {
    process_stop "${ORG_SMIMED[$1]}"
}

# The whole process group, as when the machine loses it.
org_smimed_kill() {
    kill -KILL -- "-${ORG_SMIMED[$1]}"
    wait "${ORG_SMIMED[$1]}" 2>/dev/null
    wait_until 5 process_gone "${ORG_SMIMED[$1]}"
}

org_log() {
    printf '%s\n' "$E2E_DIR/$1/smimed/log/smimed.log"
}

# org_log_lines NAME TEXT: how many lines of smimed's log contain it?
org_log_lines() {
    grep -cF -- "$2" "$(org_log "$1")"
}

org_log_longer() {
    [ "$(org_log_lines "$1" "$2")" -gt "$3" ]
}

# Make smimed read its configuration again and wait until each of its workers says that it did.
org_reload() {
    local before
    before=$(org_log_lines "$1" "$ORG_RELOADED")
    kill -HUP "${ORG_SMIMED[$1]}"
    wait_until 10 org_log_longer "$1" "$ORG_RELOADED" $((before + ORG_WORKERS - 1))
}
ORG_RELOADED=': reloaded configuration, rules and trust'
ORG_WORKERS=3

# org_mta NAME: the mail server of an organisation, with a listener for each role. To be followed by
# org_routes, and mta start.
org_mta() {
    local name=$1 dir=$E2E_DIR/$1/mta run=$E2E_DIR/$1/smimed/run inbound
    inbound=${ORG_SOCKET[$name]:-unix:$run/inbound.sock}
    mta make "$dir" "${ORG_DOMAIN[$name]}" || return 1
    free_port
    ORG_INBOUND[$name]=$PORT
    mta serve "$dir" inbound "$PORT" "$inbound"
    free_port
    ORG_SUBMISSION[$name]=$PORT
    mta serve "$dir" submission "$PORT" "unix:$run/submission.sock"
    free_port
    ORG_OPEN[$name]=$PORT
    mta serve "$dir" open "$PORT" "$inbound"
    free_port
    mta serve "$dir" local "$PORT" "unix:$run/local.sock"
}

# org_routes NAME DOMAIN=PORT...: where mail for other domains goes (all on loopback); "*" for the
# rest.
org_routes() {
    local name=$1
    shift
    mta routes "$E2E_DIR/$name/mta" "${ORG_DOMAIN[$name]}" "$@"
}

# org_user NAME USER: has a Maildir and may log in at the submission port. Before the start.
org_user() {
    mta mailbox "$E2E_DIR/$1/mta" "$2@${ORG_DOMAIN[$1]}"
    mta user "$E2E_DIR/$1/mta" "${ORG_DOMAIN[$1]}" "$2" "$ORG_PASSWORD"
}

# org_mail NAME USER: the Maildir's files of new messages, oldest first.
org_mail() {
    find "$E2E_DIR/$1/mta/mail/$2/new" -type f -printf '%T@ %p\n' 2>/dev/null |
        sort -n | cut -d' ' -f2-
}

org_mail_reached() {
    [ "$(org_mail "$1" "$2" | wc -l)" -ge "$3" ]
}

# org_wait_mail NAME USER COUNT: wait until so many messages are there; MAIL is the newest.
org_wait_mail() {
    wait_until 30 org_mail_reached "$1" "$2" "$3" || {
        printf 'no mail number %s for %s\n' "$3" "$2" >&2
        return 1
    }
    MAIL=$(org_mail "$1" "$2" | tail -n 1)
}

# org_send NAME USER OPTIONS... FILE...: submit with the login of USER@domain.
org_send() {
    local name=$1 user=$2 domain=${ORG_DOMAIN[$1]}
    shift 2
    "$E2E_SOURCE/smtp_client.pl" --port "${ORG_SUBMISSION[$name]}" \
        --login "$user@$domain:$ORG_PASSWORD" --from "$user@$domain" --lf "$@"
}
