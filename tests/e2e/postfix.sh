# Private Postfix instances on loopback. To be sourced after process.sh.
#
# An instance lives below one directory: etc (configuration, passwords), queue, data, log, mail (the
# Maildirs of its users). /etc/postfix is not touched.
# shellcheck shell=bash

POSTFIX_MAIL_USER=nobody # owns the Maildirs: Postfix does not deliver as root

# postfix_make DIR DOMAIN: an instance that delivers for DOMAIN and listens nowhere yet.
postfix_make() {
    local dir=$1 domain=$2
    mkdir -p "$dir"/{etc/sasl,queue,data,log,mail}
    chown postfix "$dir/data"
    chown "$POSTFIX_MAIL_USER" "$dir/mail"
    : >"$dir/etc/mailboxes"
    cat >"$dir/etc/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $dir/queue
data_directory = $dir/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = $dir/log/postfix.log
maillog_file_prefixes = $dir/log
syslog_name = postfix
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.$domain
mydomain = $domain
myorigin = $domain
mydestination =
alias_maps =
local_transport = error:no local users
mynetworks = 127.0.0.0/8
recipient_delimiter = +
biff = no
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtputf8_enable = yes
smtputf8_autodetect_classes = sendmail, verify
in_flow_delay = 0
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 4s
message_size_limit = 104857600
virtual_mailbox_limit = 0
virtual_mailbox_domains = $domain
virtual_mailbox_maps = texthash:$dir/etc/mailboxes
virtual_mailbox_base = $dir/mail
virtual_uid_maps = static:$(id -u "$POSTFIX_MAIL_USER")
virtual_gid_maps = static:$(id -g "$POSTFIX_MAIL_USER")
cyrus_sasl_config_path = $dir/etc/sasl
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = $domain
milter_protocol = 6
milter_default_action = tempfail
milter_connect_timeout = 5s
milter_command_timeout = 10s
milter_content_timeout = 60s
milter_mail_macros = i {mail_addr} {mail_host} {mail_mailer} {auth_type} {auth_authen} {auth_author}
milter_connect_macros = j {daemon_name} {daemon_addr} v
CF
    cat >"$dir/etc/master.cf" <<CF
postlog   unix-dgram n  -       n       -       1       postlogd
pickup    unix  n       -       n       1       1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
virtual   unix  -       n       n       -       -       virtual
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
CF
}

# postfix_set DIR 'NAME = VALUE'...: further parameters.
postfix_set() {
    local dir=$1
    shift
    printf '%s\n' "$@" >>"$dir/etc/main.cf"
}

# postfix_listen DIR PORT NAME ['{ NAME = VALUE }'...]: one more SMTP server, with parameters of its
# own.
postfix_listen() {
    local dir=$1 port=$2 name=$3 parameter
    shift 3
    {
        printf '127.0.0.1:%s inet n - n - - smtpd\n' "$port"
        printf '    -o syslog_name=postfix/%s\n' "$name"
        for parameter in "$@"; do
            printf '    -o %s\n' "$parameter"
        done
    } >>"$dir/etc/master.cf"
}

# postfix_serve DIR ROLE PORT SOCKET: the listener of a role, whose mail passes the milter at this
# address. "open" is like inbound, but relays for everybody; the role local needs no port.
postfix_serve() {
    local dir=$1 role=$2 port=$3 socket=$4
    if [[ $socket == inet:* ]]; then # port@host there is host:port here
        socket=${socket#inet:}
        socket=inet:${socket#*@}:${socket%@*}
    fi
    case $role in
    inbound)
        postfix_listen "$dir" "$port" inbound "smtpd_milters=$socket" \
            smtpd_relay_restrictions=reject_unauth_destination
        ;;
    submission)
        postfix_listen "$dir" "$port" submission "smtpd_milters=$socket" \
            smtpd_sasl_auth_enable=yes \
            smtpd_relay_restrictions=permit_sasl_authenticated,reject
        ;;
    open)
        postfix_listen "$dir" "$port" open "smtpd_milters=$socket" \
            smtpd_relay_restrictions=permit_mynetworks,reject
        ;;
    local) postfix_set "$dir" "non_smtpd_milters = $socket" ;;
    esac
}

# postfix_routes DIR DOMAIN DESTINATION=PORT...: where mail for others than DOMAIN goes, before the
# start.
postfix_routes() {
    local dir=$1 route
    printf '%s virtual:\n' "$2" >"$dir/etc/transport"
    shift 2
    for route in "$@"; do
        printf '%s smtp:[127.0.0.1]:%s\n' "${route%=*}" "${route#*=}"
    done >>"$dir/etc/transport"
    postfix_set "$dir" "transport_maps = texthash:$dir/etc/transport"
}

# postfix_mailbox DIR ADDRESS: delivery into the Maildir mail/LOCALPART; before the start.
postfix_mailbox() {
    printf '%s %s/\n' "$2" "${2%@*}" >>"$1/etc/mailboxes"
}

# postfix_user DIR DOMAIN NAME PASSWORD: SMTP AUTH for NAME@DOMAIN.
postfix_user() {
    local dir=$1
    if [ ! -e "$dir/etc/sasl/smtpd.conf" ]; then
        printf '%s\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' 'mech_list: PLAIN' \
            "sasldb_path: $dir/data/users.db" >"$dir/etc/sasl/smtpd.conf"
    fi
    printf '%s' "$4" | saslpasswd2 -p -c -f "$dir/data/users.db" -u "$2" "$3" || return 1
    chown postfix "$dir/data/users.db"
    chmod 0600 "$dir/data/users.db"
}

postfix_start() {
    local dir=$1
    E2E_POSTFIX+=("$dir") # first, should somebody interrupt the start
    postfix -c "$dir/etc" start >>"$dir/log/start.log" 2>&1 || {
        cat "$dir/log/start.log" "$dir/log/postfix.log" >&2
        return 1
    }
}

# End the instance, at the latest with KILL. The master leads the process group of all of it.
postfix_kill() {
    local dir=$1 pid=
    read -r pid <"$dir/queue/pid/master.pid" 2>/dev/null || return 0
    [ -n "$pid" ] || return 0
    # The file outlives its writer: it must be our master and nobody who got its number.
    if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q '/master '; then
        kill -TERM "$pid" 2>/dev/null
        wait_until 5 process_gone "$pid" || kill -KILL -- "-$pid" 2>/dev/null
    fi
    return 0
}

# postfix_command DIR ARGUMENTS...: sendmail(1) of this instance.
postfix_command() {
    local dir=$1
    shift
    sendmail -C "$dir/etc" "$@"
}

# How many messages are in the queue?
postfix_queued() {
    postqueue -c "$1/etc" -j 2>/dev/null | grep -c .
}

# Deliver now what waits.
postfix_flush() {
    postqueue -c "$1/etc" -f
}

# Does a message wait because the next hop does not take it now?
postfix_deferred() {
    grep -q 'status=deferred' "$1/log/postfix.log"
}
