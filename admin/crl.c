/* smimectl crl: certificate revocation lists in the store. */

#include "command.h"
#include "crl_commands.h"
#include "deletion.h"
#include "revocation.h"

#define MAX_FILES 1000 /* on one command line */

static int crl_delete(struct context *context)
{
    return delete_by_ids(context, store_crl_delete,
                         "Ids are listed by: smimectl crl list. What certificates name is fetched "
                         "again when it is wanted.");
}

static const struct command crl_commands[] = {
    {.name = "import",
     .min_words = 1,
     .max_words = MAX_FILES,
     .options = WITH(OPTION_CA),
     .synopsis = "FILE... [--ca FILE]",
     .summary = "import CRLs",
     .details =
         "Imports CRLs (DER or PEM, one in each file; \"-\": standard input). A CRL is taken\n"
         "when a trust anchor has signed it, or a CA certificate that chains to one and is\n"
         "in the store, or one in the file that --ca names. An older CRL never replaces a\n"
         "newer one (crlNumber, thisUpdate). Certificates in use that a CRL lists are told,\n"
         "and not used any more.",
     .example = "  smimectl crl import partner.crl --ca partner-ca.pem",
     .run = crl_import},
    {.name = "list",
     .synopsis = "",
     .summary = "list CRLs",
     .details =
         "Lists id, source (imported, or fetched from where certificates say), whether it is\n"
         "complete or a delta CRL, when it was made, when the next one is due, how many\n"
         "certificates it lists, and its issuer. With --json also number, size and URL.",
     .example = "  smimectl crl list",
     .run = crl_list},
    {.name = "show",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "ID",
     .summary = "show one CRL with all that it lists",
     .details =
         "Shows everything about the CRL with this id, and the serial numbers that it lists\n"
         "with date and reason.",
     .example = "  smimectl crl show 3",
     .run = crl_show},
    {.name = "fetch",
     .max_words = MAX_FILES,
     .options = WITH(OPTION_ALL) | WITH(OPTION_CA),
     .synopsis = "[--all|URL...] [--ca FILE]",
     .summary = "fetch CRLs now",
     .details =
         "Fetches the CRLs that are due, with --all those of every place that messages have\n"
         "wanted, or those at the URLs that are named, at any address. smimed does the\n"
         "first by itself. --ca names CA certificates that lead from the signer to an\n"
         "anchor, for CRLs that are named.",
     .example = "  smimectl crl fetch http://crl.partner.test/ca.crl",
     .run = crl_fetch},
    {.name = "delete",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "ID...",
     .summary = "delete CRLs",
     .details = "Deletes CRLs by id. Certificates that were found revoked stay so.",
     .example = "  smimectl crl delete 3",
     .run = crl_delete},
    {0},
};

const struct command_group crl_group = {"crl", "Certificate revocation lists", crl_commands};
