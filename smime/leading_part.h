/* A text in front of what a message holds. */
#ifndef SMIME_LEADING_PART_H
#define SMIME_LEADING_PART_H

#include "entity.h"

/* Make of `message` a multipart/mixed whose first part is `text` (UTF-8, LF line ends) and whose
 * second is the content that the message has. SMIME_REFUSED with nothing changed, where that
 * content is S/MIME: a signature counts only as the whole of a message. SMIME_ERROR: `message` may
 * be damaged. RFC 2046 section 5.1.3. */
enum smime_status leading_part_add(struct entity *message, const char *text, char **why);

#endif
