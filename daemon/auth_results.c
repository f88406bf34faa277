/* Authentication-Results fields of others: taking out the smime results, and what
 * they say of the sender. */
#include "auth_results.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Skip blanks, folds and comments. NULL when a comment never ends. */
static const char *skip_cfws(const char *p)
{
    int depth = 0;
    for (; *p != '\0'; p++) {
        if (depth > 0 && *p == '\\' && p[1] != '\0')
            p++;
        else if (*p == '(')
            depth++;
        else if (*p == ')' && depth > 0)
            depth--;
        else if (depth == 0 && strchr(" \t\r\n", *p) == NULL)
            return p;
    }
    return depth == 0 ? p : NULL;
}

/* Read a token or a quoted string; its text goes to `out`, which holds strlen(p) + 1 bytes. NULL
 * when malformed. */
static const char *read_value(const char *p, char *out)
{
    if (*p == '"') {
        for (p++; *p != '"'; p++) {
            if (*p == '\\' && p[1] != '\0')
                p++;
            if (*p == '\0')
                return NULL;
            *out++ = *p;
        }
        *out = '\0';
        return p + 1;
    }
    while (*p != '\0' && strchr(" \t\r\n;=()\"/", *p) == NULL)
        *out++ = *p++;
    *out = '\0';
    return p;
}

/* The end of a result: the next ';' outside quotes and comments, or the end. NULL when malformed.
 */
static const char *result_end(const char *p)
{
    while (*p != '\0' && *p != ';') {
        if (*p == '(') {
            p = skip_cfws(p);
        } else if (*p == '"') {
            for (p++; *p != '\0' && *p != '"'; p++)
                if (*p == '\\' && p[1] != '\0')
                    p++;
            if (*p == '"')
                p++;
            else
                return NULL;
        } else {
            p++;
        }
        if (p == NULL)
            return NULL;
    }
    return p;
}

/* Does the result that begins at `p` report on smime? -1 when malformed. */
static int is_smime(const char *p, char *scratch)
{
    p = skip_cfws(p);
    if (p == NULL || read_value(p, scratch) == NULL)
        return -1;
    return strcasecmp(scratch, "smime") == 0;
}

/* Copy the results that are not smime's. */
static enum auth_results_action filter(const char *value, const char *p, char *scratch, char *out)
{
    bool removed = false;
    bool kept = false;
    size_t length = (size_t)(p - value);
    memcpy(out, value, length);
    while (*p == ';') {
        const char *end = result_end(p + 1);
        int smime = end != NULL ? is_smime(p + 1, scratch) : -1;
        if (smime < 0)
            return AUTH_RESULTS_DELETE;
        if (smime) {
            removed = true;
        } else {
            memcpy(out + length, p, (size_t)(end - p));
            length += (size_t)(end - p);
            kept = kept || *skip_cfws(p + 1) != '\0';
        }
        p = end;
    }
    out[length] = '\0';
    if (!removed)
        return AUTH_RESULTS_KEEP;
    return kept ? AUTH_RESULTS_CHANGE : AUTH_RESULTS_DELETE;
}

enum auth_results_action auth_results_without_smime(const char *value, const char *authserv_id,
                                                    char **value_out)
{
    char *scratch = malloc(strlen(value) + 1);
    char *out = malloc(strlen(value) + 1);
    enum auth_results_action action = AUTH_RESULTS_ERROR;
    const char *p;
    if (scratch == NULL || out == NULL)
        goto out;
    p = skip_cfws(value);
    if (p != NULL)
        p = read_value(p, scratch);
    if (p == NULL) {
        /* No reader can tell whose it is. One that names us somewhere must not stand. */
        action = strcasestr(value, authserv_id) != NULL ? AUTH_RESULTS_DELETE : AUTH_RESULTS_KEEP;
        goto out;
    }
    if (strcasecmp(scratch, authserv_id) != 0) {
        action = AUTH_RESULTS_KEEP;
        goto out;
    }
    p = result_end(p); /* over the version */
    action = p != NULL ? filter(value, p, scratch, out) : AUTH_RESULTS_DELETE;
    if (action == AUTH_RESULTS_CHANGE) {
        *value_out = out;
        out = NULL;
    }
out:
    free(scratch);
    free(out);
    return action;
}

/* The domain of "user@example.com", "@example.com" or "example.com". */
static const char *domain_of(const char *text)
{
    const char *at = strrchr(text, '@');
    return at != NULL ? at + 1 : text;
}

static bool is_above(const char *upper, const char *domain)
{
    size_t length = strlen(domain);
    size_t upper_length = strlen(upper);
    return strchr(upper, '.') != NULL && length > upper_length &&
           domain[length - upper_length - 1] == '.' &&
           strcasecmp(domain + length - upper_length, upper) == 0;
}

/* Is it "property=value" for the method that fits? */
static bool property_fits(bool is_spf, const char *property, const char *value, const char *domain)
{
    if (is_spf)
        return strcasecmp(property, "smtp.mailfrom") == 0 &&
               strcasecmp(domain_of(value), domain) == 0;
    return strcasecmp(property, "header.d") == 0 &&
           (strcasecmp(value, domain) == 0 || is_above(value, domain));
}

/* Read "name = value" at `p`. NULL at the end of the result, or where it is malformed. */
static const char *read_pair(const char *p, char *name, char *value)
{
    p = skip_cfws(p);
    if (p == NULL || *p == ';' || *p == '\0')
        return NULL;
    p = read_value(p, name);
    p = p != NULL ? skip_cfws(p) : NULL;
    if (p != NULL && *p == '/') { /* the version of a method */
        p = skip_cfws(p + 1);
        p = p != NULL ? read_value(p, value) : NULL;
        p = p != NULL ? skip_cfws(p) : NULL;
    }
    if (p == NULL || *p != '=')
        return NULL;
    p = skip_cfws(p + 1);
    return p != NULL ? read_value(p, value) : NULL;
}

/* The result that begins at `p`. */
static bool result_authenticates(const char *p, const char *domain, char *name, char *value)
{
    bool is_spf;
    p = read_pair(p, name, value);
    if (p == NULL || strcasecmp(value, "pass") != 0)
        return false;
    is_spf = strcasecmp(name, "spf") == 0;
    if (!is_spf && strcasecmp(name, "dkim") != 0)
        return false;
    while ((p = read_pair(p, name, value)) != NULL)
        if (property_fits(is_spf, name, value, domain))
            return true;
    return false;
}

int auth_results_authenticate(const char *value, const char *authserv_id, const char *domain)
{
    char *name = malloc(strlen(value) + 1);
    char *text = malloc(strlen(value) + 1);
    const char *p;
    int found = name != NULL && text != NULL ? 0 : -1;
    if (found < 0)
        goto out;
    p = skip_cfws(value);
    p = p != NULL ? read_value(p, name) : NULL;
    if (p == NULL || strcasecmp(name, authserv_id) != 0)
        goto out;
    for (p = result_end(p); p != NULL && *p == ';' && found == 0; p = result_end(p + 1))
        found = result_authenticates(p + 1, domain, name, text);
out:
    free(name);
    free(text);
    return found;
}
