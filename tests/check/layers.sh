#!/bin/bash
# Do the folders include only what DESIGN section 8 allows?
#
#   layers.sh [TREE]
#
# Every #include of every source is looked at. A header of ours is named bare and stands in the
# folder itself or in one that it may see; a library's header only where that library is known; the
# rest must be of the C library. Says each offence as file:line and ends with how many there are.
set -u
cd "${1:-$(dirname "$0")/../..}" || exit 1

rooms='daemon/network daemon/revocation daemon/directory daemon/enrolment'
declare -A sees=(
    [address]='' [rules]=address [store]=address [smime]=address
    [daemon/network]='address'
    [daemon/revocation]='address rules store smime daemon/network'
    [daemon/directory]='address rules store smime daemon/network'
    [daemon/enrolment]='address rules store smime daemon/network'
    [daemon]="address rules store smime $rooms"
    [admin]="address rules store smime daemon $rooms"
)
declare -A knows=(
    [address]='idn2.h' [rules]='libconfig.h' [store]='sqlite3.h openssl/ p11-kit/ lber.h ldif.h'
    [smime]='gmime/ libxml/ openssl/' [daemon]='openssl/' [admin]='openssl/ jansson.h ldap.h'
    [daemon/network]='curl/ ldap.h openssl/' [daemon/revocation]='openssl/'
    [daemon/directory]='openssl/ ldap.h unbound.h' [daemon/enrolment]='openssl/ ldap.h'
)
folders="address rules store smime daemon $rooms admin"
milter_file=daemon/milter.c

libc=$(mktemp) || exit 1
trap 'rm -f "$libc"' EXIT
{
    dpkg -L libc6-dev linux-libc-dev | sed -nE 's,^/usr/include/([a-z0-9_]+-linux-[a-z]+/)?,,p'
    ls "$(gcc -print-file-name=include)"
} >"$libc"

offences=0
offence() {
    echo "$1: $2"
    offences=$((offences + 1))
}

# own PLACE FOLDER HEADER
own() {
    local seen found=()
    case $3 in
    */*) offence "$1" "\"$3\" is not a bare name" && return ;;
    esac
    [ ! -e "$2/$3" ] || return 0
    for seen in ${sees[$2]}; do
        [ ! -e "$seen/$3" ] || found+=("$seen")
    done
    case ${#found[@]} in
    1) ;;
    0) offence "$1" "\"$3\" is not in $2/ or in what it may see (${sees[$2]:-nothing})" ;;
    *) offence "$1" "\"$3\" stands in more than one folder that $2/ sees: ${found[*]}" ;;
    esac
}

# library PLACE FOLDER HEADER
library() {
    local known
    for known in ${knows[$2]}; do
        case $3 in "$known"*) return 0 ;; esac
    done
    case $3 in
    libmilter/*)
        [ "${1%:*}" = $milter_file ] || offence "$1" "<$3> belongs into $milter_file alone"
        return
        ;;
    esac
    grep -qxF "$3" "$libc" || offence "$1" "<$3> is no header of a library that $2/ knows"
}

for folder in $folders; do
    while IFS=: read -r file line text; do
        [[ $text =~ ^[[:space:]]*#[[:space:]]*include[[:space:]]*([\<\"])([^\>\"]+) ]] || {
            offence "$file:$line" "an #include of something else than a header"
            continue
        }
        if [ "${BASH_REMATCH[1]}" = '"' ]; then
            own "$file:$line" "$folder" "${BASH_REMATCH[2]}"
        else
            library "$file:$line" "$folder" "${BASH_REMATCH[2]}"
        fi
    done < <(grep -nHE '^[[:space:]]*#[[:space:]]*include' "$folder"/*.[ch] 2>/dev/null)
done

# libmilter's functions, whatever header declares them.
while IFS=: read -r file line _; do
    [ "$file" = $milter_file ] || offence "$file:$line" "libmilter is called outside $milter_file"
done < <(grep -nHE '\bsmfi_[a-z]+ *\(' {address,rules,store,smime,daemon,daemon/*,admin}/*.c 2>/dev/null)

echo "$offences offences"
[ "$offences" -eq 0 ]
