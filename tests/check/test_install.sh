#!/bin/bash
# Does `make install` put everything where Debian expects it, with the right modes, and `make
# uninstall` take it away again, without touching what is the administrator's?
set -u
export LC_ALL=C # for sort
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

build=${SMIMED_BUILD:-build/plain}
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT

run_make() {
    make --no-print-directory B="$build" CC="${CHECK_CC:-gcc}" WERROR=-Werror DESTDIR="$tree" "$@"
}

# Type, mode and path of everything, directories of the system itself left out.
listing() {
    (cd "$tree" && find . -mindepth 1 -printf '%y %04m %p\n') | sed 's, \./, /,' | sort -k 3 |
        grep -vE '^d 0755 /(etc|lib(/systemd(/system)?)?|usr(/local)?(/(sbin|lib(/systemd(/system)?)?|share(/(bash-completion(/completions)?|doc|man(/man[58])?))?))?|var(/(lib|spool))?)$'
}

is() {
    diff <(cat) <(listing)
}

as_debian() {
    run_make PREFIX=/usr install && is <<'LIST'
d 0755 /etc/smimed
f 0644 /etc/smimed/smimed.conf
f 0644 /lib/systemd/system/smimed.service
f 0755 /usr/sbin/smimectl
f 0755 /usr/sbin/smimed
f 0644 /usr/share/bash-completion/completions/smimectl
d 0755 /usr/share/doc/smimed
f 0644 /usr/share/doc/smimed/README.md
d 0755 /usr/share/doc/smimed/examples
f 0644 /usr/share/doc/smimed/examples/notice.txt
f 0644 /usr/share/doc/smimed/examples/postfix-main.cf
f 0644 /usr/share/doc/smimed/examples/postfix-master.cf
f 0644 /usr/share/doc/smimed/examples/report.txt
f 0644 /usr/share/doc/smimed/examples/summary.txt
f 0644 /usr/share/doc/smimed/examples/rules.conf
f 0644 /usr/share/doc/smimed/examples/sender-notice.txt
f 0644 /usr/share/doc/smimed/examples/sendmail.mc
f 0644 /usr/share/doc/smimed/examples/smimed.conf.full
f 0644 /usr/share/doc/smimed/examples/smimed.conf.minimal
f 0644 /usr/share/man/man5/smimed.conf.5
f 0644 /usr/share/man/man8/smimectl.8
f 0644 /usr/share/man/man8/smimed.8
d 0700 /var/lib/smimed
d 0700 /var/spool/smimed
LIST
}

unit_names_what_is_there() {
    grep -qx 'ExecStart=/usr/sbin/smimed -f -c /etc/smimed/smimed.conf' "$tree/lib/systemd/system/smimed.service" &&
        ! grep '@' <(grep -v '^SystemCallFilter=' "$tree/lib/systemd/system/smimed.service")
}

keeps_a_configuration() {
    echo '# mine' >"$tree/etc/smimed/smimed.conf" && touch "$tree/var/lib/smimed/store.db" &&
        run_make PREFIX=/usr install && grep -qx '# mine' "$tree/etc/smimed/smimed.conf"
}

takes_away() {
    run_make PREFIX=/usr uninstall && is <<'LIST'
d 0755 /etc/smimed
f 0644 /etc/smimed/smimed.conf
d 0700 /var/lib/smimed
f 0644 /var/lib/smimed/store.db
d 0700 /var/spool/smimed
LIST
}

as_local() {
    rm -rf "${tree:?}"/* && run_make install &&
        [ -x "$tree/usr/local/sbin/smimed" ] && [ -e "$tree/usr/local/share/man/man8/smimed.8" ] &&
        [ -e "$tree/usr/local/lib/systemd/system/smimed.service" ] && [ -e "$tree/etc/smimed/smimed.conf" ]
}

umask 022
expect "PREFIX=/usr: files and modes" as_debian
expect "the unit names what was installed" unit_names_what_is_there
expect "an existing smimed.conf stays" keeps_a_configuration
expect "uninstall takes away what install put there" takes_away
expect "PREFIX defaults to /usr/local" as_local
report
