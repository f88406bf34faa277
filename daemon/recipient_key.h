/* Is there a public key to encrypt to a recipient with? Known ones first; where none is or fits,
 * the directories are asked, if whoever sends has the right to. */
#ifndef DAEMON_RECIPIENT_KEY_H
#define DAEMON_RECIPIENT_KEY_H

#include <stdbool.h>
#include <time.h>

#include "encryption_choice.h"
#include "gateway.h"
#include "revocation_inquiry.h"
#include "transaction.h"

enum recipient_key {
    RECIPIENT_KEY_KNOWN,
    RECIPIENT_KEY_NONE,
    RECIPIENT_KEY_UNTRUSTED, /* signed mail brought one, for which no anchor vouches now; *why */
    RECIPIENT_KEY_UNFIT,     /* there is one, which the profile does not allow; *why */
    RECIPIENT_KEY_LATER,     /* a directory that may have one cannot be asked: defer the message */
    RECIPIENT_KEY_ERROR,     /* ours, or it cannot be found out now whether it was revoked; *why */
};

/* Look for the key of an external recipient whose outgoing mode encrypts, one that fits his
 * profile. `may_ask`: directories
 * may be asked on behalf of this sender. What they said is noted in transaction->lookups, and the
 * time that it took taken from what the message has for it. With an inquiry (NULL: none) it is
 * asked as well whether the certificate was revoked. `progress` may be NULL. With
 * RECIPIENT_KEY_KNOWN *out (may be NULL) is the certificate that was checked: X509_free(); and
 * *choice_out says how it is to be used. */
enum recipient_key recipient_key_find(struct gateway *gateway, struct transaction *transaction,
                                      const struct recipient *recipient, bool may_ask, time_t now,
                                      struct revocation_inquiry *inquiry,
                                      const struct smime_progress *progress, X509 **out,
                                      struct encryption_choice *choice_out, char **why);

#endif
