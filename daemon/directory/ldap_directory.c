/* Asking an LDAP directory. What it sends is bounded before it is read: bytes of a message by
 * liblber, entries and certificates here. */
#include "ldap_directory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ldap_connection.h"
#include "ldap_filter.h"
#include "password_file.h"
#include "why.h"

/* Of an entry beside its certificates: names, and what BER adds. */
#define ENTRY_EXTRA_BYTES (64UL * 1024)

struct search {
    const struct settings *settings;
    const struct directory_setting *directory;
    struct ldap_connection *connection;
    struct deadline deadline;
    struct answer *answer;
    int entries;
    int id; /* of the search on the connection */
};

/* The directory cannot be asked: *reason says why. */
static int unavailable(struct answer *answer, char **reason)
{
    answer->status = ANSWER_UNAVAILABLE;
    free(answer->reason);
    answer->reason = *reason;
    *reason = NULL;
    return 0;
}

static struct ldap_connection *open_connection(const struct search *search, char **why)
{
    static const enum ldap_starttls starttls[] = {[STARTTLS_REQUIRED] = LDAP_STARTTLS_REQUIRED,
                                                  [STARTTLS_OPTIONAL] = LDAP_STARTTLS_OPTIONAL,
                                                  [STARTTLS_OFF] = LDAP_STARTTLS_OFF};
    const struct directory_setting *directory = search->directory;
    const struct settings *settings = search->settings;
    struct ldap_connection *connection = NULL;
    char *password = NULL;
    struct ldap_connection_options options = {
        .uri = directory->url,
        .starttls = starttls[directory->starttls],
        .starttls_setting = "starttls",
        .ca_file = directory->ca_file,
        .ca_file_setting = "ca_file",
        .bind_dn = directory->bind_dn,
        .password_in_clear = directory->password_in_clear,
        .connect_timeout_ms = settings->directory_timeout_ms,
        .deadline = search->deadline,
        .max_answer_bytes = (unsigned long)settings->max_directory_certificates *
                                (unsigned long)settings->max_directory_certificate_bytes +
                            ENTRY_EXTRA_BYTES,
    };
    if (directory->password_file != NULL) {
        password = password_file_read(directory->password_file, why);
        if (password == NULL)
            return NULL;
    }
    options.password = password;
    connection = ldap_connection_open(&options, why);
    password_free(&password);
    return connection;
}

/* The name of an attribute without its options. */
static size_t name_length(const char *attribute)
{
    return strcspn(attribute, ";");
}

static bool is_wanted(const struct directory_setting *directory, const char *attribute)
{
    size_t length = name_length(attribute);
    for (size_t i = 0; i < directory->attributes.count; i++) {
        const char *wanted = directory->attributes.items[i];
        if (name_length(wanted) == length && strncasecmp(wanted, attribute, length) == 0)
            return true;
    }
    return false;
}

/* Returns 0, -1 out of memory. */
static int take_values(struct search *search, LDAPMessage *entry, const char *attribute)
{
    const struct settings *settings = search->settings;
    struct berval **values =
        ldap_get_values_len(ldap_connection_handle(search->connection), entry, attribute);
    int rc = 0;
    for (size_t i = 0; rc == 0 && values != NULL && values[i] != NULL; i++)
        rc = answer_add_value(search->answer, (const unsigned char *)values[i]->bv_val,
                              values[i]->bv_len, (size_t)settings->max_directory_certificate_bytes,
                              (size_t)settings->max_directory_certificates);
    ldap_value_free_len(values);
    return rc;
}

/* All values of the attributes that hold certificates: directories give them with the option
 * "binary" or without, whatever they were asked for. Returns 0, -1 out of memory. */
static int take_entry(struct search *search, LDAPMessage *entry)
{
    LDAP *ldap = ldap_connection_handle(search->connection);
    BerElement *position = NULL;
    int rc = 0;
    char *attribute = ldap_first_attribute(ldap, entry, &position);
    while (attribute != NULL) {
        if (rc == 0 && is_wanted(search->directory, attribute))
            rc = take_values(search, entry, attribute);
        ldap_memfree(attribute);
        attribute = ldap_next_attribute(ldap, entry, position);
    }
    ber_free(position, 0);
    return rc;
}

/* The end of the search: what the directory says of it. */
static int take_result(struct search *search, LDAPMessage *message)
{
    LDAP *ldap = ldap_connection_handle(search->connection);
    char *reason = NULL;
    int code = LDAP_SUCCESS;
    int parsed = ldap_parse_result(ldap, message, &code, NULL, NULL, NULL, NULL, 0);
    code = parsed == LDAP_SUCCESS ? code : parsed;
    if (code == LDAP_SUCCESS)
        return 0;
    if (code == LDAP_NO_SUCH_OBJECT) {
        ldap_connection_failed(search->connection, code, "the base is not there",
                               &search->answer->reason);
        return 0;
    }
    ldap_connection_failed(search->connection, code, "the search failed", &reason);
    return unavailable(search->answer, &reason);
}

/* One message of the directory. Returns 1 when it was the last, 0, -1 out of memory. */
static int take_message(struct search *search, LDAPMessage *message)
{
    char *reason = NULL;
    switch (ldap_msgtype(message)) {
    case LDAP_RES_SEARCH_ENTRY:
        if (++search->entries > search->settings->max_directory_entries) {
            why_set(&reason,
                    "more than %d entries (max_directory_entries) match, so the filter does not "
                    "name one person",
                    search->settings->max_directory_entries);
            return unavailable(search->answer, &reason) == 0 ? 1 : -1;
        }
        return take_entry(search, message);
    case LDAP_RES_SEARCH_RESULT:
        return take_result(search, message) == 0 ? 1 : -1;
    default: /* references to other servers are not followed */
        return 0;
    }
}

/* Returns 0, -1 out of memory. */
static int take_messages(struct search *search)
{
    LDAP *ldap = ldap_connection_handle(search->connection);
    int done = 0;
    while (done == 0) {
        struct timeval left = deadline_left(&search->deadline, INT32_MAX);
        LDAPMessage *message = NULL;
        char *reason = NULL;
        int kind = ldap_result(ldap, search->id, LDAP_MSG_ONE, &left, &message);
        if (kind > 0) {
            done = take_message(search, message);
        } else {
            int code = LDAP_TIMEOUT;
            if (kind < 0)
                ldap_get_option(ldap, LDAP_OPT_RESULT_CODE, &code);
            ldap_connection_failed(search->connection, code, "the search failed", &reason);
            unavailable(search->answer, &reason);
            done = 1;
        }
        ldap_msgfree(message);
    }
    return done < 0 ? -1 : 0;
}

static void strings_free(char ***strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free((*strings)[i]);
    free(*strings);
    *strings = NULL;
}

/* What to ask for: each attribute as it was configured, and in its other form. OpenLDAP knows
 * userSMIMECertificate without "binary" only, others give userCertificate with it only (RFC 4523
 * section 2.1). NULL out of memory. */
static char **wanted_attributes(const struct string_list *wanted)
{
    char **attributes = calloc(2 * wanted->count + 1, sizeof *attributes);
    size_t count = 0;
    for (size_t i = 0; attributes != NULL && i < wanted->count; i++) {
        const char *name = wanted->items[i];
        size_t length = name_length(name);
        attributes[count++] = strdup(name);
        if (asprintf(&attributes[count], "%.*s%s", (int)length, name,
                     name[length] == '\0' ? ";binary" : "") < 0)
            attributes[count] = NULL;
        if (attributes[count - 1] == NULL || attributes[count] == NULL) {
            strings_free(&attributes, count + 1);
            break;
        }
        count++;
    }
    return attributes;
}

static int start_search(struct search *search, const char *filter, char **why)
{
    size_t count = 2 * search->directory->attributes.count;
    char **attributes = wanted_attributes(&search->directory->attributes);
    struct timeval left = deadline_left(&search->deadline, INT32_MAX);
    int code;
    if (attributes == NULL) {
        why_set(why, "out of memory");
        return -1;
    }
    code = ldap_search_ext(ldap_connection_handle(search->connection), search->directory->base,
                           LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL, NULL, &left,
                           search->settings->max_directory_entries + 1, &search->id);
    strings_free(&attributes, count);
    if (code == LDAP_SUCCESS)
        return 0;
    return ldap_connection_failed(search->connection, code, "the search failed", why);
}

int ldap_directory_ask(const struct settings *settings, const struct directory_setting *directory,
                       const char *address, struct deadline deadline, struct answer *answer,
                       char **why)
{
    struct search search = {
        .settings = settings, .directory = directory, .deadline = deadline, .answer = answer};
    char *filter = ldap_filter(directory->filter, address);
    char *reason = NULL;
    int rc = -1;
    if (filter == NULL) {
        why_set(why, "out of memory");
        return -1;
    }
    search.connection = open_connection(&search, &reason);
    if (search.connection == NULL || start_search(&search, filter, &reason) != 0) {
        rc = unavailable(answer, &reason);
        goto out;
    }
    rc = take_messages(&search);
    if (rc != 0)
        why_set(why, "out of memory");
    else if (answer->status == ANSWER_NOTHING && answer->reason == NULL)
        why_set(&answer->reason, "%s",
                search.entries == 0  ? "no entry matches"
                : answer->count == 0 ? "its entry has no certificate"
                                     : "its entry has no certificate that can be read");
    for (size_t i = 0; i < answer->count; i++)
        answer->findings[i].needs_anchor = directory->anchored;
out:
    ldap_connection_close(&search.connection);
    free(filter);
    why_free(&reason);
    return rc;
}
