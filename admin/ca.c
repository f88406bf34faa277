/* smimectl ca: a certification authority of one's own. */
#include "ca_commands.h"
#include "command.h"

#define MAX_ADDRESSES 10000 /* on one command line */

static const struct command ca_commands[] = {
    {.name = "create",
     .options = WITH(OPTION_NAME) | WITH(OPTION_SUBJECT) | WITH(OPTION_KEY) | WITH(OPTION_DAYS) |
                WITH(OPTION_CRL_URL) | WITH(OPTION_TRUST) | WITH(OPTION_REPLACE),
     .synopsis = "(--name NAME | --subject DN) [--key KIND] [--days N]\n"
                 "           [--crl-url URL] [--trust] [--replace]",
     .summary = "make a CA of one's own",
     .details =
         "Makes a CA whose key stays in the store. NAME is its common name, DN a whole subject\n"
         "as in RFC 4514. KIND is rsa:2048, rsa:3072, rsa:4096 (default), ec:P-256 or ec:P-384.\n"
         "It is valid for 3652 days (ten years) unless --days says otherwise. URL (http://...)\n"
         "is where its CRLs will be published; certificates will say so. With --trust it also\n"
         "becomes a trust anchor here. With --replace there may be a CA already: the new one,\n"
         "which needs another name, issues from now on, and the former still revokes.",
     .example = "  smimectl ca create --name 'Example AG Mail CA 2026' \\\n"
                "      --crl-url http://pki.example.com/mail.crl --trust",
     .run = ca_create},
    {.name = "show",
     .options = WITH(OPTION_ID),
     .synopsis = "[--id ID]",
     .summary = "show the CA that issues, or a former one",
     .details = "Shows everything about the CA that issues, or about the one with that id.",
     .example = "  smimectl ca show",
     .run = ca_show},
    {.name = "export",
     .options = WITH(OPTION_ID) | WITH(OPTION_OUTPUT) | WITH(OPTION_DER),
     .synopsis = "[--id ID] [--output FILE] [--der]",
     .summary = "write the certificate of the CA, for those who are to believe it",
     .details =
         "Writes the certificate of the CA as PEM, or as DER, to standard output or to FILE.\n"
         "Its private key is never exported; smimectl backup saves it.",
     .example = "  smimectl ca export --output /var/www/pki/mail-ca.pem",
     .run = ca_export},
    {.name = "issue",
     .max_words = MAX_ADDRESSES,
     .options = WITH(OPTION_SEPARATE) | WITH(OPTION_DAYS) | WITH(OPTION_KEY) |
                WITH(OPTION_FROM_FILE) | WITH(OPTION_STATE) | WITH(OPTION_CSR) |
                WITH(OPTION_OUTPUT) | WITH(OPTION_DER),
     .synopsis = "((ADDRESS | PATTERN)... | --from-file FILE.csv)\n"
                 "           [--separate] [--key KIND] [--days N] [--state inactive]\n"
                 "   or: ADDRESS --csr FILE [--days N] [--output FILE] [--der]",
     .summary = "give mailboxes keys and certificates of the CA",
     .details =
         "Makes a key and a certificate for each mailbox, which signs with it from now on. The\n"
         "certificate names all addresses of the mailbox and is for mail alone; it is valid for\n"
         "730 days unless --days says otherwise (at most 825), and never longer than the CA.\n"
         "Issuing again renews: former keys stay for reading old mail. With --separate there are\n"
         "two keys: one signs, the other is what others encrypt to; both certificates travel\n"
         "with signed mail. KIND is that of mailbox request. With --state inactive, mailboxes\n"
         "in another state are passed over. Patterns and files are those of mailbox activate;\n"
         "of a file only the column address counts. Failures are told and the rest goes on.\n"
         "\n"
         "With --csr the key of somebody's request (PKCS#10) is certified, and the certificate\n"
         "written to standard output or to a file. Whoever made the request must have its key;\n"
         "it may name only addresses of the mailbox; nothing else that it asks for counts.",
     .example = "  smimectl ca issue '*@example.com' --state inactive",
     .run = ca_issue},
    {.name = "revoke",
     .max_words = MAX_ADDRESSES,
     .options = WITH(OPTION_SERIAL) | WITH(OPTION_REASON),
     .synopsis = "((ADDRESS | PATTERN)... | --serial SERIAL) [--reason REASON]",
     .summary = "revoke certificates of mailboxes, or one certificate",
     .details =
         "Revokes all valid certificates that the CA has issued for the mailboxes, or the one\n"
         "with that serial number. There is no way back. A mailbox that signs with one becomes\n"
         "inactive; decrypting goes on. REASON is unspecified (default), keyCompromise,\n"
         "affiliationChanged, superseded, cessationOfOperation or privilegeWithdrawn. Others\n"
         "learn of it from the next CRL.",
     .example = "  smimectl ca revoke alice@example.com --reason cessationOfOperation",
     .run = ca_revoke},
    {.name = "crl",
     .options = WITH(OPTION_ID) | WITH(OPTION_DAYS) | WITH(OPTION_OUTPUT) | WITH(OPTION_DER) |
                WITH(OPTION_PEM),
     .synopsis = "[--output FILE] [--der | --pem] [--days N] [--id ID]",
     .summary = "make a list of what was revoked (CRL)",
     .details =
         "Makes a new CRL of the CA as PEM, or as DER, which web servers have to hand out. It\n"
         "is valid for 7 days unless --days says otherwise (at most 366): it has to be made\n"
         "again before, by cron(8) say. FILE is replaced in one step and may be read by all.",
     .example = "  smimectl ca crl --der --output /var/www/pki/mail.crl",
     .run = ca_crl},
    {.name = "list",
     .options = WITH(OPTION_STATE),
     .synopsis = "[--state valid|expired|revoked]",
     .summary = "list what the CA has issued",
     .details = "Lists the certificates that this and former CAs have issued, the oldest first:\n"
                "serial number, mailbox, use (both, sign, encrypt), expiry, state, and the\n"
                "reason of a revocation.",
     .example = "  smimectl ca list --state valid",
     .run = ca_list},
    {0},
};

const struct command_group ca_group = {"ca", "A certification authority of one's own", ca_commands};
