# A person's mail program: mutt, with its own S/MIME (GPGME, gpgsm), on a terminal of script(1) and
# with keys pressed by its own `push`. Sourced by run.sh after oracles.sh; needs $work and gpgsm_start.
# shellcheck shell=bash disable=SC2154,SC2016

mutt_start() {
    local helper
    mkdir -p "$work/mutt"
    : >"$work/mutt/empty"
    # Pages what it shows into a file, sends into a file, writes the text, knows the passphrase.
    mutt_helper pager 'cat "$1" >>"$MUTT_OUT"'
    mutt_helper sendmail 'cat >"$MUTT_OUT"'
    mutt_helper editor 'printf "Gr\303\274\303\237e von mutt\nFrom hier\n-- \n" >>"$1"'
    mutt_helper pinentry 'echo OK
while read -r line; do
    case $line in
    GETPIN*) printf "D interop\nOK\n" ;;
    BYE*) echo OK && exit ;;
    *) echo OK ;;
    esac
done'
    echo "pinentry-program $work/mutt/pinentry" >>"$work/gnupg/gpg-agent.conf"
    gpgconf --reload gpg-agent || return 1
    {
        printf 'set %s\n' crypt_use_gpgme=yes smime_is_default=yes crypt_verify_sig=yes \
            crypt_confirmhook=no from=bob@partner.test hostname=partner.test charset=utf-8 \
            mbox_type=mbox folder="$work/mutt" record= copy=no askcc=no askbcc=no sleep_time=0 \
            quit=yes prompt_after=no abort_unmodified=no
        for helper in pager sendmail editor; do printf 'set %s=%s\n' $helper "$work/mutt/$helper"; done
        printf 'set smime_sign_as=%s\n' "$(mutt_key bob@partner.test)"
        printf 'crypt-hook alice@example.com %s\n' "$(mutt_key alice@example.com)"
    } >"$work/mutt/muttrc"
}

mutt_helper() { # NAME SCRIPT
    printf '#!/bin/sh\n%s\n' "$2" >"$work/mutt/$1" && chmod +x "$work/mutt/$1"
}

mutt_key() { # ADDRESS
    gpgsm --with-colons -k "$1" 2>/dev/null | awk -F: '$1 == "crt" { print "0x" $5 }'
}

# mutt_press MBOX KEYS [COMMAND]: what it shows or sends is in $work/mutt/out
mutt_press() {
    rm -f "$work/mutt/out"
    printf '%s\n' "${3:-}" "push '$2'" >"$work/mutt/keys"
    MUTT_OUT=$work/mutt/out TERM=xterm LC_ALL=C.UTF-8 timeout -k 5 30 script -qec \
        "mutt -n -F '$work/mutt/muttrc' -f '$1' -e 'source $work/mutt/keys'" \
        "$work/mutt/screen" </dev/null >/dev/null && [ -s "$work/mutt/out" ]
}

# What bob sees of the message in $work/out.eml.
mutt_show() {
    {
        echo 'From alice Sun Nov 22 07:00:00 2026'
        tr -d '\r' <"$work/out.eml"
        echo
    } >"$work/mutt/inbox"
    mutt_press "$work/mutt/inbox" '<display-message><exit>'
    cat "$work/mutt/out"
}

mutt_reads() { # CONFIG LINE...: alice writes to bob
    local line shown
    outgoing "$1" alice@example.com bob@partner.test || return 1
    shift
    shown=$(mutt_show)
    echo "$shown"
    for line in "$@" 'Good signature from' 'Grüße an alle'; do
        grep -qF -- "$line" <<<"$shown" || return 1
    done
}

# Or the test above could not fail.
mutt_refuses_tampered() {
    outgoing sign-pkcs1 alice@example.com bob@partner.test || return 1
    sed -i 's/an alle/an keinen/' "$work/out.eml"
    mutt_show | tee -a "$log" | grep -q -F '*BAD* signature from'
}

mutt_writes() { # VARIABLES ENCRYPTION SIGNATURE: bob writes to alice, and this is what we find
    mutt_press "$work/mutt/empty" \
        '<mail>alice@example.com<enter>Gruss<enter><send-message><exit>' "set $1" || return 1
    incoming bob@partner.test alice@example.com "$work/mutt/out"
    cat "$work/in.json"
    [ "$(jq -r '.encryption.verdict + " " + .signature.verdict' "$work/in.json")" = "$2 $3" ] &&
        grep -aqiE 'Gr(=C3=BC=C3=9F|=FC=DF|üß)e von mutt' "$work/in.eml"
}
