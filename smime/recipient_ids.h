/* Whom an EnvelopedData names, for the key finder. */
#ifndef SMIME_RECIPIENT_IDS_H
#define SMIME_RECIPIENT_IDS_H

#include <openssl/cms.h>

#include "incoming.h"

struct recipient_ids {
    struct recipient_id *items;
    CMS_RecipientInfo **infos; /* which RecipientInfo each one comes from */
    size_t count;
};

/* All recipients of key transport and key agreement; other kinds have no certificate. Borrowed from
 * `cms`. Returns 0, -1 out of memory. */
int recipient_ids_read(CMS_ContentInfo *cms, struct recipient_ids *out);
void recipient_ids_clear(struct recipient_ids *ids);

/* "rsaEncryption", "dhSinglePass-stdDH-sha256kdf-scheme": a new string, NULL when unknown or out of
 * memory. */
char *recipient_algorithm(CMS_RecipientInfo *info);

/* What its way of bringing the content key is worth (weakness.h): key agreement may wrap it in
 * triple DES (RFC 5753 section 7.1.5). */
unsigned recipient_weakness(CMS_RecipientInfo *info);

#endif
