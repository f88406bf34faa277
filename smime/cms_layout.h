/* A CMS structure taken apart: the content octets in one place, all else in another (RFC 5652,
 * RFC 5083).
 *
 * OpenSSL gets the structure without its content, so that memory does not grow with the message,
 * and only after every ceiling was checked. */
#ifndef SMIME_CMS_LAYOUT_H
#define SMIME_CMS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/cms.h>

#include "entity.h"

#define CMS_PEEK_BYTES 64            /* enough to tell the content type */
#define CMS_MAX_DIGEST_ALGORITHMS 16 /* each one digests the whole content */
#define CMS_MAX_RECIPIENT_INFOS 5000
#define CMS_MAX_STRING_NESTING 8 /* constructed octet strings within each other */

enum cms_kind { CMS_KIND_NONE, CMS_KIND_OTHER, CMS_KIND_SIGNED, CMS_KIND_ENVELOPED };

struct cms_layout {
    enum cms_kind kind;
    bool authenticated;       /* CMS_KIND_ENVELOPED: AuthEnvelopedData */
    unsigned char *structure; /* BER of the structure without its content */
    size_t length;
    size_t room;
    bool has_content;
    const struct spool *content; /* content octets: [content_from, content_to) of this one */
    off_t content_from;
    off_t content_to;
    struct spool *gathered; /* owned, where they lay scattered */
    size_t signers;         /* how many of each */
    size_t certificates;
    size_t recipients;
    size_t algorithm_at; /* CMS_KIND_ENVELOPED: where in `structure` its content encryption
                            algorithm stands */
    size_t algorithm_length;
    size_t mac_length;             /* AuthEnvelopedData */
    bool authenticated_attributes; /* AuthEnvelopedData: has some */
};

/* What begins with these bytes? CMS_KIND_NONE: no ContentInfo. Certainty needs cms_layout_read().
 */
enum cms_kind cms_peek(const unsigned char *bytes, size_t length);

/* Take apart the ContentInfo at [from, to) of `text`, which must outlive *out. Of CMS_KIND_OTHER
 * nothing more is read than the content type. `line_end_follows` allows for one CRLF behind the
 * structure (binary bodies); else nothing may follow. SMIME_REFUSED: malformed, or over a ceiling;
 * out->kind is then what is known of it. */
enum smime_status cms_layout_read(const struct spool *text, off_t from, off_t to,
                                  bool line_end_follows, const struct smime_limits *limits,
                                  const struct smime_progress *progress, struct cms_layout *out,
                                  char **why);

/* OpenSSL's form of the structure; NULL with a sentence when it is malformed, or memory is out. Its
 * algorithms come from `context`, which must outlive it; NULL: the default one. */
CMS_ContentInfo *cms_layout_parse(const struct cms_layout *layout, OSSL_LIB_CTX *context,
                                  char **why);

void cms_layout_clear(struct cms_layout *layout);

#endif
