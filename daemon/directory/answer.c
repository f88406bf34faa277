/* Collecting what a directory said. */
#include "answer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "credential.h"
#include "why.h"

const char *answer_status_name(enum answer_status status)
{
    switch (status) {
    case ANSWER_NOTHING:
        return "nothing";
    case ANSWER_FOUND:
        return "found";
    case ANSWER_UNAVAILABLE:
        return "unavailable";
    }
    return "unknown";
}

struct finding *answer_add(struct answer *answer, X509 *certificate, const char *reason)
{
    struct finding *grown = reallocarray(answer->findings, answer->count + 1, sizeof *grown);
    struct finding *added;
    if (grown == NULL)
        return NULL;
    answer->findings = grown;
    added = &grown[answer->count];
    *added = (struct finding){.reason = reason != NULL ? strdup(reason) : NULL};
    if (reason != NULL && added->reason == NULL)
        return NULL;
    if (certificate != NULL) {
        X509_up_ref(certificate);
        added->certificate = certificate;
        answer->status = ANSWER_FOUND;
    }
    answer->count++;
    return added;
}

static size_t certificate_count(const struct answer *answer)
{
    size_t count = 0;
    for (size_t i = 0; i < answer->count; i++)
        count += answer->findings[i].certificate != NULL;
    return count;
}

static bool is_known(const struct answer *answer, X509 *certificate)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->findings[i].certificate != NULL &&
            X509_cmp(answer->findings[i].certificate, certificate) == 0)
            return true;
    return false;
}

static int add_accompanying(struct answer *answer, X509 *certificate, size_t max_certificates)
{
    if (answer->accompanying == NULL)
        answer->accompanying = sk_X509_new_null();
    if (answer->accompanying == NULL)
        return -1;
    if ((size_t)sk_X509_num(answer->accompanying) >= max_certificates)
        return 0;
    return X509_add_cert(answer->accompanying, certificate,
                         X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1
               ? 0
               : -1;
}

static int add_certificate(struct answer *answer, X509 *certificate, bool in_bundle,
                           size_t max_certificates)
{
    if (in_bundle && X509_check_ca(certificate) == 1)
        return add_accompanying(answer, certificate, max_certificates);
    if (is_known(answer, certificate))
        return 0;
    if (certificate_count(answer) >= max_certificates)
        return answer_add(answer, NULL, "passed over: more than max_directory_certificates") ? 0
                                                                                             : -1;
    return answer_add(answer, certificate, NULL) ? 0 : -1;
}

int answer_add_value(struct answer *answer, const unsigned char *bytes, size_t length,
                     size_t max_bytes, size_t max_certificates)
{
    STACK_OF(X509) *read = NULL;
    char *why = NULL;
    int rc = 0;
    enum credential_status status = CREDENTIAL_REFUSED;
    /* Thousands of values must not become thousands of findings. */
    if (answer->count > 2 * max_certificates)
        return 0;
    if (length > max_bytes)
        why_set(&why, "%zu bytes are more than max_directory_certificate_bytes", length);
    else
        status = certificates_read(bytes, length, &read, &why);
    if (status == CREDENTIAL_ERROR)
        rc = -1;
    else if (status != CREDENTIAL_OK)
        rc = answer_add(answer, NULL, why_text(&why)) != NULL ? 0 : -1;
    for (int i = 0; rc == 0 && i < sk_X509_num(read); i++)
        rc = add_certificate(answer, sk_X509_value(read, i), sk_X509_num(read) > 1,
                             max_certificates);
    sk_X509_pop_free(read, X509_free);
    why_free(&why);
    return rc;
}

void answer_clear(struct answer *answer)
{
    for (size_t i = 0; i < answer->count; i++) {
        X509_free(answer->findings[i].certificate);
        free(answer->findings[i].reason);
    }
    free(answer->findings);
    sk_X509_pop_free(answer->accompanying, X509_free);
    free(answer->source);
    free(answer->reason);
    *answer = (struct answer){0};
}
