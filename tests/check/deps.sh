#!/bin/bash
# Install the Debian packages named in the given files, as far as they are missing.
#
#   deps.sh .ci/packages.txt [more lists ...]
#
# A list that does not exist is an empty one. Nothing is asked and, when nothing is missing, nothing
# is done: no network, no root.
set -u

wanted=()
for list in "$@"; do
    [ -e "$list" ] || continue
    while read -r name _; do
        case $name in
        '' | '#'*) ;;
        *) wanted+=("$name") ;;
        esac
    done <"$list"
done

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for name in "${wanted[@]}"; do
    installed "$name" || missing+=("$name")
done
[ ${#missing[@]} -eq 0 ] && exit 0

run=()
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        run=(sudo)
    else
        echo "Packages are missing, and only root can install them:" >&2
        echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
fi

echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

attempt() {
    "$@" </dev/null >>"$log" 2>&1 && return
    tail -n 30 "$log" >&2
    echo "This failed: $*" >&2
    exit 1
}

attempt "${run[@]}" apt-get -q update
case " ${missing[*]} " in
*' postfix '* | *' slapd '*)
    # Private instances only: no system-wide ones are set up, so none is started.
    attempt "${run[@]}" apt-get -q -y install --no-install-recommends debconf
    printf '%s\n' 'postfix postfix/main_mailer_type select No configuration' \
        'slapd slapd/no_configuration boolean true' |
        "${run[@]}" debconf-set-selections || exit 1
    ;;
esac
case " ${missing[*]} " in
*' dovecot-core '* | *' dovecot-imapd '*)
    # No question that debconf asks keeps Dovecot from starting, but this file does (and whoever has
    # one already has decided).
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${run[@]}" tee $policy >/dev/null || exit 1
        trap 'rm -f "$log"; "${run[@]}" rm -f $policy' EXIT
        attempt "${run[@]}" chmod 0755 $policy
    fi
    ;;
esac
attempt "${run[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
