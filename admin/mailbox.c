/* smimectl mailbox: the mailboxes of the managed domains, and their S/MIME state. */
#include "command.h"
#include "mailbox_commands.h"

#define MAX_ADDRESSES 10000 /* on one command line */

#define CREDENTIAL_OPTIONS                                                                         \
    (WITH(OPTION_PKCS12) | WITH(OPTION_PASSWORD_FILE) | WITH(OPTION_KEY) | WITH(OPTION_CERT) |     \
     WITH(OPTION_CHAIN))

static const struct command mailbox_commands[] = {
    {.name = "add",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_ALIAS),
     .synopsis = "ADDRESS [--alias ADDRESS]...",
     .summary = "add a mailbox, inactive at first",
     .details = "Adds a mailbox with its further addresses. All must be in managed domains. Its\n"
                "state is inactive until it is activated with a key and a certificate.",
     .example = "  smimectl mailbox add alice@example.com --alias a.smith@example.com",
     .run = mailbox_add},
    {.name = "import",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "FILE.csv",
     .summary = "add the mailboxes of a CSV file",
     .details =
         "Adds the mailboxes of a file of comma-separated values (\"-\": standard input). Its\n"
         "first line names the columns: address; aliases, with any number of further\n"
         "addresses, also several times; never_decrypt, with yes or no. Semicolons or\n"
         "tabulators between the fields and a UTF-8 byte order mark are fine. What is there\n"
         "already stays, and nothing is taken away, so a file can be imported again. A line\n"
         "that is refused is told with its number, and the rest goes on.",
     .example = "  smimectl mailbox import staff.csv",
     .run = mailbox_import},
    {.name = "sync",
     .options = WITH(OPTION_POSTFIX_MAP) | WITH(OPTION_TEXT) | WITH(OPTION_DOMAIN) |
                WITH(OPTION_LDAP) | WITH(OPTION_BASE) | WITH(OPTION_FILTER) |
                WITH(OPTION_ADDRESS_ATTR) | WITH(OPTION_ALIAS_ATTR) | WITH(OPTION_BIND_DN) |
                WITH(OPTION_PASSWORD_FILE) | WITH(OPTION_START_TLS) | WITH(OPTION_TLS_CA),
     .synopsis = "(--postfix-map TYPE:FILE | --text FILE) [--domain DOMAIN]\n"
                 "   or: --ldap URI --base DN [--filter FILTER] [--address-attr NAME]\n"
                 "           [--alias-attr NAME]... [--bind-dn DN [--password-file FILE]]\n"
                 "           [--start-tls] [--tls-ca FILE]",
     .summary = "add mailboxes from a Postfix map or an LDAP directory",
     .details =
         "Adds the mailboxes and further addresses that a Postfix map (listed by postmap -s, or\n"
         "the text it is made from) or an LDAP directory has, and reports those that are no\n"
         "longer there. Nothing is ever taken away: keys are needed to read old mail.\n"
         "\n"
         "In a map, a key that leads to another managed address is a further address of that; a\n"
         "key that leads to itself or to what is no address is a mailbox. --domain takes only\n"
         "keys of that domain, and completes keys without one. In a directory, each entry is a\n"
         "mailbox: --address-attr (default: mail) is its address, --alias-attr its further ones;\n"
         "in proxyAddresses, \"SMTP:\" marks the first one.",
     .example =
         "  smimectl mailbox sync --ldap ldaps://dc.example.com --base dc=example,dc=com \\\n"
         "      --filter '(objectClass=user)' --alias-attr proxyAddresses \\\n"
         "      --bind-dn cn=smimed,dc=example,dc=com --password-file /etc/smimed/ldap",
     .run = mailbox_sync},
    {.name = "list",
     .options = WITH(OPTION_DOMAIN) | WITH(OPTION_STATE) | WITH(OPTION_SORT),
     .synopsis = "[--domain DOMAIN] [--state inactive|activating|active]\n"
                 "           [--sort address|domain|state|expires|certificate]",
     .summary = "list the mailboxes with certificate, state and expiry",
     .details =
         "Lists certificate id, mailbox, domain, state and the day on which the certificate\n"
         "expires, sorted by address unless --sort says otherwise.",
     .example = "  smimectl mailbox list --domain example.com --state active --sort expires",
     .run = mailbox_list},
    {.name = "show",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "ADDRESS",
     .summary = "show one mailbox with its further addresses and all its keys",
     .details = "Shows everything about a mailbox: also all its keys, of which one signs and all\n"
                "decrypt. ADDRESS may be one of its further addresses.",
     .example = "  smimectl mailbox show alice@example.com",
     .run = mailbox_show},
    {.name = "alias",
     .min_words = 3,
     .max_words = MAX_ADDRESSES,
     .synopsis = "add|remove ADDRESS ALIAS...",
     .summary = "add or remove further addresses of a mailbox",
     .details = "Adds further addresses to a mailbox, or removes some. The last one that the\n"
                "certificate of an active mailbox names cannot be removed.",
     .example = "  smimectl mailbox alias add alice@example.com a.smith@example.com",
     .run = mailbox_alias},
    {.name = "delete",
     .min_words = 1,
     .max_words = MAX_ADDRESSES,
     .synopsis = "ADDRESS...",
     .summary = "delete mailboxes that have no key",
     .details = "Deletes mailboxes. One that has a key cannot be deleted, because mail that was\n"
                "encrypted to it could not be read any more; it can be deactivated.",
     .example = "  smimectl mailbox delete info@example.com",
     .run = mailbox_delete},
    {.name = "activate",
     .max_words = MAX_ADDRESSES,
     .options = CREDENTIAL_OPTIONS | WITH(OPTION_FROM_FILE),
     .synopsis = "(ADDRESS | PATTERN)... [--pkcs12 FILE |\n"
                 "           --key FILE --cert FILE [--chain FILE]...] [--password-file FILE]\n"
                 "   or: --from-file FILE.csv",
     .summary = "give mailboxes the key and certificate that sign from now on",
     .details =
         "Gives a mailbox a private key and its certificate: from a PKCS#12 file, or from a key\n"
         "and a certificate as PEM or DER. CA certificates that come along, or in --chain, travel\n"
         "with the signatures. Former keys stay for reading old mail. Refused are keys that do\n"
         "not match, certificates of somebody else, of a CA or of a domain, expired ones and\n"
         "ones not for mail. Where the chain is incomplete, a note says what recipients will see.\n"
         "Without a key, the one that signed before the mailbox was deactivated signs again.\n"
         "\n"
         "The password is the first line of --password-file (\"-\": of standard input). Without\n"
         "it the terminal is asked, where a password is needed.\n"
         "\n"
         "In a PATTERN, \"*\" stands for any characters. The file of --from-file has the columns\n"
         "address, key, password, and may have certificate and chain; paths are as seen from the\n"
         "file. Failures are told and the rest goes on; the last lines are counts.",
     .example = "  smimectl mailbox activate alice@example.com --pkcs12 alice.p12",
     .run = mailbox_activate},
    {.name = "deactivate",
     .max_words = MAX_ADDRESSES,
     .options = WITH(OPTION_FROM_FILE),
     .synopsis = "(ADDRESS | PATTERN)...\n"
                 "   or: --from-file FILE.csv",
     .summary = "stop signing for mailboxes; decrypting goes on",
     .details = "Stops signing for the mailboxes. Mail that was encrypted to them is decrypted as\n"
                "before, because their keys stay. Addresses, patterns and files are those of\n"
                "mailbox activate; of a file only the column address counts.",
     .example = "  smimectl mailbox deactivate alice@example.com '*@sales.example.com'",
     .run = mailbox_deactivate},
    {.name = "request",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_KEY) | WITH(OPTION_SUBJECT) | WITH(OPTION_REPLACE) |
                WITH(OPTION_AGAIN) | WITH(OPTION_WITHDRAW),
     .synopsis = "ADDRESS [--key KIND] [--subject DN] [--replace]\n"
                 "   or: ADDRESS (--again | --withdraw)",
     .summary = "make a key and print the request for its certificate",
     .details =
         "Makes a key and prints a certification request (PKCS#10, PEM) for a CA, with the\n"
         "address and the further addresses of the mailbox in it. KIND is rsa:2048, rsa:3072\n"
         "(default), rsa:4096, ec:P-256 or ec:P-384; DN is a subject as in RFC 4514. The mailbox\n"
         "becomes activating; an active one goes on signing with the key that it has. --again\n"
         "prints the pending request once more, --replace makes a new one in its place,\n"
         "--withdraw gives it up.",
     .example = "  smimectl mailbox request alice@example.com --key ec:P-256 >alice.csr",
     .run = mailbox_request},
    {.name = "install",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_CERT) | WITH(OPTION_CHAIN),
     .synopsis = "ADDRESS --cert FILE [--chain FILE]...",
     .summary = "take a CA's answer to the request; the mailbox becomes active",
     .details = "Takes the certificate that a CA has issued for the request that is pending. It\n"
                "must be for that key; the checks are those of mailbox activate.",
     .example = "  smimectl mailbox install alice@example.com --cert alice.pem --chain ca.pem",
     .run = mailbox_install},
    {.name = "enroll",
     .max_words = MAX_ADDRESSES,
     .options = WITH(OPTION_CA) | WITH(OPTION_WAIT) | WITH(OPTION_REPLACE) | WITH(OPTION_FROM_FILE),
     .synopsis = "(ADDRESS | PATTERN)... [--ca NAME] [--replace] [--wait SECONDS]\n"
                 "   or: --from-file FILE.csv [--ca NAME] [--replace] [--wait SECONDS]",
     .summary = "get certificates from a CA by CMP",
     .details =
         "Makes a key for each mailbox and asks a CA of the configuration (cmp in\n"
         "smimed.conf(5)) to certify it: the one of --ca, or the first that issues for the\n"
         "address. A mailbox becomes active when its certificate has come and is what was asked\n"
         "for; until then it is activating, and the daemon asks the CA again. Mailboxes that are\n"
         "active stay as they are, unless --replace is given.\n"
         "\n"
         "The CA is asked once. With --wait it is asked for up to so many seconds as often as it\n"
         "says, and the exit status is 75 when it has not decided then; with --wait 0 all of it\n"
         "is left to the daemon. Given up it is by mailbox request --withdraw. Addresses,\n"
         "patterns and files are those of mailbox activate; of a file only the column address\n"
         "counts.",
     .example = "  smimectl mailbox enroll '*@example.com' --ca ca --wait 60",
     .run = mailbox_enroll},
    {.name = "renew",
     .max_words = MAX_ADDRESSES,
     .options = WITH(OPTION_WAIT) | WITH(OPTION_FROM_FILE),
     .synopsis = "(ADDRESS | PATTERN)... [--wait SECONDS]\n"
                 "   or: --from-file FILE.csv [--wait SECONDS]",
     .summary = "get new certificates for new keys, now",
     .details = "Asks the CA that a certificate came from by CMP for the next one, for a new key.\n"
                "The daemon does so by itself before a certificate expires. The former key signs\n"
                "until the new certificate is there, and decrypts for ever. --wait is that of\n"
                "mailbox enroll.",
     .example = "  smimectl mailbox renew alice@example.com",
     .run = mailbox_renew},
    {.name = "enrolments",
     .synopsis = "",
     .summary = "list what CAs are asked for, and what failed",
     .details =
         "Lists the mailboxes for which a CA is asked by CMP, and those for which it was in\n"
         "vain, with the last error. What has succeeded is not listed.",
     .example = "  smimectl mailbox enrolments --json",
     .run = mailbox_enrolments},
    {.name = "revoke",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_ID) | WITH(OPTION_REASON),
     .synopsis = "ADDRESS [--id ID] [--reason REASON]",
     .summary = "have a certificate revoked that came by CMP",
     .details =
         "Asks the CA to revoke the certificate that signs, or that of --id. A mailbox that\n"
         "signs with it is deactivated, and nothing is ever signed with it again; mail that was\n"
         "encrypted to it is decrypted as before. REASON is unspecified (default),\n"
         "keyCompromise, affiliationChanged, superseded, cessationOfOperation or\n"
         "privilegeWithdrawn. Certificates of one's own CA are revoked by ca revoke.",
     .example = "  smimectl mailbox revoke alice@example.com --reason keyCompromise",
     .run = mailbox_revoke},
    {.name = "export",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_OUTPUT) | WITH(OPTION_PASSWORD_FILE) | WITH(OPTION_ID),
     .synopsis = "ADDRESS --output FILE [--password-file FILE] [--id ID]",
     .summary = "write the key of a mailbox as PKCS#12, for its owner",
     .details =
         "Writes the key that signs, or that of certificate --id, with its certificate and chain\n"
         "to a new PKCS#12 file (AES-256) that only its owner may read. The password is asked\n"
         "for twice on the terminal, or is the first line of --password-file.",
     .example = "  smimectl mailbox export alice@example.com --output alice.p12",
     .run = mailbox_export},
    {.name = "never-decrypt",
     .min_words = 2,
     .max_words = 2,
     .synopsis = "ADDRESS on|off",
     .summary = "leave mail to a mailbox encrypted, whatever the rules say",
     .details = "With \"on\" mail to the mailbox is never decrypted: for mailboxes whose mail is\n"
                "redirected to the outside, where nobody should read it in the clear.",
     .example = "  smimectl mailbox never-decrypt forward@example.com on",
     .run = mailbox_never_decrypt},
    {0},
};

const struct command_group mailbox_group = {
    "mailbox", "Mailboxes of the managed domains: their keys and their state", mailbox_commands};
