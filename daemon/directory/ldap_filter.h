/* Search filters with an address in them (RFC 4515). */
#ifndef DIRECTORY_LDAP_FILTER_H
#define DIRECTORY_LDAP_FILTER_H

/* `pattern` with %s replaced by the canonical address, %u by what its local part says, %d by its
 * domain and %% by a percent sign; what is put in is escaped, so that no address can alter the
 * filter. A new string; NULL out of memory. */
char *ldap_filter(const char *pattern, const char *address);

#endif
