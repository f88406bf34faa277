/* A CMS structure with its content, streamed.
 *
 * As i2d_CMS_bio_stream() does it, which does not look at what BIO_write() says. */
#include "cms_stream.h"

#include <errno.h>
#include <string.h>

#include "base64_writer.h"
#include "openssl_reason.h"
#include "why.h"

enum smime_status cms_stream_write(CMS_ContentInfo *cms, const struct canonical_source *source,
                                   const struct smime_progress *progress, struct spool *out,
                                   char **why)
{
    BIO *writer = base64_writer(out);
    BIO *chain = writer != NULL ? BIO_new_CMS(writer, cms) : NULL;
    enum smime_status status = SMIME_ERROR;
    if (chain == NULL) {
        why_set(why, "cannot begin the CMS structure: %s", openssl_reason());
        goto out;
    }
    status = canonical_source_write(source, chain, NULL, progress, why);
    if (status != SMIME_OK)
        goto out;
    status = SMIME_ERROR;
    /* Flushing writes what follows the content: signatures, the authentication tag. */
    if (BIO_flush(chain) != 1) {
        why_set(why, "cannot finish the CMS structure: %s", openssl_reason());
        goto out;
    }
    if (base64_writer_end(writer) != 0) {
        why_set(why, "cannot write the spool: %s", strerror(errno));
        goto out;
    }
    status = SMIME_OK;
out:
    while (chain != NULL && chain != writer) {
        BIO *next = BIO_pop(chain);
        BIO_free(chain);
        chain = next;
    }
    BIO_free(writer);
    return status;
}
