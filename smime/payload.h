/* The payload of an S/MIME message: what is directly within all its layers (RFC 9787 section 4.4,
 * "Cryptographic Payload"), and the protected header that it brings. */
#ifndef SMIME_PAYLOAD_H
#define SMIME_PAYLOAD_H

#include "layer.h"
#include "restored.h"

struct payload {
    enum protection_form form;
    const struct header *header; /* the protected one */
    bool from_differs;
    struct view wrapped;        /* PROTECTION_FORM_WRAPPED: the message inside */
    struct header inner_header; /* of it */
};

/* Look at the payload in `view` of a message with this header, whose author is `from` (NULL when
 * From is not one plain mailbox).
 *
 * A message/rfc822 is a wrapped message where its parameter says forwarded=no, or where From and
 * Message-ID (or Date, where it has none) are those of the message around it: somebody who sends on
 * a message has written another one. It must be no S/MIME or OpenPGP itself, and have no mark of
 * RFC 9788 (its section 4.10.1). SMIME_OK with *out filled (payload_clear()), or SMIME_ERROR.
 */
enum smime_status payload_read(const struct view *view, const struct header *message,
                               const char *from, const struct smime_limits *limits,
                               struct payload *out, char **why);
void payload_clear(struct payload *payload);

#endif
