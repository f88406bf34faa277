/* How mail to a recipient is signed: his profile, and what our key can do under it. */
#ifndef DAEMON_RECIPIENT_SIGNATURE_H
#define DAEMON_RECIPIENT_SIGNATURE_H

#include "plan.h"
#include "settings.h"
#include "store.h"

/* Set the recipient's profile and what it hides from his decision, and how `identity` (certificate
 * NULL: there is none) signs under it. Returns whether it can; where an identity cannot, *why says
 * why not. */
bool recipient_signature(const struct settings *settings, const struct identity *identity,
                         struct recipient *recipient, char **why);

#endif
