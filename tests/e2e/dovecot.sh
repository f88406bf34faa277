# A private Dovecot on loopback. To be sourced after process.sh.
#
# It lives below one directory. /etc/dovecot is not touched.
# shellcheck shell=bash

# dovecot_make DIR IMAP IMAPS POP3 POP3S CERTIFICATE KEY: ports on 127.0.0.1, nothing started yet.
dovecot_make() {
    local dir=$1
    mkdir -p "$dir"/{run,state,mail}
    cat >"$dir/dovecot.conf" <<CF
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
mail_location = maildir:$dir/mail/%u
ssl = required
ssl_cert = <$6
ssl_key = <$7
ssl_min_protocol = TLSv1.2
first_valid_uid = 1
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$dir/mail/%u
}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = $2
  }
  inet_listener imaps {
    port = $3
    ssl = yes
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = $4
  }
  inet_listener pop3s {
    port = $5
    ssl = yes
  }
}
CF
}

# dovecot_at DIR ADDRESS 'NAME = VALUE'...: listen there too, with settings of its own.
dovecot_at() {
    local dir=$1 address=$2
    shift 2
    sed -i "s/^listen = .*/&, $address/" "$dir/dovecot.conf"
    {
        printf 'local %s {\n' "$address"
        printf '  %s\n' "$@"
        printf '}\n'
    } >>"$dir/dovecot.conf"
}

# dovecot_start DIR PORT: until it answers there.
dovecot_start() {
    background "$1/start.log" /usr/sbin/dovecot -F -c "$1/dovecot.conf"
    wait_until 10 port_answers "$2" || {
        cat "$1/start.log" "$1/dovecot.log" >&2
        return 1
    }
}
