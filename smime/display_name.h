/* What the display name of From makes a reader believe (RFC 5322 section 3.4). */
#ifndef SMIME_DISPLAY_NAME_H
#define SMIME_DISPLAY_NAME_H

#include "header.h"
#include "mailboxes.h"

/* The addresses that the display name of From shows, "boss@example.com" <eve@evil.test>: many
 * programs show nothing else. Encoded words are read (RFC 2047), look-alikes of '@' are taken for
 * one, characters that nobody sees are left out. Only what has a dot in its domain is an address to
 * a reader; not all of them are valid ones. `own` is the author's, as mailboxes_from() has found it
 * in this header: it is left out. Returns 0, -1 out of memory. */
int display_name_addresses(const struct header *header, const char *own, struct mailboxes *out);

#endif
