/* The key and certificate that sign as an author. */
#include "signing_identity.h"

#include "signer_address.h"
#include "why.h"

enum store_status signing_identity_find(struct store *store, const char *address, time_t now,
                                        struct identity *out, char **why)
{
    enum store_status status = store_signing_identity(store, address, now, out, why);
    int named;
    if (status != STORE_OK)
        return status;
    /* Every reader asks the same, and says otherwise that somebody else has signed. */
    named = signer_names(out->certificate, address);
    if (named == 1)
        return STORE_OK;
    identity_clear(out);
    if (named < 0)
        why_set(why, "out of memory");
    else
        why_set(why, "the certificate of the mailbox does not name %s", address);
    return named < 0 ? STORE_ERROR : STORE_NONE;
}
