/* Looking up a certificate in what the store has of revocation. */
#include "known_revoked.h"

#include "revocation.h"
#include "why.h"

int known_revoked(const struct context *context, struct revocation_inquiry *inquiry,
                  X509 *certificate, char **why)
{
    struct revocation_check check;
    bool evidence = false;
    int rc = 0;
    /* Most issuers have no CRL here; building the chain is what takes time. */
    if (store_has_evidence(context->store, certificate, &evidence, why) != STORE_OK) {
        return -1;
    }
    if (!evidence) {
        return 0;
    }
    inquiry->offline = true;
    if (revocation_check(inquiry, certificate, NULL, CHAIN_ENCRYPT, &check, why) != SMIME_OK) {
        return -1;
    }
    if (check.chain == SIGNATURE_VALID && check.state == REVOCATION_REVOKED) {
        why_set(why, "%s", why_text(&check.sentence));
        rc = 1;
    }
    revocation_check_clear(&check);
    return rc;
}
