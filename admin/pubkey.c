/* smimectl pubkey: other people's certificates, to which mail is encrypted. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cert_use.h"
#include "command.h"
#include "deletion.h"
#include "import.h"
#include "known_revoked.h"
#include "pubkey_listing.h"
#include "pubkey_lookup.h"
#include "tell.h"
#include "why.h"

#define MAX_FILES 10000 /* on one command line */

/* ---- import ---- */

static bool is_ca(X509 *certificate)
{
    return X509_check_ca(certificate) == 1; /* by basicConstraints */
}

static bool has_leaf(const STACK_OF(X509) * file)
{
    for (int i = 0; i < sk_X509_num(file); i++) {
        if (!is_ca(sk_X509_value(file, i))) {
            return true;
        }
    }
    return false;
}

/* An own mailbox is activated with its key, never imported: who could import somebody's certificate
 * for one would read its mail. Returns 0, or -1 with a sentence. */
static int check_foreign(const struct context *context, X509 *certificate, char **why)
{
    struct cert_addresses addresses;
    int rc = 0;
    if (cert_addresses(certificate, &addresses)) {
        why_set(why, "out of memory");
        return -1;
    }
    for (size_t i = 0; i < addresses.count && rc == 0; i++) {
        if (context_manages(context, addresses.items[i])) {
            why_set(why,
                    "%s is a managed address; own mailboxes get their certificates by: smimectl "
                    "mailbox activate %s",
                    addresses.items[i], addresses.items[i]);
            rc = -1;
        }
    }
    cert_addresses_clear(&addresses);
    return rc;
}

static bool passes_over(X509 *certificate, const STACK_OF(X509) * together, char **why)
{
    if (!is_ca(certificate) || !has_leaf(together)) {
        return false;
    }
    why_set(why, "passed over: a CA certificate that accompanies the others of this file; to "
                 "believe it, import it with: smimectl trust import");
    return true;
}

static void take_result(struct import_item *item, struct pubkey_import *entry)
{
    item->id = entry->id;
    item->result = entry->refused ? IMPORT_REFUSED : IMPORT_DONE;
    item->why = entry->reason;
    entry->reason = NULL;
}

/* Refuse what is for managed addresses, and what is known to be revoked. */
static enum store_status refuse_bad(struct context *context, struct import_item *items,
                                    size_t count, char **why)
{
    struct revocation *revocation = revocation_new(context->store, &context->config->settings);
    struct revocation_inquiry inquiry = {0};
    enum store_status status = STORE_ERROR;
    if (!revocation) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    status = revocation_begin(revocation, context->now, 0, &inquiry, why);
    for (size_t i = 0; status == STORE_OK && i < count; i++) {
        int known = 0;
        if (items[i].result != IMPORT_DONE) {
            continue;
        }
        if (check_foreign(context, items[i].certificate, &items[i].why)) {
            items[i].result = IMPORT_REFUSED;
            continue;
        }
        known = known_revoked(context, &inquiry, items[i].certificate, &items[i].why);
        if (known > 0) {
            items[i].result = IMPORT_REFUSED;
        } else if (known < 0) {
            why_set(why, "%s", why_text(&items[i].why));
            status = STORE_ERROR;
        }
    }
    revocation_end(&inquiry);
    revocation_free(&revocation);
    return status;
}

static enum store_status import_pubkeys(struct context *context, struct import_item *items,
                                        size_t count, char **why)
{
    struct pubkey_import *entries = calloc(count ? count : 1, sizeof *entries);
    size_t used = 0;
    if (!entries) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    enum store_status status = refuse_bad(context, items, count, why);
    for (size_t i = 0; status == STORE_OK && i < count; i++) {
        if (items[i].result == IMPORT_DONE) {
            entries[used++].certificate = items[i].certificate;
        }
    }
    status = status == STORE_OK && used > 0
                 ? store_pubkey_import_all(context->store, entries, used, context->now, why)
                 : status;
    for (size_t i = 0, next = 0; status == STORE_OK && i < count; i++) {
        if (items[i].result == IMPORT_DONE) {
            take_result(&items[i], &entries[next++]);
        }
    }
    free(entries);
    return status;
}

static int pubkey_import(struct context *context)
{
    static const struct importer importer = {passes_over, import_pubkeys};
    return import_people(context, &importer);
}

/* ---- export ---- */

static int pubkey_export(struct context *context)
{
    bool der = argument_given(context->arguments, OPTION_DER);
    X509 *certificate = NULL;
    if (der && argument_given(context->arguments, OPTION_PEM)) {
        tell_error("--der and --pem exclude each other");
        return EXIT_USAGE;
    }
    if (der && isatty(STDOUT_FILENO)) {
        tell_error("DER is binary and not for a terminal");
        tell_next("Write it to a file: ... > certificate.cer");
        return EXIT_REFUSED;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    if (!pubkey_named(context, &certificate)) {
        return EXIT_REFUSED;
    }
    int written = der ? i2d_X509_fp(stdout, certificate) : PEM_write_X509(stdout, certificate);
    X509_free(certificate);
    if (written != 1 || fflush(stdout) == EOF) {
        tell_error("the certificate cannot be written");
        return EXIT_REFUSED;
    }
    return EXIT_DONE;
}

/* ---- delete ---- */

static int pubkey_delete(struct context *context)
{
    return delete_by_ids(context, store_pubkey_delete, "Ids are listed by: smimectl pubkey list");
}

/* ---- pin, approve ---- */

static const char *const pubkey_advice = "Ids are listed by: smimectl pubkey list";
static const char *const pending_advice =
    "Ids are listed by: smimectl pubkey pending (rejected ones: --rejected)";

static int pubkey_pin(struct context *context)
{
    return change_by_ids(context, store_pubkey_pin, pubkey_advice);
}

static int pubkey_unpin(struct context *context)
{
    return delete_by_ids(context, store_pubkey_unpin, pubkey_advice);
}

static enum store_status approve(struct store *store, int64_t id, time_t now, char **why)
{
    return store_candidate_approve(store, id, now, NULL, why);
}

static int pubkey_approve(struct context *context)
{
    return change_by_ids(context, approve, pending_advice);
}

static int pubkey_reject(struct context *context)
{
    return delete_by_ids(context, store_candidate_reject, pending_advice);
}

static const struct command pubkey_commands[] = {
    {.name = "import",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "FILE|FOLDER...",
     .summary = "import certificates of other people",
     .details = "Imports every certificate of every file: PEM, DER, PKCS#7, LDIF with\n"
                "userCertificate or userSMIMECertificate, vCards with KEY; \"-\": standard input.\n"
                "A folder is read with all that is in it; files without a certificate are skipped\n"
                "there. Each refusal is reported with its reason, and the rest goes on. Refused\n"
                "are certificates without a mail address, of a domain or a CA, expired, not yet\n"
                "valid, known to be revoked, not for encryption, weak, or for managed addresses.\n"
                "CA certificates that accompany others in a file or an entry are passed over.",
     .example = "  smimectl pubkey import bob.pem partner.p7b staff.ldif contacts/",
     .run = pubkey_import},
    {.name = "list",
     .max_words = 1,
     .synopsis = "[ADDRESS]",
     .summary = "list public keys, all or those for an address",
     .details =
         "Lists id, addresses, source (imported, harvested from signed mail, or found in a\n"
         "directory), whether it is pinned, expiry, when it was last seen, subject and issuer.\n"
         "With --json also serial number, fingerprint and when the key was first seen.",
     .example = "  smimectl pubkey list bob@partner.test",
     .run = pubkey_list_command},
    {.name = "show",
     .min_words = 1,
     .max_words = 1,
     .synopsis = "ID|ADDRESS",
     .summary = "show one public key",
     .details =
         "Shows everything about the public key with this id, or about the preferred one of the\n"
         "address: mail to it is encrypted with that now, unless it does not fit the profile.",
     .example = "  smimectl pubkey show bob@partner.test",
     .run = pubkey_show_command},
    {.name = "export",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_DER) | WITH(OPTION_PEM),
     .synopsis = "ID|ADDRESS [--pem|--der]",
     .summary = "write a certificate to standard output",
     .details = "Writes the certificate with this id, or the preferred one of the address, as PEM\n"
                "(default) or DER.",
     .example = "  smimectl pubkey export bob@partner.test --der > bob.cer",
     .run = pubkey_export},
    {.name = "delete",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "ID...",
     .summary = "delete public keys",
     .details = "Deletes public keys by id. A deleted one is learned again from the next signed\n"
                "mail that carries it, where harvesting is on. A pinned one has to be unpinned\n"
                "first.",
     .example = "  smimectl pubkey delete 12",
     .run = pubkey_delete},
    {.name = "lookup",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_NO_CACHE),
     .synopsis = "ADDRESS [--no-cache]",
     .summary = "look an address up in the directories",
     .details =
         "Shows what each directory of the configuration (LDAP, SMIMEA) has for the address,\n"
         "which certificates are taken, and why others are not. What the daemon remembers of an\n"
         "earlier look-up is shown where it still counts; --no-cache asks everybody now. The\n"
         "result is remembered, and what was found becomes a public key, as with the daemon.\n"
         "\n"
         "Exit codes: 0 there is a certificate; 1 there is none; 75 there is none, and a\n"
         "directory could not be asked.",
     .example = "  smimectl pubkey lookup bob@partner.test --no-cache",
     .run = pubkey_lookup_command},
    {.name = "smimea",
     .options = WITH(OPTION_MAILBOX) | WITH(OPTION_ALL) | WITH(OPTION_GENERIC),
     .synopsis = "--mailbox ADDRESS [--all] [--generic]",
     .summary = "print the DNS record that publishes a certificate of ours",
     .details =
         "Prints, for a zone file, the SMIMEA record (RFC 8162) by which others find the\n"
         "certificate to encrypt to this address with. The zone has to be signed with DNSSEC.\n"
         "--all prints those of all addresses of the mailbox and of all its certificates that\n"
         "are good for encryption now; --generic writes the type as TYPE53 (RFC 3597), for name\n"
         "servers that do not know it.",
     .example = "  smimectl pubkey smimea --mailbox alice@example.com >> example.com.zone",
     .run = pubkey_smimea_command},
    {.name = "pin",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "ID...",
     .summary = "encrypt to these and no others while they are valid",
     .details =
         "Pins public keys: whatever else is imported or learned for their addresses, mail\n"
         "is encrypted with them and no others, until they expire, are revoked or unpinned.\n"
         "One that does not fit the profile is not replaced by another one. Of one address\n"
         "only one key is pinned at a time.",
     .example = "  smimectl pubkey pin 12",
     .run = pubkey_pin},
    {.name = "unpin",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "ID...",
     .summary = "undo pin",
     .details = "Unpins public keys: the others of their addresses are used again, imported ones\n"
                "before learned ones.",
     .example = "  smimectl pubkey unpin 12",
     .run = pubkey_unpin},
    {.name = "pending",
     .options = WITH(OPTION_REJECTED),
     .synopsis = "[--rejected]",
     .summary = "list certificates that wait for approval",
     .details = "With the setting harvest = \"approve\" the certificates of signed mail are held:\n"
                "lists id, address, state, expiry, when last seen, subject and issuer. With\n"
                "--rejected, those that were rejected.",
     .example = "  smimectl pubkey pending",
     .run = pubkey_pending_command},
    {.name = "approve",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "ID...",
     .summary = "encrypt with certificates that waited",
     .details = "Makes held certificates public keys, if they still pass the checks of an import.\n"
                "A rejected one can be approved, too.",
     .example = "  smimectl pubkey approve 3",
     .run = pubkey_approve},
    {.name = "reject",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "ID...",
     .summary = "never learn these certificates",
     .details = "Rejects held certificates. That is remembered: they are neither offered nor\n"
                "learned again, until they are approved or imported.",
     .example = "  smimectl pubkey reject 4",
     .run = pubkey_reject},
    {0},
};

const struct command_group pubkey_group = {
    "pubkey", "Other people's certificates, to which mail is encrypted", pubkey_commands};
