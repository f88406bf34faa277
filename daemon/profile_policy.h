/* A profile of the configuration as the S/MIME functions take it. */
#ifndef DAEMON_PROFILE_POLICY_H
#define DAEMON_PROFILE_POLICY_H

#include "encryption_choice.h"
#include "profile.h"
#include "protection.h"
#include "rules.h"
#include "settings.h"
#include "signing_choice.h"

/* The profile for a recipient of outgoing mail: that of his rules, else of the setting. Never NULL
 * in a configuration that was read. */
const struct profile *profile_decided(const struct settings *settings,
                                      const struct decision *decision);

void profile_encryption_policy(const struct profile *profile, struct encryption_policy *out);
void profile_signing_policy(const struct profile *profile, struct signing_policy *out);

/* What encrypted mail under this profile hides of its header. */
enum confidentiality profile_confidentiality(const struct settings *settings,
                                             const struct profile *profile);

#endif
