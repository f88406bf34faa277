/* What OpenSSL last complained about. */
#include "openssl_reason.h"

#include <openssl/err.h>

const char *openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason != NULL ? reason : "no reason given";
}
