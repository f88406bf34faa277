/* Authentication-Results fields of others (RFC 8601 section 2.2). */
#ifndef DAEMON_AUTH_RESULTS_H
#define DAEMON_AUTH_RESULTS_H

enum auth_results_action {
    AUTH_RESULTS_KEEP,
    AUTH_RESULTS_DELETE,
    AUTH_RESULTS_CHANGE,
    AUTH_RESULTS_ERROR
};

/* What is to become of a field under `authserv_id` whose smime results were not written by us?
 * With AUTH_RESULTS_CHANGE, *value_out is the value without them (free()). A field under our name
 * that cannot be read is deleted. AUTH_RESULTS_ERROR: out of memory. */
enum auth_results_action auth_results_without_smime(const char *value, const char *authserv_id,
                                                    char **value_out);

/* Does this field say under `authserv_id` that mail from `domain` (A-labels, lower case) is
 * genuine: spf=pass with an smtp.mailfrom in it, or dkim=pass with a header.d that is it or one
 * above it? 1, 0, or -1 when out of memory. RFC 8601 sections 2.7.1 and 2.7.2. */
int auth_results_authenticate(const char *value, const char *authserv_id, const char *domain);

#endif
