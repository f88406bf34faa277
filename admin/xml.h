/* Writing XML 1.0: text between tags, indented. What has a structure to be read is left to others.
 */
#ifndef ADMIN_XML_H
#define ADMIN_XML_H

#include <stdio.h>

/* Write UTF-8 text as character data that may also stand in a quoted attribute: & < > " ' are
 * escaped. What no XML may hold (bytes that are no UTF-8, control characters, U+FFFE, U+FFFF)
 * becomes U+FFFD. */
void xml_text(FILE *out, const char *text);

/* A line "<name>text</name>", `depth` levels in. */
void xml_element(FILE *out, int depth, const char *name, const char *text);

/* A line of markup as it is, `depth` levels in. */
__attribute__((format(printf, 3, 4))) void xml_line(FILE *out, int depth, const char *format, ...);

#endif
