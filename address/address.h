/* Mail addresses: canonical form and what is derived from it (RFC 5321 section 4.1.2, RFC 5890).
 *
 * The canonical form of an address is a string "local@domain": local part in lower case without
 * needless quoting, domain as lower-case A-labels without a trailing dot. Two addresses are the
 * same exactly when their canonical forms are equal byte for byte. */
#ifndef ADDRESS_ADDRESS_H
#define ADDRESS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#define ADDRESS_MAX_BYTES 998 /* longer addresses are refused */

enum address_status {
    ADDRESS_OK = 0,
    ADDRESS_NULL,    /* the null path: "" or "<>" */
    ADDRESS_INVALID, /* not an address; NUL, control characters, blanks, bad UTF-8, no domain, ...
                      */
    ADDRESS_ERROR,   /* out of memory */
};

/* Canonical form of `text` (`length` bytes): an addr-spec with or without angle brackets, as a
 * milter gets it in MAIL and RCPT or as it stands in a certificate. With ADDRESS_OK, *canonical_out
 * is a new string (free()). A source route, an address literal without a domain name
 * ("user@[127.0.0.1]" stays as it is, in lower case) and SMTPUTF8 local parts (lower-cased for
 * ASCII only) are accepted. So are local parts with misplaced dots, which exist although RFC 5321
 * does not know them: "a..b@d" is the same address as "\"a..b\"@d" and has that canonical form. */
enum address_status address_canonical(const char *text, size_t length, char **canonical_out);

/* Canonical form of a domain: A-labels, lower case, no trailing dot. free() the result. */
enum address_status address_canonical_domain(const char *text, size_t length, char **canonical_out);

/* What the local part of `text` (as for address_canonical()) says, without quotes and backslashes,
 * its case as it was written: with ADDRESS_OK a new string of *length_out bytes, with a NUL behind.
 */
enum address_status address_local_content(const char *text, size_t length, char **content_out,
                                          size_t *length_out);

/* The domain of a canonical address: a pointer into it, behind the last '@'. */
const char *address_domain(const char *canonical);

/* `canonical` without its tag: "user+tag@d" gives "user@d" when `delimiters` has '+'. The first
 * delimiter that is not at the start of the local part counts. A new string, the same text when
 * there is no tag; NULL when out of memory. An empty `delimiters` strips nothing. */
char *address_without_tag(const char *canonical, const char *delimiters);

/* Where an MTA that takes the domain of `canonical` for its own, and believes in routes, sends it
 * on to. `mark` says which kind of route: '%' ("bob%partner.test@d"), '!' ("partner.test!bob@d") or
 * '@' ("\"bob@partner.test\"@d") all give "bob@partner.test". ADDRESS_OK with a new canonical
 * address in *canonical_out, ADDRESS_INVALID when there is no such route, ADDRESS_ERROR: out of
 * memory. */
enum address_status address_routed(const char *canonical, char mark, char **canonical_out);

/* Is `canonical` without its tag the address `other`? Compares as address_without_tag() would have
 * it, but cannot run out of memory. `delimiters` may be NULL or "". */
bool address_equals_without_tag(const char *canonical, const char *other, const char *delimiters);

/* `canonical` with SRS0/SRS1 rewriting and VERP taken off ("SRS0=h=t=d=l@x" gives "l@d";
 * "user+bob=partner.test@d" gives "user@d" when `delimiters` has '+'). Nothing of this is
 * authenticated: anybody can write an SRS address that names you. A new string; NULL when out of
 * memory. */
char *address_without_verp(const char *canonical, const char *delimiters);

/* Is the domain of `canonical` in `domains` (canonical domains; ".example.com" stands for all its
 * subdomains)? The null address "" is in none. */
bool address_in_domains(const char *canonical, char *const *domains, size_t count);

/* Is `domain` a subdomain of what `dot_suffix` (".example.com") names? */
bool address_domain_is_below(const char *domain, const char *dot_suffix);

#endif
