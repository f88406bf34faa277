/* Asking an LDAP directory (RFC 4511) for its people's addresses, page by page (RFC 2696). */
#include "ldap_source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <ldap.h>

#include "address.h"
#include "ldap_connection.h"
#include "why.h"

#define CONNECT_TIMEOUT_MS 10000
#define OPEN_TIMEOUT_MS 60000 /* until it is connected and bound */
#define PAGE_TIMEOUT_S 60     /* until a page of entries has come */
#define TOTAL_TIMEOUT_S 600   /* until all have */
#define PAGE_ENTRIES 500      /* Active Directory gives at most 1000 */
#define MAX_ENTRIES 500000

/* ---- Connection ---- */

static struct ldap_connection *connect_to(const struct ldap_source *from, char **why)
{
    const struct ldap_connection_options options = {
        .uri = from->uri,
        .starttls = from->start_tls ? LDAP_STARTTLS_REQUIRED : LDAP_STARTTLS_OFF,
        .starttls_setting = "--start-tls",
        .ca_file = from->tls_ca,
        .ca_file_setting = "--tls-ca",
        .bind_dn = from->bind_dn,
        .password = from->password,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .deadline = deadline_in_ms(OPEN_TIMEOUT_MS),
    };
    return ldap_connection_open(&options, why);
}

/* ---- Entries ---- */

/* The bytes of the prefix of a proxyAddresses value ("smtp:", "X400:"), 0 without one. */
static size_t prefix_bytes(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && isalnum((unsigned char)text[i])) {
        i++;
    }
    return i > 0 && i < length && text[i] == ':' ? i + 1 : 0;
}

/* An address of one value: 0 with *out NULL for what is none of ours; then what is no address at
 * all is a reason in `entry`. *primary_out: Exchange's mark of the first one. -1 out of memory. */
static int read_value(const struct context *context, struct source_entry *entry,
                      const struct berval *value, char **out, bool *primary_out)
{
    const char *text = value->bv_val;
    size_t length = value->bv_len;
    size_t prefix = prefix_bytes(text, length);
    *out = NULL;
    if (prefix > 0 && (prefix != 5 || strncasecmp(text, "smtp:", 5) != 0)) {
        return 0; /* of another kind */
    }
    *primary_out = prefix > 0 && !memcmp(text, "SMTP:", 5);
    enum address_status status = address_canonical(text + prefix, length - prefix, out);
    if (status == ADDRESS_ERROR) {
        return -1;
    }
    if (status != ADDRESS_OK) {
        why_set(&entry->reason, "\"%.*s\" is no mail address", (int)length, text);
    } else if (!context_manages(context, *out)) {
        free(*out);
        *out = NULL;
    }
    return 0;
}

/* Make `address` the first one; what was that becomes a further one. */
static int set_first(struct source_entry *entry, char *address)
{
    char *former = entry->address;
    entry->address = address;
    for (size_t i = 0; i < entry->alias_count; i++) {
        if (!strcmp(entry->aliases[i], address)) {
            free(entry->aliases[i]);
            entry->aliases[i] = entry->aliases[--entry->alias_count];
            break;
        }
    }
    return former ? source_entry_add_alias(entry, former) : 0;
}

static int add_values(const struct context *context, struct source_entry *entry, LDAP *ldap,
                      LDAPMessage *message, const char *attribute)
{
    struct berval **values = ldap_get_values_len(ldap, message, attribute);
    int rc = 0;
    for (size_t i = 0; rc == 0 && values && values[i]; i++) {
        char *address = NULL;
        bool primary = false;
        rc = read_value(context, entry, values[i], &address, &primary);
        if (rc == 0 && address && (!entry->address || primary)) {
            rc = set_first(entry, address);
        } else if (rc == 0 && address) {
            rc = source_entry_add_alias(entry, address);
        }
    }
    ldap_value_free_len(values);
    return rc;
}

/* Returns 0, -1 out of memory. */
static int add_entry(const struct context *context, const struct ldap_source *from, LDAP *ldap,
                     LDAPMessage *message, struct mailbox_source *out)
{
    struct source_entry *entry = mailbox_source_add(out, 0);
    char *dn = ldap_get_dn(ldap, message);
    int rc = -1;
    if (entry && dn && (entry->name = strdup(dn))) {
        rc = add_values(context, entry, ldap, message, from->address_attr);
    }
    for (size_t i = 0; rc == 0 && i < from->alias_attr->count; i++) {
        rc = add_values(context, entry, ldap, message, from->alias_attr->items[i]);
    }
    ldap_memfree(dn);
    if (rc == 0 && !entry->address && !entry->reason) {
        free(entry->name);
        out->count--;
        out->passed_over++;
    }
    return rc;
}

/* ---- Search ---- */

struct search {
    struct ldap_connection *connection;
    LDAP *ldap; /* of it */
    const char *filter;
    char *attributes[LDAP_SOURCE_MAX_ALIAS_ATTRS + 2];
    struct berval cookie; /* where the next page begins */
    size_t entries;
};

/* The cookie of the next page; an empty one after the last, and from servers without pages. */
static void take_cookie(struct search *search, LDAPControl **controls)
{
    ber_int_t estimate = 0;
    ber_memfree(search->cookie.bv_val);
    search->cookie = (struct berval){0, NULL};
    LDAPControl *page = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
    if (page && ldap_parse_pageresponse_control(search->ldap, page, &estimate, &search->cookie) !=
                    LDAP_SUCCESS) {
        search->cookie = (struct berval){0, NULL};
    }
}

static int take_page(const struct context *context, const struct ldap_source *from,
                     struct search *search, LDAPMessage *result, struct mailbox_source *out,
                     char **why)
{
    LDAPControl **controls = NULL;
    int code = LDAP_SUCCESS;
    int parsed = ldap_parse_result(search->ldap, result, &code, NULL, NULL, NULL, &controls, 0);
    code = parsed == LDAP_SUCCESS ? code : parsed;
    if (code != LDAP_SUCCESS) {
        ldap_controls_free(controls);
        return ldap_connection_failed(search->connection, code,
                                      code == LDAP_SIZELIMIT_EXCEEDED
                                          ? "the directory gives only a part of its entries"
                                          : "the search failed",
                                      why);
    }
    take_cookie(search, controls);
    ldap_controls_free(controls);
    for (LDAPMessage *entry = ldap_first_entry(search->ldap, result); entry;
         entry = ldap_next_entry(search->ldap, entry)) {
        if (++search->entries > MAX_ENTRIES) {
            why_set(why, "the directory has more than %d entries that match", MAX_ENTRIES);
            return -1;
        }
        if (add_entry(context, from, search->ldap, entry, out)) {
            why_set(why, "out of memory");
            return -1;
        }
    }
    return 0;
}

static int search_page(const struct context *context, const struct ldap_source *from,
                       struct search *search, struct mailbox_source *out, char **why)
{
    LDAPMessage *result = NULL;
    LDAPControl *page = NULL;
    struct timeval limit = {PAGE_TIMEOUT_S, 0};
    int rc = -1;
    ldap_connection_until(search->connection, deadline_in_ms(PAGE_TIMEOUT_S * 1000L));
    /* Not critical: a server that does not know pages gives all at once. */
    int code = ldap_create_page_control(search->ldap, PAGE_ENTRIES, &search->cookie, 0, &page);
    if (code == LDAP_SUCCESS) {
        LDAPControl *controls[] = {page, NULL};
        code = ldap_search_ext_s(search->ldap, from->base, LDAP_SCOPE_SUBTREE, search->filter,
                                 search->attributes, 0, controls, NULL, &limit, LDAP_NO_LIMIT,
                                 &result);
    }
    if (result) {
        rc = take_page(context, from, search, result, out, why);
    } else {
        ldap_connection_failed(search->connection, code, "the search failed", why);
    }
    ldap_msgfree(result);
    ldap_control_free(page);
    return rc;
}

static int search_all(const struct context *context, const struct ldap_source *from,
                      struct search *search, struct mailbox_source *out, char **why)
{
    const struct deadline end = deadline_in_ms(TOTAL_TIMEOUT_S * 1000L);
    search->attributes[0] = (char *)(uintptr_t)from->address_attr;
    for (size_t i = 0; i < from->alias_attr->count; i++) {
        search->attributes[i + 1] = (char *)(uintptr_t)from->alias_attr->items[i];
    }
    do {
        if (search_page(context, from, search, out, why)) {
            return -1;
        }
        if (search->cookie.bv_len > 0 && deadline_left_ms(&end) == 0) {
            why_set(why, "the directory has not given all its entries within %d seconds",
                    TOTAL_TIMEOUT_S);
            return -1;
        }
    } while (search->cookie.bv_len > 0);
    return 0;
}

int ldap_source_read(const struct context *context, const struct ldap_source *from,
                     struct mailbox_source *out, char **why)
{
    struct search search = {.filter = from->filter};
    char *filter = NULL;
    int rc = -1;
    if (from->alias_attr->count > LDAP_SOURCE_MAX_ALIAS_ATTRS) {
        why_set(why, "more than %d attributes with further addresses are given",
                LDAP_SOURCE_MAX_ALIAS_ATTRS);
        return -1;
    }
    if (!from->filter) {
        if (asprintf(&filter, "(%s=*)", from->address_attr) < 0) {
            why_set(why, "out of memory");
            return -1;
        }
        search.filter = filter;
    }
    search.connection = connect_to(from, why);
    if (search.connection) {
        search.ldap = ldap_connection_handle(search.connection);
        rc = search_all(context, from, &search, out, why);
        ldap_connection_close(&search.connection);
    }
    if (rc) {
        why_prefix(why, "%s", from->uri);
    }
    ber_memfree(search.cookie.bv_val);
    free(filter);
    return rc;
}
