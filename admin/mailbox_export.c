/* smimectl mailbox export: a key with its certificate and chain, for the owner of the mailbox. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "command.h"
#include "credential.h"
#include "mailbox_commands.h"
#include "password.h"
#include "private_file.h"
#include "table.h"
#include "tell.h"
#include "why.h"

static int write_identity(const struct context *context, const char *address,
                          const struct identity *identity, const char *path, char **why)
{
    struct password password = {0};
    unsigned char *der = NULL;
    size_t length = 0;
    int rc = -1;
    if (private_file_password(context->arguments, path, &password, why) == 0 &&
        credential_write_pkcs12(identity->key, identity->certificate, identity->chain, address,
                                password.text, &der, &length, why) == CREDENTIAL_OK) {
        rc = private_file_write(path, der, length, why);
    }
    OPENSSL_free(der);
    password_clear(&password);
    return rc;
}

static int report(const struct context *context, const char *address,
                  const struct identity *identity, const char *path)
{
    static const struct column columns[] = {{"mailbox", "mailbox", CELL_TEXT},
                                            {"file", "file", CELL_TEXT},
                                            {"certificates of CAs", "chain", CELL_INTEGER},
                                            {NULL, NULL, CELL_TEXT}};
    struct table *table = table_new(columns);
    int rc = -1;
    if (table) {
        table_text(table, address);
        table_text(table, path);
        int chain = sk_X509_num(identity->chain);
        table_count(table, chain > 0 ? (size_t)chain : 0);
        rc = table_print_record(table, context->json, stdout);
    }
    table_free(&table);
    if (rc) {
        tell_error("the report cannot be written");
    }
    return rc;
}

static int export_identity(struct context *context, const struct mailbox *mailbox, int64_t id)
{
    const char *path = argument_value(context->arguments, OPTION_OUTPUT);
    struct identity identity = {0};
    char *why = NULL;
    int code = EXIT_REFUSED;
    if (access(path, F_OK) == 0) { /* before a password is asked for in vain */
        tell_error("%s exists already, and files with keys are never overwritten", path);
        return EXIT_REFUSED;
    }
    enum store_status status =
        store_mailbox_identity(context->store, mailbox->address, id, &identity, &why);
    if (status != STORE_OK) {
        tell_error("%s: %s", mailbox->address, why_text(&why));
        tell_next("Its keys are listed by: smimectl mailbox show %s", mailbox->address);
    } else if (write_identity(context, mailbox->address, &identity, path, &why)) {
        tell_error("%s", why_text(&why));
    } else {
        code = report(context, mailbox->address, &identity, path) ? EXIT_REFUSED : EXIT_DONE;
    }
    identity_clear(&identity);
    why_free(&why);
    return code;
}

int mailbox_export(struct context *context)
{
    const char *id_text = argument_value(context->arguments, OPTION_ID);
    int64_t id = 0;
    char *why = NULL;
    struct mailbox *mailbox = NULL;
    int code = EXIT_REFUSED;
    if (!argument_given(context->arguments, OPTION_OUTPUT)) {
        tell_error("--output FILE is needed");
        return EXIT_USAGE;
    }
    if (id_text && id_argument(id_text, &id)) {
        tell_error("\"%s\" is no id of a certificate", id_text);
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = canonical_argument(context->words[0]);
    if (!address) {
        return EXIT_REFUSED;
    }
    enum store_status status = store_mailbox_find(context->store, address, &mailbox, &why);
    if (status == STORE_OK) {
        code = export_identity(context, mailbox, id);
    } else {
        mailbox_tell_failure(address, status, &why);
    }
    mailbox_free(&mailbox);
    free(address);
    why_free(&why);
    return code;
}
