#!/bin/bash
# What reads the sources without running them: formatting, cppcheck, shellcheck, manual pages.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/check/report.sh

mapfile -t sources < <(find address rules store smime daemon admin tests -name '*.[ch]' | sort)
mapfile -t scripts < <(find tests .ci etc -type f ! -path '*/seeds/*' -print0 |
    xargs -0 awk 'FNR == 1 && /^#!.*sh$|^# shellcheck shell=/ { print FILENAME } { nextfile }')
mapfile -t pages < <(find man -name '*.[1-8]')

expect "clang-format, ${#sources[@]} files" clang-format --dry-run -Werror "${sources[@]}"

# Not reentrant, but called where there are no threads: by smimectl, and before smimed has any.
# readdir() is safe as long as two threads do not share a directory stream.
quiet=(readdirCalled getpwnamCalled:admin/store_files.c getgrnamCalled:admin/store_files.c
    getpwnamCalled:admin/setup_check_access.c getgrnamCalled:admin/setup_check_access.c
    getgrgidCalled:admin/setup_check_access.c getpwnamCalled:admin/setup_check_copies.c
    getgrnamCalled:admin/setup_check_copies.c
    getpwnamCalled:daemon/privileges.c getgrnamCalled:daemon/privileges.c
    getpwuidCalled:daemon/privileges.c getgrnamCalled:daemon/listener.c
    getpwnamCalled:daemon/listener.c getgrgidCalled:daemon/listener.c)

mkdir -p build/cppcheck
# Headers of libraries are left out: cppcheck knows the C library by itself.
expect "cppcheck" cppcheck -q -j "$(nproc)" --std=c11 -D_GNU_SOURCE '-DSMIMED_VERSION="0"' \
    '-Dstatic_ASN1_SEQUENCE_END(name)=' '-Dstatic_ASN1_CHOICE_END(name)=' \
    --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
    --suppress=missingIncludeSystem "${quiet[@]/#/--suppress=}" \
    --cppcheck-build-dir=build/cppcheck \
    --library=posix,gnu,openssl \
    -Iaddress -Irules -Istore -Ismime -Idaemon -Idaemon/network -Idaemon/revocation -Idaemon/directory \
    -Idaemon/enrolment -Iadmin \
    address rules store smime daemon admin

expect "shellcheck, ${#scripts[@]} scripts" shellcheck -S warning -x "${scripts[@]}"

for page in "${pages[@]}"; do
    expect "mandoc -Tlint $page" mandoc -Tlint -Wwarning "$page"
done

report
