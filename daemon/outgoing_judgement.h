/* What is known of an outgoing message, and what each of its recipients is to get (DESIGN sections
 * 2 and 4). */
#ifndef DAEMON_OUTGOING_JUDGEMENT_H
#define DAEMON_OUTGOING_JUDGEMENT_H

#include <time.h>

#include "choice.h"
#include "flow_parts.h"
#include "mailboxes.h"
#include "revocation.h"
#include "sender.h"

struct judgement {
    struct gateway *gateway; /* these four are set by the caller */
    struct transaction *transaction;
    const struct smime_progress *progress;
    time_t now;
    struct revocation_inquiry inquiry;
    char *obstacles; /* why keys that there are were not used: each in a sentence; NULL: none */
    struct authority authority;
    struct mailboxes authors; /* whose rules count where nobody has authority */
    struct identity identity; /* certificate NULL: cannot sign */
    char *unsigned_reason;    /* why it cannot */
    const char *exemption;    /* why it is left unsigned where no rule forces it; NULL: it is not */
    struct choice choice;     /* the sender's own; counts if he is authorised */
    bool from_has_certificate; /* one of them, whoever writes: chooses the default */
    bool sender_has_certificate;
    enum smime_kind kind;
};

/* Judge the message and all its recipients: their decision, transform, choice, blind and, where
 * they have to be refused, reply. Returns 0, 1 when its authors cannot be looked at (authors.h), -1
 * for an error of ours (*why); judgement_clear() in any case. */
int judgement_make(struct judgement *judgement, char **why);
void judgement_clear(struct judgement *judgement);

/* Does the rule, or the sender, of any recipient ask for a signature that is still to be made? */
bool judgement_wants_signature(const struct judgement *judgement);

/* Is the message left unsigned for this recipient although his rule asks for a signature? */
bool judgement_leaves_unsigned(const struct judgement *judgement,
                               const struct recipient *recipient);

#endif
