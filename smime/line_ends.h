/* Line ends of what was inside a CMS. */
#ifndef SMIME_LINE_ENDS_H
#define SMIME_LINE_ENDS_H

#include "entity.h"

/* Some programs encrypt or sign their own form of a text, with LF line ends, whose canonical form
 * is CRLF (RFC 8551 section 3.1.1): what a reader gets will have CRLF, and signatures inside were
 * made over that. If the text at [from, to) has LF line ends throughout (no CR, no NUL), *out gets
 * its form with CRLF; else it is NULL. SMIME_OK or SMIME_ERROR. */
enum smime_status line_ends_canonical(const struct spool *text, off_t from, off_t to,
                                      const struct smime_progress *progress, struct spool **out,
                                      char **why);

#endif
