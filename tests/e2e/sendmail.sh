# Private Sendmail instances on loopback. To be sourced after process.sh.
#
# Debian's packages of Postfix and Sendmail exclude each other, so Sendmail is unpacked, not
# installed: once, below build/, from where all tests run it. An instance lives below one directory:
# etc (configuration, passwords), queue, submit (the queue of the sendmail command), mail (the Maildirs
# of its users). /etc/mail is not touched.
#
# Sendmail takes its name from the kernel and waits a minute where that has no dot, so each process
# has a host name of its own, in a UTS namespace.
# shellcheck shell=bash
# shellcheck disable=SC2016 # variables in single quotes are those of Sendmail

SENDMAIL_ROOT=${SENDMAIL_ROOT:-$E2E_TOP/build/sendmail}
SENDMAIL_PACKAGES='sendmail-bin sendmail-base sendmail-cf m4 libwrap0'
SENDMAIL_MAIL_USER=nobody # owns the Maildirs, and is what the sendmail command becomes

# ---- the packages ----

# See to it that Sendmail is unpacked. Without it the tests fail: they are not skipped.
sendmail_unpack() {
    mkdir -p "${SENDMAIL_ROOT%/*}" || return 1
    (
        flock 9 # tests run side by side
        [ ! -e "$SENDMAIL_ROOT/complete" ] || exit 0
        rm -rf "$SENDMAIL_ROOT" "$SENDMAIL_ROOT.part"
        mkdir -p "$SENDMAIL_ROOT.part/packages" && cd "$SENDMAIL_ROOT.part/packages" || exit 1
        sendmail_download || exit 1
        for package in ./*.deb; do
            dpkg -x "$package" .. || exit 1
        done
        # Set-id, it would not look where LD_LIBRARY_PATH says.
        chmod ug-s ../usr/libexec/sendmail/* && : >../complete && cd / &&
            mv "$SENDMAIL_ROOT.part" "$SENDMAIL_ROOT"
    ) 9>"$SENDMAIL_ROOT.lock"
}

# A machine that never asked has no lists of packages.
sendmail_download() {
    local said
    # shellcheck disable=SC2086 # several words
    said=$(apt-get -q download $SENDMAIL_PACKAGES 2>&1) || {
        said=$(apt-get -q update 2>&1) && said=$(apt-get -q download $SENDMAIL_PACKAGES 2>&1)
    } || {
        printf 'Sendmail cannot be downloaded (apt-get download %s):\n%s\n' "$SENDMAIL_PACKAGES" \
            "$said" >&2
        return 1
    }
}

# sendmail_run DIR ARGUMENTS...: the program, with the host name of the instance. Replaces the shell.
sendmail_run() {
    local dir=$1 library
    shift
    library=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch)
    LD_LIBRARY_PATH=$SENDMAIL_ROOT/usr/lib/$library:$SENDMAIL_ROOT/lib/$library
    export LD_LIBRARY_PATH
    exec unshare --uts sh -c 'hostname "$1" && shift && exec "$@"' sh "$(cat "$dir/etc/hostname")" \
        "$SENDMAIL_ROOT/usr/libexec/sendmail/sendmail" "$@"
}

# sendmail_cf FILE.mc FILE.cf
sendmail_cf() {
    "$SENDMAIL_ROOT/usr/bin/m4" "-D_CF_DIR_=$SENDMAIL_ROOT/usr/share/sendmail/cf/" \
        "$SENDMAIL_ROOT/usr/share/sendmail/cf/m4/cf.m4" "$1" >"$2" 2>"$2.log" || {
        cat "$2.log" >&2
        return 1
    }
}

# ---- an instance ----

# sendmail_make DIR DOMAIN: an instance that delivers for DOMAIN and listens nowhere yet.
sendmail_make() {
    local dir=$1 domain=$2
    sendmail_unpack || return 1
    mkdir -p "$dir"/{etc/sasl,queue,submit,mail}
    chown "$SENDMAIL_MAIL_USER" "$dir/mail" "$dir/submit"
    chmod 0700 "$dir/queue" "$dir/submit"
    printf 'mail.%s\n' "$domain" >"$dir/etc/hostname"
    printf 'hosts files\naliases files\n' >"$dir/etc/switch"
    : >"$dir/etc/listeners.mc"
    : >"$dir/etc/routes"
    sendmail_mailer "$dir" >"$dir/etc/maildir"
    chmod 0755 "$dir/etc/maildir"
    sendmail_general "$dir" "$domain" >"$dir/etc/general.mc"
}

# What both configurations of an instance have. Nothing is resolved, nothing depends on the load of
# the machine.
sendmail_general() {
    cat <<MC
OSTYPE(\`linux')dnl
define(\`confDOMAIN_NAME', \`mail.$2')dnl
define(\`STATUS_FILE', \`')dnl
define(\`HELP_FILE', \`')dnl
define(\`ALIAS_FILE', \`')dnl
define(\`confSERVICE_SWITCH_FILE', \`$1/etc/switch')dnl
define(\`confDONT_BLAME_SENDMAIL', \`TrustStickyBit')dnl
define(\`confDONT_PROBE_INTERFACES', \`True')dnl
define(\`confTO_IDENT', \`0')dnl
define(\`confREFUSE_LA', \`1000')dnl
define(\`confQUEUE_LA', \`1000')dnl
define(\`confMIN_QUEUE_AGE', \`0')dnl
define(\`confMAX_MESSAGE_SIZE', \`104857600')dnl
FEATURE(\`nocanonify')dnl
FEATURE(\`accept_unresolvable_domains')dnl
FEATURE(\`no_default_msa')dnl
MC
}

# The delivery agent: maildir RECIPIENT, the message on standard input.
sendmail_mailer() {
    cat <<SH
#!/bin/sh
# Delivers into the Maildir of the local part, without its tag.
user=\${1%%@*}
user=\${user%%+*}
case \$user in '' | */* | .*) exit 67 ;; esac
folder=$1/mail/\$user
umask 077
mkdir -p "\$folder/tmp" "\$folder/new" || exit 75
cat >"\$folder/tmp/\$\$" && mv "\$folder/tmp/\$\$" "\$folder/new/\$(date +%s.%N).\$\$" || exit 75
SH
}

# sendmail_serve DIR ROLE PORT SOCKET: the listener of a role, whose mail passes the milter at this
# address. All relay for loopback, so "open" is another inbound.
sendmail_serve() {
    {
        printf "MAIL_FILTER(\`smimed-%s', \`S=%s, F=T, T=C:5s;S:10s;R:10s;E:60s')dnl\n" "$2" "$4"
        printf "DAEMON_OPTIONS(\`Name=%s, Addr=127.0.0.1, Port=%s, InputMailFilters=smimed-%s%s')dnl\n" \
            "$2" "$3" "$2" "$([ "$2" != submission ] || echo ', M=Ea')"
    } >>"$1/etc/listeners.mc"
}

# sendmail_mailbox DIR ADDRESS: every address of the domain has a Maildir here.
sendmail_mailbox() {
    :
}

# sendmail_user DIR DOMAIN NAME PASSWORD: SMTP AUTH for NAME@DOMAIN.
sendmail_user() {
    printf '%s\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' 'mech_list: PLAIN' \
        "sasldb_path: $1/etc/users.db" >"$1/etc/sasl/Sendmail.conf"
    printf '%s' "$4" | saslpasswd2 -p -c -f "$1/etc/users.db" -u "$2" "$3" &&
        chmod 0600 "$1/etc/users.db"
}

# sendmail_routes DIR DOMAIN DESTINATION=PORT...: where mail for others than DOMAIN goes, before the
# start.
sendmail_routes() {
    local dir=$1 domain=$2
    shift 2
    printf '%s\n' "$@" >"$dir/etc/routes"
    printf '%s=maildir\n' "$domain" >>"$dir/etc/routes"
}

# Rules for where mail goes: addresses first, then domains, the rest last.
sendmail_rules() {
    local route target left right port
    printf 'LOCAL_RULE_0\n'
    while read -r route; do
        target=${route%=*} port=${route#*=}
        case $target in
        '*') left='$+ < @ $+ > $*' right='$1 < @ $2 > $3' ;;
        *@*) left="${target%@*} < @ ${target#*@} \$* > \$*" right="${target%@*} < @ ${target#*@} >" ;;
        *) left="\$+ < @ $target \$* > \$*" right="\$1 < @ $target >" ;;
        esac
        if [ "$port" = maildir ]; then
            printf 'R%s\t$#maildir $@ local $: %s\n' "$left" "${right//[<> ]/}"
        else
            printf 'R%s\t$#to%s $@ [127.0.0.1] $: %s\n' "$left" "$port" "$right"
        fi
    done < <(sort -t= -k1,1r "$1/etc/routes" | awk -F= '{ print ($1 ~ /@/ ? 1 : $1 == "*" ? 3 : 2) " " $0 }' |
        sort -s -k1,1n | cut -d' ' -f2-)
}

# A mailer for each port, and the one that writes Maildirs.
sendmail_mailers() {
    local port
    printf 'MAILER_DEFINITIONS\n'
    while read -r port; do
        printf 'Mto%s, P=[IPC], F=mDFMuXa, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP/HdrFromSMTP, ' "$port"
        printf 'E=\\r\\n, L=990, T=DNS/RFC822/SMTP, A=TCP $h %s\n' "$port"
    done < <(sed -n 's/.*=\([0-9]*\)$/\1/p' "$1/etc/routes" | sort -u)
    # A: addresses may be aliases.
    printf 'Mmaildir, P=%s, F=DFMPhun8%s, S=EnvFromSMTP/HdrFromSMTP, R=EnvToSMTP/HdrFromSMTP, ' \
        "$1/etc/maildir" "$([ ! -e "$1/etc/aliases" ] || echo A)"
    printf 'L=0, T=DNS/RFC822/X-Unix, U=%s, A=maildir $u\n' "$SENDMAIL_MAIL_USER"
}

# The configuration of the daemon.
sendmail_mc() {
    cat "$1/etc/general.mc"
    cat <<MC
define(\`QUEUE_DIR', \`$1/queue')dnl
define(\`confPID_FILE', \`$1/sendmail.pid')dnl
define(\`confAUTH_MECHANISMS', \`PLAIN')dnl
TRUST_AUTH_MECH(\`PLAIN')dnl
MC
    cat "$1/etc/listeners.mc"
    printf "MAILER(\`smtp')dnl\n"
    printf 'LOCAL_CONFIG\nESASL_CONF_PATH=%s/etc/sasl\n' "$1"
    sendmail_rules "$1"
    sendmail_mailers "$1"
}

# That of the sendmail command, which hands over to PORT, or as etc/submit-lines.mc says:
# sendmail_submit_mc DIR PORT
sendmail_submit_mc() {
    cat "$1/etc/general.mc"
    cat <<MC
define(\`MSP_QUEUE_DIR', \`$1/submit')dnl
define(\`confRUN_AS_USER', \`$SENDMAIL_MAIL_USER')dnl
MC
    if [ -e "$1/etc/submit-lines.mc" ]; then
        cat "$1/etc/submit-lines.mc"
    else
        printf '%s\n' "define(\`RELAY_MAILER_ARGS', \`TCP \$h $2')dnl" \
            "FEATURE(\`msp', \`[127.0.0.1]')dnl"
    fi
}

sendmail_start() {
    local dir=$1 port
    port=$(sed -n 's/.*Name=local,.*Port=\([0-9]*\),.*/\1/p' "$dir/etc/listeners.mc")
    sendmail_mc "$dir" >"$dir/etc/sendmail.mc"
    sendmail_submit_mc "$dir" "$port" >"$dir/etc/submit.mc"
    sendmail_cf "$dir/etc/sendmail.mc" "$dir/etc/sendmail.cf" &&
        sendmail_cf "$dir/etc/submit.mc" "$dir/etc/submit.cf" && sendmail_aliases "$dir" || return 1
    export -f sendmail_run
    export SENDMAIL_ROOT
    background "$dir/sendmail.log" bash -c 'sendmail_run "$@"' bash "$dir" \
        -C "$dir/etc/sendmail.cf" -bD -q2s -X "$dir/sendmail.traffic"
    wait_until 10 port_answers "$port" || {
        cat "$dir/sendmail.log" >&2
        return 1
    }
}

# The database of etc/aliases, where there is such a file.
sendmail_aliases() {
    [ ! -e "$1/etc/aliases" ] || (
        sendmail_run "$1" -C "$1/etc/sendmail.cf" -bi
    ) >>"$1/sendmail.log" 2>&1
}

# sendmail_command DIR ARGUMENTS...: sendmail(1) of this instance.
sendmail_command() {
    (
        sendmail_run "$1" -C "$1/etc/submit.cf" "${@:2}"
    )
}

# How many messages are in the queues?
sendmail_queued() {
    find "$1/queue" "$1/submit" -name 'qf*' | wc -l
}

# Deliver now what waits.
sendmail_flush() {
    (
        sendmail_run "$1" -C "$1/etc/sendmail.cf" -q
    ) >/dev/null 2>&1
}

# Does a message wait because the next hop does not take it now?
sendmail_deferred() {
    grep -q '^MDeferred' "$1"/queue/qf* 2>/dev/null
}
