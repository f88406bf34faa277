#!/bin/bash
# Does smimed.conf(5) name every setting with the type, the allowed values and the default that the
# program has, and no others? Does smimed(8) name every option?
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

smimed=${SMIMED_BUILD:-build/plain}/smimed
defaults=$("$smimed" --defaults) || exit 1

# What stands below `.It Ic NAME` in the page, as roff writes it.
wanted() {
    awk '
    /^# [a-z_0-9]+ = .*;$/ || /^[a-z_0-9]+ = .*;$/ {
        commented = sub(/^# /, "")
        name = $1
        value = $0
        sub(/^[^=]*= /, "", value)
        sub(/;$/, "", value)
        line = type
        if (!commented && type !~ /\(required\)$/) line = line "; default " value
        print name "\t" line "."
        next
    }
    /^# / { type = substr($0, 3) }' <<<"$defaults" |
        sed -e 's/\\/\\e/g' -e 's/\^/\\(ha/g' -e 's/~/\\(ti/g' -e 's/`/\\(ga/g' -e "s/'/\\\\(aq/g"
}

found() {
    awk '/^\.It Ic / { name = $3; getline; print name "\t" $0 }' man/smimed.conf.5
}

while IFS=$'\t' read -r name line; do
    said=$(found | awk -F '\t' -v name="$name" '$1 == name { print $2 }')
    if [ -z "$said" ]; then
        fail "smimed.conf(5) says nothing of $name"
    elif [ "$said" != "$line" ]; then
        fail "smimed.conf(5), $name: \"$said\", but the program has \"$line\""
    else
        pass "smimed.conf(5), $name"
    fi
done < <(wanted)

while IFS=$'\t' read -r name _; do
    wanted | grep -q "^$name"$'\t' || fail "smimed.conf(5) names $name, which is no setting"
done < <(found)

for option in $("$smimed" --help | grep -oE -- '--[a-z]+' | sort -u); do
    expect "smimed(8), $option" grep -qF -- "Fl -${option#--}" <(sed 's/ , / /' man/smimed.8 |
        sed -E 's/(Fl [a-z]) -/\1 Fl -/')
done
report
