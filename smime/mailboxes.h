/* Addresses in header fields (RFC 5322 section 3.4). */
#ifndef SMIME_MAILBOXES_H
#define SMIME_MAILBOXES_H

#include <stddef.h>

#include "header.h"

struct mailboxes {
    char **items; /* canonical addr-specs */
    size_t count;
};

/* The one author of a message: exactly one From field with exactly one mailbox, no group, nothing
 * left over or ambiguous (NUL, bare control characters, a display name is never taken for the
 * address). Returns 0 with a new string in *canonical_out, -1 with a sentence (so no signature can
 * be said to be From's). */
int mailboxes_from(const struct header *header, char **canonical_out, char **why);

/* All addresses of every field called `name` (To, Cc, Sender), groups expanded; what cannot be read
 * is passed over. Returns 0, -1 out of memory. */
int mailboxes_of(const struct header *header, const char *name, struct mailboxes *out);

/* The same, and whatever else in these fields looks like an address, wherever it stands: all that
 * some program could show as the author. An address may be there twice. Returns 0, -1 out of
 * memory.
 */
int mailboxes_mentioned(const struct header *header, const char *name, struct mailboxes *out);
void mailboxes_clear(struct mailboxes *mailboxes);

#endif
