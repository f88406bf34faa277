/* Connecting to an LDAP directory. */
#include "ldap_connection.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "sockbuf_limit.h"
#include "why.h"

/* Does `uri` bring TLS, or stay on this machine, by itself? */
static bool is_private(const char *uri)
{
    return !strncasecmp(uri, "ldaps://", 8) || !strncasecmp(uri, "ldapi://", 8);
}

struct ldap_connection {
    LDAP *ldap;
    const struct ldap_connection_options *options; /* while it is being opened */
    unsigned long max_answer_bytes;
    struct sockbuf_limit limit;
    struct ldap_conncb callback;
};

LDAP *ldap_connection_handle(struct ldap_connection *connection)
{
    return connection->ldap;
}

void ldap_connection_until(struct ldap_connection *connection, struct deadline deadline)
{
    connection->limit.deadline = deadline;
}

int ldap_connection_failed(struct ldap_connection *connection, int code, const char *what,
                           char **why)
{
    char *details = NULL;
    if (connection->limit.expired || code == LDAP_TIMEOUT) {
        why_set(why, "%s: the directory has not answered in time", what);
        return -1;
    }
    if (connection->ldap)
        ldap_get_option(connection->ldap, LDAP_OPT_DIAGNOSTIC_MESSAGE, &details);
    why_set(why, "%s: %s%s%s%s", what, ldap_err2string(code), details && *details ? " (" : "",
            details ? details : "", details && *details ? ")" : "");
    ldap_memfree(details);
    return -1;
}

/* libldap calls this between connecting and TLS. It reads the length of an answer before its bytes:
 * what is too long is not taken. */
static int limit_connection(LDAP *ldap, Sockbuf *sockbuf, LDAPURLDesc *server,
                            struct sockaddr *address, struct ldap_conncb *callback)
{
    struct ldap_connection *connection = callback->lc_arg;
    ber_len_t most = connection->max_answer_bytes;
    (void)ldap, (void)server, (void)address;
    if (most > 0 && ber_sockbuf_ctrl(sockbuf, LBER_SB_OPT_SET_MAX_INCOMING, &most) < 0)
        return -1;
    return sockbuf_limit_add(sockbuf, &connection->limit);
}

static void forget_connection(LDAP *ldap, Sockbuf *sockbuf, struct ldap_conncb *callback)
{
    (void)ldap, (void)sockbuf, (void)callback;
}

/* Options fail only where memory or a file is missing. */
static int set_options(struct ldap_connection *connection, char **why)
{
    const struct ldap_connection_options *options = connection->options;
    const struct timeval connect = deadline_left(&options->deadline, options->connect_timeout_ms);
    const int version = LDAP_VERSION3;
    const int demand = LDAP_OPT_X_TLS_DEMAND;
    const int client = 0;
    LDAP *ldap = connection->ldap;
    int code = ldap_set_option(ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
    /* A referral would take the password to another server. */
    code = code ? code : ldap_set_option(ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    code = code ? code : ldap_set_option(ldap, LDAP_OPT_NETWORK_TIMEOUT, &connect);
    code = code ? code : ldap_set_option(ldap, LDAP_OPT_CONNECT_CB, &connection->callback);
    code = code ? code : ldap_set_option(ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
    if (options->ca_file)
        code = code ? code : ldap_set_option(ldap, LDAP_OPT_X_TLS_CACERTFILE, options->ca_file);
    code = code ? code : ldap_set_option(ldap, LDAP_OPT_X_TLS_NEWCTX, &client);
    if (code == LDAP_SUCCESS)
        return 0;
    if (options->ca_file) {
        why_set(why, "the certificates of CAs in %s cannot be used", options->ca_file);
        return -1;
    }
    return ldap_connection_failed(connection, code, "the connection cannot be set up", why);
}

/* Before each question: what is left of the time. Returns 0, -1 when nothing is. */
static int limit_answer(struct ldap_connection *connection, char **why)
{
    const struct timeval left = deadline_left(&connection->limit.deadline, LONG_MAX);
    if (deadline_left_ms(&connection->limit.deadline) == 0) {
        why_set(why, "the directory has not answered in time");
        return -1;
    }
    if (ldap_set_option(connection->ldap, LDAP_OPT_TIMEOUT, &left)) {
        why_set(why, "out of memory");
        return -1;
    }
    return 0;
}

/* libldap says little of a certificate that it does not believe. */
static int tls_failed(struct ldap_connection *connection, int code, const char *what, char **why)
{
    const struct ldap_connection_options *options = connection->options;
    char *said = NULL;
    ldap_connection_failed(connection, code, what, &said);
    if (connection->limit.expired || code == LDAP_TIMEOUT)
        why_set(why, "%s", why_text(&said));
    else if (options->ca_file)
        why_set(why,
                "%s; if the directory is reached at all, its certificate may be at fault: it has "
                "to name the host of the URI and come from a CA in %s (%s)",
                why_text(&said), options->ca_file, options->ca_file_setting);
    else
        why_set(why,
                "%s; if the directory is reached at all, its certificate may be at fault: it has "
                "to name the host of the URI and come from a CA that is known here, or is given "
                "with %s",
                why_text(&said), options->ca_file_setting);
    why_free(&said);
    return -1;
}

/* Did the directory itself answer that it has no TLS? Everything else is a TLS that failed. */
static bool has_no_tls(int code)
{
    return code == LDAP_PROTOCOL_ERROR || code == LDAP_UNAVAILABLE ||
           code == LDAP_UNWILLING_TO_PERFORM || code == LDAP_OPERATIONS_ERROR;
}

static int start_tls(struct ldap_connection *connection, char **why)
{
    const struct ldap_connection_options *options = connection->options;
    int code;
    if (is_private(options->uri) || options->starttls == LDAP_STARTTLS_OFF)
        return 0;
    if (limit_answer(connection, why))
        return -1;
    code = ldap_start_tls_s(connection->ldap, NULL, NULL);
    if (code == LDAP_SUCCESS)
        return 0;
    if (has_no_tls(code) && options->starttls == LDAP_STARTTLS_OPTIONAL)
        return 0;
    if (has_no_tls(code))
        return ldap_connection_failed(connection, code, "the directory offers no STARTTLS", why);
    return tls_failed(connection, code, "STARTTLS", why);
}

static int refuse_clear(const struct ldap_connection_options *options, char **why)
{
    why_set(why, "the password would be sent in the clear: use ldaps:// or %s",
            options->starttls_setting);
    return -1;
}

static int bind_as(struct ldap_connection *connection, char **why)
{
    const struct ldap_connection_options *options = connection->options;
    struct berval password = {0, NULL};
    int code;
    if (!options->bind_dn)
        return 0; /* anonymous, which needs no words in LDAPv3 */
    if (!options->password || !*options->password) {
        /* RFC 4513 section 5.1.2: that would be taken for anonymous, and succeed. */
        why_set(why, "the password of %s is empty", options->bind_dn);
        return -1;
    }
    if (!options->password_in_clear && !is_private(options->uri) &&
        !ldap_tls_inplace(connection->ldap))
        return refuse_clear(options, why);
    if (limit_answer(connection, why))
        return -1;
    password.bv_val = (char *)(uintptr_t)options->password;
    password.bv_len = strlen(options->password);
    code = ldap_sasl_bind_s(connection->ldap, options->bind_dn, LDAP_SASL_SIMPLE, &password, NULL,
                            NULL, NULL);
    return code == LDAP_SUCCESS ? 0
                                : ldap_connection_failed(connection, code, options->bind_dn, why);
}

static int connect_now(struct ldap_connection *connection, char **why)
{
    int code = ldap_connect(connection->ldap);
    if (code == LDAP_SUCCESS)
        return 0;
    if (!strncasecmp(connection->options->uri, "ldaps://", 8))
        return tls_failed(connection, code, "no connection", why);
    return ldap_connection_failed(connection, code, "no connection", why);
}

struct ldap_connection *ldap_connection_open(const struct ldap_connection_options *options,
                                             char **why)
{
    struct ldap_connection *connection = NULL;
    int code;
    /* Known beforehand: then nobody is asked. */
    if (options->bind_dn && !options->password_in_clear && !is_private(options->uri) &&
        options->starttls == LDAP_STARTTLS_OFF) {
        refuse_clear(options, why);
        return NULL;
    }
    connection = calloc(1, sizeof *connection);
    if (!connection) {
        why_set(why, "out of memory");
        return NULL;
    }
    connection->options = options;
    connection->max_answer_bytes = options->max_answer_bytes;
    connection->limit.deadline = options->deadline;
    connection->callback = (struct ldap_conncb){limit_connection, forget_connection, connection};
    code = ldap_initialize(&connection->ldap, options->uri);
    if (code != LDAP_SUCCESS) {
        ldap_connection_failed(connection, code, "the URI", why);
        ldap_connection_close(&connection);
    } else if (set_options(connection, why) || connect_now(connection, why) ||
               start_tls(connection, why) || bind_as(connection, why)) {
        ldap_connection_close(&connection);
    } else {
        connection->options = NULL;
    }
    return connection;
}

void ldap_connection_close(struct ldap_connection **connection)
{
    if (!*connection)
        return;
    if ((*connection)->ldap)
        ldap_unbind_ext_s((*connection)->ldap, NULL, NULL);
    free(*connection);
    *connection = NULL;
}
