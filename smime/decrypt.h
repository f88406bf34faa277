/* Opening one EnvelopedData or AuthEnvelopedData (RFC 5652 section 6, RFC 5083, RFC 5084). */
#ifndef SMIME_DECRYPT_H
#define SMIME_DECRYPT_H

#include "cms_layout.h"
#include "incoming.h"

#define DECRYPT_MIN_TAG_BYTES 12 /* RFC 5084 allows 12 to 16; OpenSSL takes 4 */
#define DECRYPT_MAX_TAG_BYTES 16
#define DECRYPT_COMPARED_BYTES 4096 /* of the text that all recipients' keys must give */

/* Said of every failure that comes after a private key was used: which step failed would answer
 * questions about the key (Bleichenbacher) or the content (padding). Also said where the fault is
 * ours. */
#define DECRYPT_FAILED "the message could not be decrypted"

struct decrypted {
    bool opened;
    bool tried;          /* a private key was used */
    struct spool *plain; /* when opened */
    char *reason;        /* what is said outside */
    char *detail;        /* for the log; NULL if there is no more to say */
    char *algorithms;    /* "rsaEncryption aes-256-cbc"; NULL if unknown */
    char *cipher;        /* "aes-256-cbc"; NULL if unknown */
    unsigned weak;       /* weakness.h */
};

/* Ask `request->keys` and decrypt. SMIME_OK whether it was opened or not, or SMIME_ERROR. */
enum smime_status decrypt_enveloped(const struct cms_layout *layout,
                                    const struct open_request *request, struct decrypted *out,
                                    char **why);

/* Could it be opened by somebody, as far as can be told without a key, and by nobody else: a cipher
 * that we know (and not RC2), a content, a recipient? SMIME_OK; SMIME_REFUSED with a sentence when
 * it is encrypted in name only; SMIME_ERROR. */
enum smime_status decrypt_check(const struct cms_layout *layout, char **why);

void decrypted_clear(struct decrypted *decrypted);

#endif
