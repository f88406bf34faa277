/* smimectl pubkey: other people's certificates, to which mail is encrypted. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "cert_use.h"
#include "certificate.h"
#include "command.h"
#include "deletion.h"
#include "import.h"
#include "table.h"
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

static enum import_result import_pubkey(struct context *context, X509 *certificate,
                                        const STACK_OF(X509) * file, int64_t *id_out, char **why)
{
    if (is_ca(certificate) && has_leaf(file)) {
        why_set(why, "passed over: a CA certificate that accompanies the others of this file; to "
                     "believe it, import it with: smimectl trust import");
        return IMPORT_PASSED_OVER;
    }
    if (check_foreign(context, certificate, why)) {
        return IMPORT_REFUSED;
    }
    enum store_status status =
        store_pubkey_import(context->store, certificate, context->now, id_out, why);
    if (status != STORE_OK) {
        return IMPORT_REFUSED;
    }
    return IMPORT_DONE;
}

static int pubkey_import(struct context *context)
{
    return import_files(context, import_pubkey);
}

/* ---- list ---- */

static const struct column list_columns[] = {
    {"ID", "id", CELL_INTEGER},       {"ADDRESSES", "addresses", CELL_LIST},
    {"SOURCE", "source", CELL_TEXT},  {"EXPIRES", "not_after", CELL_TIME},
    {"ISSUER", "issuer", CELL_TEXT},  {NULL, "subject", CELL_TEXT},
    {NULL, "serial", CELL_TEXT},      {NULL, "not_before", CELL_TIME},
    {NULL, "fingerprint", CELL_TEXT}, {NULL, "first_seen", CELL_TIME},
    {NULL, "last_seen", CELL_TIME},   {NULL, NULL, CELL_TEXT}};

static void fill(struct table *table, const struct pubkey *pubkey)
{
    char *issuer = certificate_issuer(pubkey->certificate);
    char *subject = certificate_subject(pubkey->certificate);
    char *serial = certificate_serial(pubkey->certificate);
    table_integer(table, pubkey->id);
    table_list(table, pubkey->addresses, pubkey->address_count);
    table_text(table, pubkey_source_name(pubkey->source));
    table_time(table, certificate_not_after(pubkey->certificate));
    table_text(table, issuer);
    table_text(table, subject);
    table_text(table, serial);
    table_time(table, certificate_not_before(pubkey->certificate));
    table_text(table, pubkey->fingerprint);
    table_time(table, pubkey->first_seen);
    table_time(table, pubkey->last_seen);
    OPENSSL_free(issuer);
    OPENSSL_free(subject);
    OPENSSL_free(serial);
}

static int pubkey_list_command(struct context *context)
{
    struct pubkey_list list = {0};
    struct table *table = NULL;
    char *why = NULL, *address = NULL;
    int code = EXIT_REFUSED;
    if (context_store(context)) {
        goto out;
    }
    if (context->word_count > 0 && !(address = canonical_argument(context->words[0]))) {
        goto out;
    }
    if (store_pubkey_list(context->store, address, &list, &why) != STORE_OK) {
        tell_error("the public keys cannot be listed: %s", why_text(&why));
        goto out;
    }
    table = table_new(list_columns);
    for (size_t i = 0; table && i < list.count; i++) {
        fill(table, &list.items[i]);
    }
    if (!table || table_print(table, context->json, stdout)) {
        tell_error("the public keys cannot be written");
        goto out;
    }
    code = EXIT_DONE;
out:
    table_free(&table);
    pubkey_list_clear(&list);
    free(address);
    why_free(&why);
    return code;
}

/* ---- export ---- */

/* The certificate with this id: a reference, NULL told. */
static X509 *find_by_id(struct context *context, int64_t id)
{
    struct pubkey_list list = {0};
    char *why = NULL;
    X509 *found = NULL;
    if (store_pubkey_list(context->store, NULL, &list, &why) != STORE_OK) {
        tell_error("the public keys cannot be read: %s", why_text(&why));
        goto out;
    }
    for (size_t i = 0; i < list.count && !found; i++) {
        if (list.items[i].id == id && X509_up_ref(list.items[i].certificate) == 1) {
            found = list.items[i].certificate;
        }
    }
    if (!found) {
        tell_error("there is no public key with the id %lld", (long long)id);
        tell_next("Ids are listed by: smimectl pubkey list");
    }
out:
    pubkey_list_clear(&list);
    why_free(&why);
    return found;
}

/* The certificate that mail to `text` is encrypted with now. */
static X509 *find_by_address(struct context *context, const char *text)
{
    X509 *found = NULL;
    char *why = NULL;
    char *address = canonical_argument(text);
    if (!address) {
        return NULL;
    }
    enum store_status status =
        store_encryption_certificate(context->store, address, context->now, &found, NULL, &why);
    if (status == STORE_NONE) {
        tell_error("there is no public key for %s that is valid now", address);
        tell_next("Expired ones are listed by \"smimectl pubkey list %s\" and exported by id.",
                  address);
    } else if (status != STORE_OK) {
        tell_error("%s: %s", address, why_text(&why));
    }
    free(address);
    why_free(&why);
    return found;
}

static int pubkey_export(struct context *context)
{
    bool der = argument_given(context->arguments, OPTION_DER);
    int64_t id;
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
    X509 *certificate = id_argument(context->words[0], &id) == 0
                            ? find_by_id(context, id)
                            : find_by_address(context, context->words[0]);
    if (!certificate) {
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

static const struct command pubkey_commands[] = {
    {.name = "import",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "FILE...",
     .summary = "import certificates of other people",
     .details = "Imports every certificate of every file (PEM, DER or PKCS#7; \"-\": standard\n"
                "input). Each refusal is reported with its reason, and the rest goes on. Refused\n"
                "are certificates without a mail address, of a domain or a CA, expired, not yet\n"
                "valid, not for encryption, weak, or for managed addresses. CA certificates that\n"
                "accompany others in a file are passed over.",
     .example = "  smimectl pubkey import bob.pem partner.p7b",
     .run = pubkey_import},
    {.name = "list",
     .max_words = 1,
     .synopsis = "[ADDRESS]",
     .summary = "list public keys, all or those for an address",
     .details =
         "Lists id, addresses, source (imported, or harvested from signed mail), expiry and\n"
         "issuer. With --json also subject, serial number, fingerprint and when the key was\n"
         "first and last seen.",
     .example = "  smimectl pubkey list bob@partner.test",
     .run = pubkey_list_command},
    {.name = "export",
     .min_words = 1,
     .max_words = 1,
     .options = WITH(OPTION_DER) | WITH(OPTION_PEM),
     .synopsis = "ID|ADDRESS [--pem|--der]",
     .summary = "write a certificate to standard output",
     .details = "Writes the certificate with this id, or the one that mail to the address is\n"
                "encrypted with now, as PEM (default) or DER.",
     .example = "  smimectl pubkey export bob@partner.test --der > bob.cer",
     .run = pubkey_export},
    {.name = "delete",
     .min_words = 1,
     .max_words = MAX_FILES,
     .synopsis = "ID...",
     .summary = "delete public keys",
     .details = "Deletes public keys by id. A deleted one is learned again from the next signed\n"
                "mail that carries it, where harvesting is on.",
     .example = "  smimectl pubkey delete 12",
     .run = pubkey_delete},
    {0},
};

const struct command_group pubkey_group = {
    "pubkey", "Other people's certificates, to which mail is encrypted", pubkey_commands};
