/* The number of the part that a signature is in. */
#include "signature_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part number (RFC 3501 section 6.4.5) of part `number` of the multipart at `section`, of which
 * what stands behind the last "/" is the number in its own CMS content. NULL out of memory. */
static char *part_of_multipart(const char *section, int number)
{
    size_t length = strlen(section);
    bool top = length == 0 || section[length - 1] == '/';
    char *out = NULL;
    return asprintf(&out, "%s%s%d", section, top ? "" : ".", number) >= 0 ? out : NULL;
}

/* The entity at `section` itself, which is no multipart: by RFC 3501 it has a part 1. */
static char *whole_part(const char *section, const char *behind)
{
    size_t length = strlen(section);
    bool top = length == 0 || section[length - 1] == '/';
    char *out = NULL;
    return asprintf(&out, "%s%s%s", section, top ? "1" : "", behind) >= 0 ? out : NULL;
}

char *signature_part(const struct opened *opened)
{
    const struct layer *wanted = opened_signer_layer(opened);
    char *section = strdup("");
    if (wanted == NULL || wanted < &opened->layers[opened->kept_from])
        return section;
    for (const struct layer *layer = &opened->layers[opened->kept_from]; section != NULL; layer++) {
        bool first = layer == &opened->layers[opened->kept_from];
        bool multipart = layer->kind == LAYER_SIGNED_DETACHED || (first && opened->clear_signed);
        char *next = multipart ? part_of_multipart(section, layer == wanted ? 2 : 1)
                               : whole_part(section, layer == wanted ? "" : "/");
        free(section);
        section = next;
        if (layer == wanted)
            break;
    }
    return section;
}
