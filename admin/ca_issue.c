/* smimectl ca issue: certificates for mailboxes, one or many, and for somebody's request. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "bulk.h"
#include "ca_commands.h"
#include "certificate.h"
#include "command.h"
#include "csr.h"
#include "input.h"
#include "iso8601.h"
#include "mailbox_commands.h"
#include "mailbox_file.h"
#include "mailbox_listing.h"
#include "mailbox_targets.h"
#include "public_file.h"
#include "table.h"
#include "tell.h"
#include "why.h"

#define PEM_NAME "CERTIFICATE"
#define DAY_S (24 * 60 * 60)

enum { ISSUED, PASSED_OVER };
static const char *const outcomes[] = {"issued", "passed over", NULL};

/* What is to be issued to each. */
struct issue {
    struct context *context;
    const char *kind; /* of keys */
    bool separate;
    bool inactive_only;
    int days;
};

/* ---- One mailbox ---- */

static enum store_status make_keys(const struct issue *issue, EVP_PKEY **key, EVP_PKEY **encryption,
                                   char **why)
{
    enum store_status status = new_key_make(issue->kind, key, why);
    if (status == STORE_OK && issue->separate) {
        status = new_key_make(issue->kind, encryption, why);
    }
    return status;
}

/* Asked first: making a key takes its time. */
static enum store_status look(const struct issue *issue, const char *address, bool *passed_over,
                              char **why)
{
    struct mailbox *mailbox = NULL;
    if (!context_manages(issue->context, address)) {
        why_set(why, "%s is not in a managed domain", address);
        return STORE_REFUSED;
    }
    enum store_status status = store_mailbox_find(issue->context->store, address, &mailbox, why);
    if (status == STORE_NONE) {
        why_set(why, "there is no such mailbox; it is added by: smimectl mailbox add");
        status = STORE_REFUSED;
    }
    *passed_over = status == STORE_OK && issue->inactive_only && mailbox->state != MAILBOX_INACTIVE;
    mailbox_free(&mailbox);
    return status;
}

static enum store_status issue_to(const struct issue *issue, const char *address, bool *passed_over,
                                  char **why)
{
    EVP_PKEY *key = NULL, *encryption = NULL;
    enum store_status status = look(issue, address, passed_over, why);
    if (status != STORE_OK || *passed_over) {
        return status;
    }
    status = make_keys(issue, &key, &encryption, why);
    if (status == STORE_OK) {
        status = store_ca_issue(issue->context->store, address, key, encryption, issue->days,
                                issue->context->now, why);
    }
    EVP_PKEY_free(encryption);
    EVP_PKEY_free(key);
    return status;
}

static int issue_single(const struct issue *issue)
{
    struct context *context = issue->context;
    char *why = NULL;
    bool passed_over = false;
    int code = EXIT_REFUSED;
    char *address = canonical_argument(context->words[0]);
    if (!address) {
        return EXIT_REFUSED;
    }
    if (issue_to(issue, address, &passed_over, &why) != STORE_OK) {
        tell_error("%s: %s", address, why_text(&why));
        tell_next("Nothing was changed.");
    } else {
        if (passed_over) {
            tell_note("%s is not inactive: nothing was issued", address);
        }
        code = mailbox_show_one(context, address) ? EXIT_REFUSED : EXIT_DONE;
    }
    free(address);
    why_free(&why);
    return code;
}

/* ---- Many ---- */

static void issue_one_of_many(const struct issue *issue, struct bulk *bulk, size_t line,
                              const char *address)
{
    char *why = NULL;
    bool passed_over = false;
    if (issue_to(issue, address, &passed_over, &why) == STORE_OK) {
        bulk_count(bulk, passed_over ? PASSED_OVER : ISSUED);
    } else {
        bulk_fail(bulk, line, address, why_text(&why));
    }
    why_free(&why);
}

static void issue_target(void *data, struct bulk *bulk, const struct target *target)
{
    issue_one_of_many(data, bulk, 0, target->address);
}

static int issue_targets(struct issue *issue)
{
    return targets_each(issue->context, outcomes, "failed", issue_target, issue);
}

static int issue_file(const struct issue *issue)
{
    struct context *context = issue->context;
    const char *path = argument_value(context->arguments, OPTION_FROM_FILE);
    struct mailbox_file file = {0};
    struct bulk *bulk = NULL;
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (mailbox_file_read(path, &file, &why)) {
        tell_error("%s: %s", path, why_text(&why));
    } else {
        bulk = bulk_new(context, outcomes, "failed", path, file.count);
    }
    for (size_t i = 0; bulk && i < file.count; i++) {
        if (file.rows[i].reason) {
            bulk_fail(bulk, file.rows[i].line, NULL, why_text(&file.rows[i].reason));
        } else {
            issue_one_of_many(issue, bulk, file.rows[i].line, file.rows[i].address);
        }
    }
    if (bulk) {
        code = bulk_finish(&bulk);
    }
    mailbox_file_clear(&file);
    why_free(&why);
    return code;
}

/* ---- A request ---- */

static int read_request(const char *path, X509_REQ **out, char **why)
{
    struct input input = {NULL, 0};
    int rc = -1;
    if (input_read(path, &input, why) == 0) {
        rc = csr_read(input.bytes, input.length, out, why) == STORE_OK ? 0 : -1;
        if (rc) {
            why_prefix(why, "%s", path);
        }
    }
    input_clear(&input);
    return rc;
}

static int write_certificate(const struct context *context, const char *address, X509 *certificate,
                             char **why)
{
    const char *path = argument_value(context->arguments, OPTION_OUTPUT);
    unsigned char *der = NULL;
    int length = i2d_X509(certificate, &der);
    char *pem = length > 0 ? pem_of(PEM_NAME, der, (size_t)length) : NULL;
    int rc = -1;
    if (!pem) {
        why_set(why, "out of memory");
    } else if (context->json) {
        json_t *object = certificate_json(certificate);
        if (!object || json_object_set_new(object, "mailbox", json_text(address)) ||
            json_object_set_new(object, "certificate", json_text(pem))) {
            json_decref(object);
            object = NULL;
        }
        rc = json_write(object, stdout);
    } else {
        rc = public_write(path, PEM_NAME, der, (size_t)length,
                          argument_given(context->arguments, OPTION_DER), why);
    }
    OPENSSL_free(pem);
    OPENSSL_free(der);
    return rc;
}

static int certify(const struct issue *issue, const char *address)
{
    struct context *context = issue->context;
    X509_REQ *request = NULL;
    X509 *certificate = NULL;
    char *why = NULL, *serial = NULL;
    int code = EXIT_REFUSED;
    if (read_request(argument_value(context->arguments, OPTION_CSR), &request, &why)) {
        tell_error("%s", why_text(&why));
        goto out;
    }
    if (store_ca_certify(context->store, address, request, issue->days, context->now, &certificate,
                         &why) != STORE_OK) {
        tell_error("%s: %s", address, why_text(&why));
        goto out;
    }
    if (write_certificate(context, address, certificate, &why)) {
        serial = certificate_serial(certificate);
        tell_error("the certificate was issued, but cannot be written: %s", why_text(&why));
        tell_next("If it is not to be used: smimectl ca revoke --serial %s",
                  serial ? serial : "SERIAL");
        goto out;
    }
    code = EXIT_DONE;
out:
    OPENSSL_free(serial);
    X509_free(certificate);
    X509_REQ_free(request);
    why_free(&why);
    return code;
}

static int issue_request(const struct issue *issue)
{
    char *address = mailbox_managed_argument(issue->context, issue->context->words[0]);
    int code = address ? certify(issue, address) : EXIT_REFUSED;
    free(address);
    return code;
}

/* ---- The command ---- */

static int check_usage(const struct context *context)
{
    const struct arguments *arguments = context->arguments;
    bool csr = argument_given(arguments, OPTION_CSR);
    bool file = argument_given(arguments, OPTION_FROM_FILE);
    const char *state = argument_value(arguments, OPTION_STATE);
    if (csr &&
        (context->word_count != 1 || file || state || argument_given(arguments, OPTION_KEY) ||
         argument_given(arguments, OPTION_SEPARATE))) {
        tell_error("--csr FILE goes with one address, and brings its own key");
        return -1;
    }
    if (!csr &&
        (argument_given(arguments, OPTION_OUTPUT) || argument_given(arguments, OPTION_DER))) {
        tell_error("--output and --der go with --csr; what is issued here stays in the store");
        return -1;
    }
    if (context->json &&
        (argument_given(arguments, OPTION_OUTPUT) || argument_given(arguments, OPTION_DER))) {
        tell_error("--json writes PEM to standard output, without --output and --der");
        return -1;
    }
    if (file == (context->word_count > 0)) {
        tell_error("either addresses are needed, or --from-file FILE");
        return -1;
    }
    if (state && strcmp(state, "inactive") != 0) {
        tell_error("--state can only be inactive: all others are passed over");
        return -1;
    }
    return 0;
}

/* That certificates will be shorter-lived than asked for is told once. */
static int check_ca(struct context *context, int days)
{
    struct ca_list chosen = {0};
    if (ca_chosen(context, &chosen)) {
        return -1;
    }
    char day[ISO8601_BYTES];
    time_t ends = certificate_not_after(chosen.items[0].certificate);
    if (ends >= context->now && ends < context->now + (time_t)days * DAY_S - CA_BACKDATE_S) {
        iso8601_date(ends, day);
        tell_note("what is issued now runs out with the CA, on %s", day);
    }
    ca_list_clear(&chosen);
    return 0;
}

int ca_issue(struct context *context)
{
    const char *kind = argument_value(context->arguments, OPTION_KEY);
    struct issue issue = {
        .context = context,
        .kind = kind ? kind : NEW_KEY_DEFAULT,
        .separate = argument_given(context->arguments, OPTION_SEPARATE),
        .inactive_only = argument_given(context->arguments, OPTION_STATE),
    };
    if (check_usage(context) ||
        ca_days(context, CA_CERTIFICATE_DEFAULT_DAYS, CA_CERTIFICATE_MAX_DAYS, &issue.days)) {
        return EXIT_USAGE;
    }
    if (context_store(context) || check_ca(context, issue.days)) {
        return EXIT_REFUSED;
    }
    if (argument_given(context->arguments, OPTION_CSR)) {
        return issue_request(&issue);
    }
    if (argument_given(context->arguments, OPTION_FROM_FILE)) {
        return issue_file(&issue);
    }
    bool single = context->word_count == 1 && !target_is_pattern(context->words[0]);
    return single ? issue_single(&issue) : issue_targets(&issue);
}
