/* Reading BER from a spool, element by element, in constant memory (X.690 section 8).
 *
 * The only ASN.1 that is read here and not by OpenSSL: enough to find where the content of a CMS
 * structure lies. Lengths may be definite or indefinite, in any mixture. */
#ifndef SMIME_BER_H
#define SMIME_BER_H

#include <stdbool.h>

#include "entity.h"

#define BER_MAX_NESTING 64 /* indefinite lengths within each other */

/* Identifier octets that CMS uses. */
enum {
    BER_INTEGER = 0x02,
    BER_OCTET_STRING = 0x04,
    BER_OBJECT_IDENTIFIER = 0x06,
    BER_OCTET_STRING_CONSTRUCTED = 0x24,
    BER_SEQUENCE = 0x30,
    BER_SET = 0x31,
    BER_CONTEXT_0 = 0x80,
    BER_CONTEXT_0_CONSTRUCTED = 0xa0,
    BER_CONTEXT_1_CONSTRUCTED = 0xa1,
    BER_CONTEXT_2_CONSTRUCTED = 0xa2,
};

struct ber_reader {
    const struct spool *text;
    const struct smime_progress *progress;
    off_t position;
    off_t window_at;
    size_t window_length;
    unsigned char window[4096];
};

struct ber_element {
    unsigned char identifier; /* its first octet */
    bool indefinite;
    off_t start;   /* of the identifier */
    off_t content; /* behind the length */
    off_t end;     /* definite: behind the content; indefinite: what it must not reach beyond */
};

/* Read [from, to) of `text`. *outer_out stands for the whole range: the parent of the first
 * element. `progress` is told now and then. */
void ber_open(struct ber_reader *reader, const struct spool *text, off_t from, off_t to,
              const struct smime_progress *progress, struct ber_element *outer_out);

/* Enter the next element of `parent`, the reader standing behind its content's start or behind the
 * element before. *found_out is false at the end of the parent (whose end-of-contents octets, if it
 * has any, are then read). SMIME_REFUSED: malformed, or it reaches beyond its parent. */
enum smime_status ber_next(struct ber_reader *reader, const struct ber_element *parent,
                           struct ber_element *out, bool *found_out, char **why);

/* Move behind `element`, which ber_next() has just entered. */
enum smime_status ber_skip(struct ber_reader *reader, const struct ber_element *element,
                           char **why);

/* Append the content of `element`, a primitive one that ber_next() has just entered, to `out`, and
 * move behind it. */
enum smime_status ber_copy_content(struct ber_reader *reader, const struct ber_element *element,
                                   struct spool *out, char **why);

#endif
