/* The layers of a message, opened one within the other. */
#ifndef SMIME_LEVELS_H
#define SMIME_LEVELS_H

#include "decrypt.h"
#include "layer.h"
#include "verify.h"

/* A layer and what is inside. A view into a decoded or decrypted text lives as long as the level
 * that owns the text. */
struct level {
    struct view outside; /* the entity that is the layer */
    struct found_layer found;
    struct decrypted decrypted; /* of LAYER_ENCRYPTED */
    struct verified verified;   /* of LAYER_SIGNED_* */
    struct spool *canonical;    /* what is inside, with CRLF, where it came without */
    struct header header;       /* of what is inside */
    struct view inside;
    bool entered; /* `inside` can be looked at */
    struct level *next;
};

struct levels {
    struct level *first;
    struct view innermost; /* the entity within all layers */
    bool complete;         /* every layer was entered: `innermost` is none */
    char *note;            /* why `innermost` is no layer although it looks like one; else NULL */
};

/* Open the layers of `message` and describe each in out->layers; out->cipher and
 * out->encryption_reason are set on the way. SMIME_OK or SMIME_ERROR. */
enum smime_status levels_open(const struct entity *message, const struct author *author,
                              const struct open_request *request, struct opened *out,
                              struct levels *levels, char **why);
void levels_clear(struct levels *levels);

#endif
