/* How mail to a recipient is signed. */
#include "recipient_signature.h"

#include "profile_policy.h"

bool recipient_signature(const struct settings *settings, const struct identity *identity,
                         struct recipient *recipient, char **why)
{
    struct signing_policy policy;
    recipient->profile = profile_decided(settings, &recipient->decision);
    recipient->confidentiality = profile_confidentiality(settings, recipient->profile);
    recipient->signing = (struct signing_choice){.scheme = SIGN_PKCS1};
    if (identity->certificate == NULL)
        return false;
    profile_signing_policy(recipient->profile, &policy);
    return signing_choose(identity->key, &policy, &recipient->signing, why) == 0;
}
