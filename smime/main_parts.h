/* The main body parts of an entity, which a mail program shows as its text (RFC 9787 section 7.1):
 * the entity itself where it is text/plain or text/html, all parts of multipart/alternative, the
 * first of multipart/mixed and multipart/related. Not those that are attachments, signed or not to
 * be understood.
 *
 * Some of them are changed here, with their mark of a legacy display element; all else stays to the
 * byte. */
#ifndef SMIME_MAIN_PARTS_H
#define SMIME_MAIN_PARTS_H

#include <stdbool.h>

#include "layer.h"
#include "media_type.h"

#define MAIN_PARTS_MAX 16 /* that are changed; further ones are not */

#define LEGACY_DISPLAY_PARAMETER "hp-legacy-display"            /* RFC 9788 section 2.1.2 */
#define LEGACY_DISPLAY_CLASS "header-protection-legacy-display" /* section 5.2.3 */

struct main_part {
    const struct media_type *media; /* text/plain or text/html */
    bool html;
    struct view plain; /* its text, decoded */
};

/* [from, to) of the decoded text, and what comes to stand there. */
struct main_part_change {
    off_t from, to;
    char *insert; /* g_free(); NULL: nothing */
};

struct main_parts_request {
    /* SMIME_OK with *out filled; SMIME_REFUSED: the part stays as it is; SMIME_ERROR, with a
     * sentence. */
    enum smime_status (*change)(void *context, const struct main_part *part,
                                struct main_part_change *out, char **why);
    void *context;
    bool marked; /* changed parts get the mark; else they lose it */
    const struct smime_limits *limits;
    const struct smime_progress *progress;
};

/* *out: a copy of `entity` with its main parts changed. A part that was encoded is in base64 then.
 * SMIME_OK with *done_out telling whether any was; if not, `out` is empty. SMIME_ERROR for an error
 * of ours. */
enum smime_status main_parts_change(const struct view *entity,
                                    const struct main_parts_request *request, struct entity *out,
                                    bool *done_out, char **why);

/* `text` (UTF-8) in the character set of a part (NULL: us-ascii), with "?" for what that lacks. A
 * new string, g_free(); NULL where the set is unknown, or no superset of ASCII. */
char *main_part_encode(const char *text, const char *charset);
/* The other way round; NULL also where the text is not in its set. */
char *main_part_decode(const char *text, size_t length, const char *charset);

#endif
