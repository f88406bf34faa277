/* A CMS structure with its content, streamed: base64 in CRLF lines, flat memory. */
#ifndef SMIME_CMS_STREAM_H
#define SMIME_CMS_STREAM_H

#include <openssl/cms.h>

#include "canonical_source.h"

/* Append `cms` to `out` with the entity of `source` as its content. SMIME_ERROR with a sentence on
 * any failure; `out` is of no use then. */
enum smime_status cms_stream_write(CMS_ContentInfo *cms, const struct canonical_source *source,
                                   const struct smime_progress *progress, struct spool *out,
                                   char **why);

#endif
