# All of the library of the end-to-end tests and the demo. To be sourced by bash, in this folder.
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR
. ./process.sh
. ./postfix.sh
. ./sendmail.sh
. ./mta.sh
. ./pki.sh
. ./org.sh
. ./wire.sh
. ./pair.sh
. ./check.sh
