/* Enrolments: which CA, and how they begin. */
#include "enrol.h"

#include <stdlib.h>
#include <string.h>

#include "cmp_ca.h"
#include "csr.h"
#include "subject_template.h"
#include "why.h"

#define DAY_S (24 * 60 * 60)

/* ---- The CA ---- */

const struct cmp_setting *enrol_ca_named(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->cmp_count; i++)
        if (strcmp(settings->cmp[i].name, name) == 0)
            return &settings->cmp[i];
    return NULL;
}

static bool issues_for(const struct settings *settings, const struct cmp_setting *ca,
                       const char *address)
{
    return ca->domains.count == 0 ||
           pattern_list_matches(&ca->domains, address, settings->recipient_delimiter);
}

const struct cmp_setting *enrol_ca_for(const struct settings *settings, const char *address)
{
    for (size_t i = 0; i < settings->cmp_count; i++)
        if (issues_for(settings, &settings->cmp[i], address))
            return &settings->cmp[i];
    return NULL;
}

int enrol_ca_check(const struct cmp_setting *ca, char **why)
{
    struct cmp_ca *opened = cmp_ca_open(ca, why);
    X509_NAME *subject = NULL;
    int rc = -1;

    if (!opened)
        return -1;
    if (ca->subject[0] != '\0' && !(subject = subject_from_template(ca->subject, "a@b.c", why)))
        why_prefix(why, "CA \"%s\": subject", ca->name);
    else
        rc = 0;
    X509_NAME_free(subject);
    cmp_ca_free(&opened);
    return rc;
}

/* ---- Beginning ---- */

/* The mailbox, which has to be there, and for an update a key that signs. */
static enum store_status find_mailbox(struct store *store, const char *address,
                                      enum enrolment_kind kind, struct mailbox **out, char **why)
{
    enum store_status status = store_mailbox_find(store, address, out, why);

    if (status == STORE_NONE)
        why_set(why, "there is no mailbox %s", address);
    else if (status == STORE_OK && (*out)->requested != 0)
        why_set(why, "a request is pending already for %s", (*out)->address);
    else if (status == STORE_OK && kind == ENROLMENT_UPDATE && (*out)->certificate_id == 0)
        why_set(why, "%s has no certificate yet that could be renewed", (*out)->address);
    else
        return status;
    return STORE_REFUSED;
}

/* The request for all addresses of a mailbox: DER in *der_out (OPENSSL_free()). */
static enum store_status make_request(const struct cmp_setting *ca, const struct mailbox *mailbox,
                                      EVP_PKEY *key, unsigned char **der_out, size_t *length_out,
                                      char **why)
{
    const char **addresses = calloc(mailbox->alias_count + 1, sizeof *addresses);
    X509_NAME *subject = NULL;
    enum store_status status = STORE_REFUSED;

    if (!addresses) {
        why_set(why, "out of memory");
        return STORE_ERROR;
    }
    addresses[0] = mailbox->address;
    for (size_t i = 0; i < mailbox->alias_count; i++)
        addresses[i + 1] = mailbox->aliases[i];
    if (ca->subject[0] == '\0' ||
        (subject = subject_from_template(ca->subject, mailbox->address, why)) != NULL)
        status =
            csr_make(key, subject, addresses, mailbox->alias_count + 1, der_out, length_out, why);
    X509_NAME_free(subject);
    free(addresses);
    return status;
}

enum store_status enrol_begin(struct store *store, const struct settings *settings,
                              const struct cmp_setting *ca, const char *address,
                              enum enrolment_kind kind, time_t now, char **why)
{
    struct mailbox *mailbox = NULL;
    EVP_PKEY *key = NULL;
    unsigned char *der = NULL;
    size_t length = 0;
    enum store_status status = find_mailbox(store, address, kind, &mailbox, why);

    if (status == STORE_OK && !issues_for(settings, ca, mailbox->address)) {
        why_set(why, "the CA \"%s\" does not issue for %s", ca->name, mailbox->address);
        status = STORE_REFUSED;
    }
    if (status == STORE_OK)
        status = new_key_make(ca->key, &key, why);
    if (status == STORE_OK)
        status = make_request(ca, mailbox, key, &der, &length, why);
    if (status == STORE_OK)
        status = store_enrolment_begin(store, mailbox->address, ca->name, kind, key, der, length,
                                       now + (time_t)ca->give_up_days * DAY_S, now, why);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    mailbox_free(&mailbox);
    return status;
}
