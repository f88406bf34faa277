/* Judging one SignedData (RFC 5652 section 5, RFC 8551, RFC 8550). */
#ifndef SMIME_VERIFY_H
#define SMIME_VERIFY_H

#include <openssl/cms.h>

#include "cms_layout.h"
#include "incoming.h"
#include "mailboxes.h"

/* Who the message says it is from. */
struct author {
    char *address;          /* canonical; NULL when From does not name exactly one */
    char *fault;            /* then why */
    struct mailboxes shown; /* addresses in the display name */
};

struct signed_content {
    const struct cms_layout *layout;
    const struct spool *text; /* the signed octets: [from, to) of it */
    off_t from;
    off_t to;
};

struct verified {
    enum signature_verdict verdict;
    bool sound;       /* every SignerInfo is good, whoever signed */
    char *reason;     /* a sentence */
    char *algorithms; /* "sha256 rsaEncryption"; NULL if unknown */
    X509 *signer;     /* NULL if unknown */
    unsigned weak;    /* weakness.h; of what is known of the signature that decides */
    time_t signing_time;
    CMS_ContentInfo *cms;        /* NULL when it could not be parsed */
    CMS_SignerInfo *signer_info; /* of `signer`, within `cms` */
    STACK_OF(X509) * bundle;     /* certificates that came along; NULL if none */
    STACK_OF(X509) * chain;      /* of SIGNATURE_VALID: leaf first, anchor last */
};

/* Judge the signature. SMIME_OK with a verdict, or SMIME_ERROR. */
enum smime_status verify_signed(const struct signed_content *content, const struct author *author,
                                const struct open_request *request, struct verified *out,
                                char **why);
void verified_clear(struct verified *verified);

#endif
