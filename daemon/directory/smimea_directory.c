/* Asking the DNS for SMIMEA records. */
#include "smimea_directory.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "dns_query.h"
#include "smimea.h"
#include "why.h"

/* One record: a finding, with or without a certificate. Returns 0, -1 out of memory. */
static int take_record(const struct settings *settings, const struct dns_data *data,
                       struct answer *answer)
{
    struct smimea record;
    X509 *certificate = NULL;
    bool needs_anchor = false;
    char *reason = NULL;
    struct finding *finding = NULL;
    if (smimea_read(data->bytes, data->length, &record, &reason) == 0) {
        if (record.length > (size_t)settings->max_directory_certificate_bytes)
            why_set(&reason, "%zu bytes are more than max_directory_certificate_bytes",
                    record.length);
        else
            smimea_certificate(&record, &certificate, &needs_anchor, &reason);
    }
    finding = answer_add(answer, certificate, reason);
    if (finding != NULL)
        finding->needs_anchor = needs_anchor;
    X509_free(certificate);
    why_free(&reason);
    return finding != NULL ? 0 : -1;
}

/* Returns 0, -1 for an error of ours. */
static int ask_name(const struct settings *settings, const char *owner, struct deadline deadline,
                    struct answer *answer, char **why)
{
    const struct dns_options options = {
        .resolvers = settings->dns_resolvers.items,
        .resolver_count = settings->dns_resolvers.count,
        .trust_anchor = settings->dns_trust_anchor,
        .max_records = (size_t)settings->max_directory_certificates,
    };
    struct dns_records records = {NULL, 0};
    char *reason = NULL;
    int rc = 0;
    switch (dns_query(&options, owner, SMIMEA_TYPE, deadline, &records, &reason)) {
    case DNS_SECURE:
        why_free(&answer->reason);
        for (size_t i = 0; rc == 0 && i < records.count; i++)
            rc = take_record(settings, &records.items[i], answer);
        if (rc != 0)
            why_set(why, "out of memory");
        break;
    case DNS_UNAVAILABLE:
    case DNS_ERROR: /* what the administrator has to put right is no different to the message */
        answer->status = ANSWER_UNAVAILABLE;
        why_set(&answer->reason, "%s", why_text(&reason));
        break;
    case DNS_NOTHING:
    case DNS_INSECURE:
        why_set(&answer->reason, "%s", why_text(&reason));
        break;
    }
    dns_records_clear(&records);
    why_free(&reason);
    return rc;
}

/* Returns 0, -1 for an error of ours. What has no name in the DNS has no record there. */
static int ask_text(const struct settings *settings, const char *text, const char *domain,
                    struct deadline deadline, struct answer *answer, char **why)
{
    char *local = NULL;
    char *owner = NULL;
    size_t length = 0;
    int rc = -1;
    if (address_local_content(text, strlen(text), &local, &length) != ADDRESS_OK) {
        why_set(why, "out of memory");
        return -1;
    }
    owner = smimea_owner(local, length, domain, &answer->reason);
    rc = owner != NULL ? ask_name(settings, owner, deadline, answer, why) : 0;
    free(owner);
    free(local);
    return rc;
}

/* Was the local part written with capitals? What has no '@' or is otherwise no address was
 * completed by the MTA and is asked for in its canonical form only. */
static bool differs(const char *written, const char *address)
{
    char *content = NULL;
    char *canonical = NULL;
    size_t content_length = 0;
    size_t canonical_length = 0;
    bool result = false;
    if (written != NULL &&
        address_local_content(written, strlen(written), &content, &content_length) == ADDRESS_OK &&
        address_local_content(address, strlen(address), &canonical, &canonical_length) ==
            ADDRESS_OK)
        result =
            content_length != canonical_length || memcmp(content, canonical, content_length) != 0;
    free(content);
    free(canonical);
    return result;
}

int smimea_directory_ask(const struct settings *settings, const char *address, const char *written,
                         struct deadline deadline, struct answer *answer, char **why)
{
    const char *domain = address_domain(address);
    int rc = 0;
    if (differs(written, address))
        rc = ask_text(settings, written, domain, deadline, answer, why);
    if (rc == 0 && answer->status == ANSWER_NOTHING)
        rc = ask_text(settings, address, domain, deadline, answer, why);
    return rc;
}
