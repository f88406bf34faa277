#!/bin/bash
# The layering of this tree, and that layers.sh sees what is wrong in another.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

expect "the folders include only what they may" tests/check/layers.sh

tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT

# finds NAME FILE LINE PATTERN: a tree in which only LINE of FILE is wrong.
finds() {
    local said
    rm -rf "${tree:?}"/*
    mkdir -p "$tree"/{address,rules,store,smime,daemon/{network,revocation,directory},admin}
    touch "$tree"/address/address.h "$tree"/rules/rules.h "$tree"/store/store.h \
        "$tree"/smime/sign.h "$tree"/daemon/flow.h "$tree"/{store,smime}/chain.h "$tree"/daemon/revocation/crl.h
    printf '#include <string.h>\n#include "address.h"\n%s\n' "$3" >"$tree/$2"
    if said=$(tests/check/layers.sh "$tree"); then
        fail "finds $1: was content"
    elif grep -q "$4" <<<"$said" && [ "$(tail -n 1 <<<"$said")" = "1 offences" ]; then
        pass "finds $1"
    else
        fail "finds $1: said: $said"
    fi
}

finds "a library that sees a sibling" rules/a.c '#include "store.h"' '^rules/a.c:3: '
finds "a leaf that looks up" address/a.c '#include "rules.h"' '^address/a.c:3: '
finds "a library that sees the daemon" smime/a.c '#include "flow.h"' '^smime/a.c:3: '
finds "a room that sees the daemon" daemon/network/a.c '#include "flow.h"' '^daemon/network/a.c:3: '
finds "a room that sees another" daemon/directory/a.c '#include "crl.h"' '^daemon/directory/a.c:3: '
finds "libcurl outside the network" daemon/a.c '#include <curl/curl.h>' 'no header of a library'
finds "a path in an include" daemon/a.c '#include "../store/store.h"' 'bare name'
finds "a folder in an include" daemon/a.c '#include "store/store.h"' 'bare name'
finds "blanks around the hash" smime/a.c '  #  include   "store.h"' '^smime/a.c:3: '
finds "SQL outside the store" daemon/a.c '#include <sqlite3.h>' 'no header of a library'
finds "OpenSSL in the rules" rules/a.c '#include <openssl/evp.h>' 'no header of a library'
finds "GMime in the store" store/a.c '#include <gmime/gmime.h>' 'no header of a library'
finds "libmilter in a second file" daemon/a.c '#include <libmilter/mfapi.h>' 'alone'
finds "libmilter called in a second file" daemon/a.c 'int f(void) { return smfi_main(); }' 'outside'
finds "a header that could be another folder's" daemon/a.c '#include "chain.h"' 'more than one folder'
finds "a header of ours in angle brackets" daemon/a.c '#include <flow.h>' 'no header of a library'
finds "an include by macro" daemon/a.c '#include HEADER' 'something else'

report
