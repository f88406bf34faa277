/* The media type of an entity: its Content-Type and Content-Disposition fields, as far as S/MIME
 * cares (RFC 2045 section 5, RFC 2231, RFC 8551 section 3.2). */
#ifndef SMIME_MEDIA_TYPE_H
#define SMIME_MEDIA_TYPE_H

#include <stdbool.h>

#include "entity.h"

#define MEDIA_TYPE_MAX_BYTES 16384 /* of a Content-Type field; longer ones are ambiguous */
#define MEDIA_TYPE_MAX_BOUNDARY 250

struct media_type {
    char *type;       /* "multipart"; "text" where there is no Content-Type */
    char *subtype;    /* "signed" */
    char *boundary;   /* parameters, NULL where not given */
    char *protocol;   /* of multipart/signed */
    char *smime_type; /* smime-type */
    char *charset;    /* of text */
    bool flowed;      /* format=flowed (RFC 3676) */
    char *name;       /* file name: of the disposition, else of the type */
    /* Of the header protection of the payload (RFC 9788 section 2.1); only where given once,
     * plainly. */
    char *hp;
    char *hp_legacy_display;
    char *protected_headers;
    char *forwarded;
    bool plain;      /* the Content-Type field is there and leaves nothing to guess
                        (media_value_is_plain()) */
    char *ambiguous; /* a sentence where two programs could understand it differently: two
                        Content-Type fields, two boundaries, ...; else NULL */
};

/* Read it from the fields of `header`. SMIME_ERROR: out of memory. */
enum smime_status media_type_read(const struct header *header, struct media_type *out, char **why);

/* "multipart", "signed"; case does not matter; subtype NULL: any. */
bool media_type_is(const struct media_type *media, const char *type, const char *subtype);
/* application/pkcs7-mime or application/x-pkcs7-mime. */
bool media_type_is_cms(const struct media_type *media);
/* application/pkcs7-signature or application/x-pkcs7-signature: as a type, or as a parameter. */
bool media_type_is_signature(const struct media_type *media);
bool media_type_names_signature(const char *protocol);
/* Outlook's own packing (TNEF): application/ms-tnef, or whatever is called winmail.dat. */
bool media_type_is_tnef(const struct media_type *media);
/* Does the file name end so (".p7m")? */
bool media_type_has_suffix(const struct media_type *media, const char *suffix);

void media_type_clear(struct media_type *media);

#endif
