/* Header protection of what came in: the protected header of a message's payload, and what of it
 * shall stand in the message (RFC 9788 section 4).
 *
 * The payload is what is directly within all S/MIME layers of the message; marks in its parts mean
 * nothing. From is never replaced: a filter before us has judged the one that stands outside. */
#ifndef SMIME_RESTORED_H
#define SMIME_RESTORED_H

#include <stdbool.h>

#include "header.h"

#define RESTORED_NAMES 12          /* of fields that can be replaced */
#define RESTORED_SHOWN_MAX 64      /* fields that restored_shown() names */
#define RESTORED_FIELDS_MAX 16     /* of one name; further ones are left out */
#define RESTORED_FIELD_BYTES 16384 /* longer ones are not restored */

enum protection_form {
    PROTECTION_FORM_NONE,
    PROTECTION_FORM_CLEAR,   /* hp="clear": all of the header was seen outside when it was sent */
    PROTECTION_FORM_CIPHER,  /* hp="cipher": HP-Outer tells what was */
    PROTECTION_FORM_OLD,     /* protected-headers="v1", before RFC 9788 */
    PROTECTION_FORM_WRAPPED, /* a whole message within message/rfc822 (RFC 8551 section 3.1) */
};
const char *protection_form_name(enum protection_form form); /* "cipher"; "protected-headers" */

struct restored {
    enum protection_form form;
    bool from_differs; /* the protected From is somebody else: nothing is replaced */
    /* In the message, all fields of these names are replaced by those of `fields` (which may have
     * none of that name). */
    const char *names[RESTORED_NAMES];
    size_t name_count;
    struct header fields;
    char *confidential; /* names of the fields that were encrypted and not seen outside: "Subject,
                           Keywords"; NULL: none */
    char *differing;    /* names of those that differ and are left as they are: no good signature
                           vouches for them, or they cannot stand in a message; NULL: none */
};

/* What speaks for a payload. */
enum payload_trust {
    PAYLOAD_UNKNOWN,   /* readable by all, and not signed, or not well: nothing is replaced */
    PAYLOAD_DECRYPTED, /* it was encrypted, but anybody could have done that: Subject, Comments
                          and Keywords, which tell the reader what was hidden. With
                          PROTECTION_FORM_CIPHER also all of the next but Thread-Topic: whoever
                          sends a copy on could have added himself to the Cc outside, and an answer
                          would bring him the text (RFC 9788 section 6.2) */
    PAYLOAD_SIGNED,    /* all signatures are valid and From's: also Thread-Topic, To, Cc, Reply-To,
                          Followup-To, Mail-Followup-To, In-Reply-To, References and Date. What was
                          added outside is taken away, but Date */
};

/* Compare the header of `message` with that of its payload. `out` has form and from_differs; the
 * rest is filled here. Returns 0, -1 out of memory. */
int restored_compare(const struct header *message, const struct header *payload,
                     enum payload_trust trust, bool decrypted, struct restored *out);
/* The fields of the payload that a reader sees in the message, once it is as `restored` says: what
 * else shows them need not. Returns 0, -1 out of memory. */
int restored_shown(const struct header *message, const struct header *payload,
                   const struct restored *restored, struct header *out);
/* All of it for people and programs: "cipher; restored=Subject,Cc; confidential=Subject;
 * differing=To", or "clear; from=differs". A new string; NULL when out of memory. */
char *restored_text(const struct restored *restored);
void restored_clear(struct restored *restored);

#endif
