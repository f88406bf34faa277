/* Header protection of what goes out: the fields of a message, copied into its payload before that
 * is signed and encrypted (RFC 9788 section 5.2). */
#ifndef SMIME_PROTECTION_H
#define SMIME_PROTECTION_H

#include <stdbool.h>

#include "header.h"

#define PROTECTION_PARAMETER "hp"   /* RFC 9788 section 2.1.1 */
#define PROTECTION_OUTER "HP-Outer" /* section 2.2 */
#define PROTECTION_SUBJECT " [...]" /* what is seen of a hidden Subject: section 3.2.1 */
#define PROTECTION_OLD_PARAMETER                                                                   \
    "protected-headers" /* of draft-autocrypt-lamps-protected-headers */

/* What of the header an encrypted message lets be seen (a header confidentiality policy, RFC 9788
 * section 3). */
enum confidentiality {
    CONFIDENTIALITY_NONE,     /* everything */
    CONFIDENTIALITY_BASELINE, /* hcp_baseline: no Subject, Comments, Keywords; and no Thread-Topic,
                                 in which Outlook repeats the Subject */
};

enum exposure {
    EXPOSURE_SAME,     /* the field stays as it is */
    EXPOSURE_OBSCURED, /* its value becomes PROTECTION_SUBJECT */
    EXPOSURE_REMOVED,
};
enum exposure protection_exposure(enum confidentiality policy, const char *name);

/* Does a field of this name go into the payload? Not structural ones (Content-*, MIME-Version),
 * Bcc, nor what is written on the way of a message or says what became of it: trace fields,
 * signatures and results of other filters, Resent-*, X-Smimed*. */
bool protection_takes(const char *name);

/* What stands in the payload in front of its content fields. */
struct protection {
    struct header fields; /* as protection_takes(), and when encrypted HP-Outer for each one seen */
    const char *mode;     /* of the parameter: "clear", "cipher" */
    bool clean; /* all of it is 7-bit and of lines that any transport keeps, and the Content-Type of
                   the message can take a parameter */
};

/* Protect the header of a message that is going to be signed only, or encrypted. Returns 0 with
 * *out filled (protection_clear()), -1 out of memory. */
int protection_make(const struct header *message, bool encrypted, enum confidentiality policy,
                    struct protection *out);
void protection_clear(struct protection *protection);

/* Mark the content fields in `content` (which have a Content-Type) as those of a payload, and put
 * the protected ones in front. Returns 0; 1 when the Content-Type is so malformed that it takes no
 * parameter; -1 out of memory. */
int protection_apply(const struct protection *protection, struct header *content);

/* Take the marks off the content fields of a payload that is one no more. Returns 0, -1 out of
 * memory. */
int protection_unmark(struct header *content);

#endif
