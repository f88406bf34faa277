/* Finding the outermost S/MIME layer of an entity (RFC 8551 sections 3.2 to 3.9). */
#ifndef SMIME_LAYER_H
#define SMIME_LAYER_H

#include "cms_layout.h"
#include "entity.h"
#include "incoming.h"

/* An entity as it lies in a text: its header, and its body at [from, to). */
struct view {
    const struct header *header;
    const struct spool *text;
    off_t from;
    off_t to;
};

struct found_layer {
    bool found;
    enum layer_kind kind;
    char *fault; /* a layer by what it claims, but malformed or over a ceiling: why. Then nothing
                    below is set */
    char *note;  /* not a layer although it looks like one: why; NULL: nothing to be said */
    struct cms_layout layout;
    struct spool *decoded; /* what `layout` was read from */
    off_t signed_from;     /* LAYER_SIGNED_DETACHED: the signed bytes in the view's text */
    off_t signed_to;
    bool alone; /* nothing but blanks stands behind it */
};

/* Is the whole entity one S/MIME layer? Decided by the CMS content type inside. Never
 * SMIME_REFUSED. */
enum smime_status layer_find(const struct view *view, const struct smime_limits *limits,
                             const struct smime_progress *progress, struct found_layer *out,
                             char **why);
void found_layer_clear(struct found_layer *layer);

/* What CMS an entity holds by its first bytes, whatever its media type. CMS_KIND_NONE when its body
 * cannot be decoded. */
enum smime_status layer_peek(const struct view *view, enum cms_kind *out, char **why);

/* header_parse() that tells a header which is too large (SMIME_REFUSED) from memory or disk that
 * failed. */
enum smime_status layer_read_header(const struct spool *text, off_t from, off_t to,
                                    size_t max_bytes, struct header *header_out, off_t *body_out,
                                    char **why);

#endif
