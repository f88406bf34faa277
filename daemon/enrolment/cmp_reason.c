/* Sentences from OpenSSL's errors and from what a CA said. */
#include "cmp_reason.h"

#include <string.h>

#include <openssl/cmperr.h>
#include <openssl/err.h>

#include "why.h"

#define STATUS_BYTES 1024 /* OSSL_CMP_PKISI_BUFLEN */
#define TEXT_BYTES 512    /* of a sentence; longer ones are cut */

/* Put what one error says behind the others. */
static void add_reason(char text[TEXT_BYTES], unsigned long error, const char *data)
{
    const char *reason = ERR_reason_error_string(error);
    size_t length = strlen(text);

    if (!reason)
        return;
    BIO_snprintf(text + length, TEXT_BYTES - length, "%s%s%s%s%s", length > 0 ? "; " : "", reason,
                 data[0] != '\0' ? " (" : "", data, data[0] != '\0' ? ")" : "");
}

void cmp_reason_take(const char *doing, struct cmp_errors *out, char **why)
{
    char text[TEXT_BYTES] = "";
    unsigned long error;
    const char *data = "";
    int flags = 0;

    *out = (struct cmp_errors){false};
    while ((error = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        bool cmp = ERR_GET_LIB(error) == ERR_LIB_CMP;

        if (cmp && ERR_GET_REASON(error) == CMP_R_RECEIVED_ERROR)
            out->received_error = true;
        if (cmp && ERR_GET_REASON(error) == CMP_R_REQUEST_REJECTED_BY_SERVER)
            out->rejected = true;
        add_reason(text, error, flags & ERR_TXT_STRING ? data : "");
    }
    out->any = text[0] != '\0';
    why_set(why, "%s: %s", doing, out->any ? text : "no reason given");
}

void cmp_reason_status(const OSSL_CMP_CTX *context, char **why)
{
    char text[STATUS_BYTES];
    const char *status = OSSL_CMP_CTX_snprint_PKIStatus(context, text, sizeof text);

    why_set(why, "the CA says %s", status ? status : "no");
}
