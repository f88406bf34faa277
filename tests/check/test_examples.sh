#!/bin/bash
# Are the examples in etc/ what the program takes? Each configuration is used with its paths moved
# into a temporary directory: the store is made, and smimed -t has to be content.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

build=$PWD/${SMIMED_BUILD:-build/plain}
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/etc" "$tree/run"

moved() {
    sed -e "s,/var/lib/smimed,$tree/lib,; s,/var/spool/smimed,$tree/spool,; s,/etc/smimed,$tree/etc," \
        -e "s,/var/spool/postfix/smimed,$tree/run,; s,/run/smimed,$tree/run," \
        -e "s/^user = .*/user = \"\";/; s/group = \"smimed\"/group = \"$(id -gn)\"/" "$1"
}

# content FILE: smimed -t accepts it.
content() {
    rm -rf "${tree:?}"/{lib,spool,etc/master.secret}
    moved "$1" >"$tree/etc/smimed.conf"
    # The smallest one leaves paths to the defaults, which are not for tests.
    grep -q '^store' "$tree/etc/smimed.conf" || printf '%s\n' "store = \"$tree/lib/store.db\";" \
        "master_secret = \"$tree/etc/master.secret\";" "spool = \"$tree/spool\";" 'user = "";' \
        >>"$tree/etc/smimed.conf"
    cp etc/rules.conf "$tree/etc/"
    (umask 077 && echo secret >"$tree/etc/relay.password")
    "$build/smimectl" -c "$tree/etc/smimed.conf" init &&
        "$build/smimed" -t -c "$tree/etc/smimed.conf"
}

expect "smimed.conf.minimal" content etc/smimed.conf.minimal
expect "smimed.conf.full, rules.conf" content etc/smimed.conf.full
expect "the full one has 6 rules" grep -q ': 6 rules' \
    <("$build/smimed" -t -c "$tree/etc/smimed.conf" 2>&1 | sed 's/ is good//')

# It would be content with anything if it did not see this.
echo 'work_timeout_s = "45";' >"$tree/etc/rules.conf"
if "$build/smimed" -t -c "$tree/etc/smimed.conf" >/dev/null 2>&1; then
    fail "a mistake in an included file is seen"
else
    pass "a mistake in an included file is seen"
fi

# The full one: every setting, each with the program's default but for the lists.
while IFS= read -r line; do
    name=${line%% = *}
    if [ "$name" = managed_domains ]; then
        expect "smimed.conf.full has $name" grep -q "^$name = " etc/smimed.conf.full
    else
        expect "smimed.conf.full has $line" grep -qF -- "$line" etc/smimed.conf.full
    fi
done < <("$build/smimed" --defaults | grep -E '^[a-z_0-9]+ = ')
while IFS= read -r name; do
    if [ "$name" = rules ]; then
        expect "rules.conf has $name" grep -q "^$name = " etc/rules.conf
    else
        expect "smimed.conf.full has $name" grep -qE "^(# )?$name = " etc/smimed.conf.full
    fi
done < <("$build/smimed" --defaults | sed -nE 's/^# ([a-z_0-9]+) = .*/\1/p')

# Postfix's own reader, on its own defaults with our lines added.
postfix_reads() {
    mkdir -p "$tree/postfix" || return
    {
        echo 'compatibility_level = 3.6'
        cat etc/postfix-main.cf
    } >"$tree/postfix/main.cf"
    {
        echo 'smtp inet n - y - - smtpd'
        cat etc/postfix-master.cf
    } >"$tree/postfix/master.cf"
    local said
    said=$(postconf -c "$tree/postfix" -Mf 2>&1 && postconf -c "$tree/postfix" -Pf 2>&1 &&
        postconf -c "$tree/postfix" -n 2>&1) || {
        echo "$said"
        return 1
    }
    # postconf warns of what no program knows, misspelt parameters for instance.
    ! grep -i 'warning\|fatal' <<<"$said" || return
    # Where one of these is smaller than message_size_limit, no mail is delivered at all.
    for limit in mailbox_size_limit virtual_mailbox_limit; do
        [ "$(postconf -c "$tree/postfix" -hx $limit)" = 0 ] || return
    done
    # A listener without milters is a way past all rules.
    ! grep -q '^127' "$tree/postfix/master.cf" || return
    [ "$(postconf -c "$tree/postfix" -hx milter_default_action)" = tempfail ] &&
        [ "$(postconf -c "$tree/postfix" -hxP submission/inet/smtpd_milters)" = unix:smimed/submission.sock ]
}
if command -v postconf >/dev/null; then
    expect "Postfix reads postfix-main.cf and postfix-master.cf" postfix_reads
else
    skip "postfix-main.cf, postfix-master.cf" "no Postfix here"
fi
report
