/* What is in the sub-parts of an entity: S/MIME, found and reported, never opened (DESIGN section
 * 4), and invitations. */
#ifndef SMIME_SUBPARTS_H
#define SMIME_SUBPARTS_H

#include "layer.h"

struct subparts {
    bool signed_part;
    bool encrypted_part;
    bool calendar_part; /* text/calendar */
    bool tnef_part;     /* Outlook's winmail.dat; here the entity itself counts */
    char *note; /* why not all was looked at: too many parts, nested too deeply; else NULL */
};

/* Look through the parts of the entity in `view`, attached messages included; the entity itself
 * does not count. At most limits->max_parts parts, limits->max_nesting deep. SMIME_OK or
 * SMIME_ERROR. */
enum smime_status subparts_find(const struct view *view, const struct smime_limits *limits,
                                const struct smime_progress *progress, struct subparts *out,
                                char **why);
void subparts_clear(struct subparts *subparts);

#endif
