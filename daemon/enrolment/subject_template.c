/* Subjects with a place for the address. */
#include "subject_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "distinguished_name.h"
#include "why.h"

#define PLACE "{address}"

/* A new string, NULL when out of memory. */
static char *fill(const char *value, const char *address)
{
    char *text = NULL;
    size_t length = 0;
    const char *at;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    while ((at = strstr(value, PLACE)) != NULL) {
        fprintf(out, "%.*s%s", (int)(at - value), value, address);
        value = at + strlen(PLACE);
    }
    fputs(value, out);
    if (fclose(out) == EOF) {
        free(text);
        return NULL;
    }
    return text;
}

/* `set` -1 puts the attribute beside the one before. */
static int add(X509_NAME *name, const X509_NAME_ENTRY *entry, const char *address, int set,
               char **why)
{
    ASN1_OBJECT *object = X509_NAME_ENTRY_get_object(entry);
    unsigned char *value = NULL;
    char *filled = NULL;
    int rc = -1;

    if (ASN1_STRING_to_UTF8(&value, X509_NAME_ENTRY_get_data(entry)) >= 0)
        filled = fill((const char *)value, address);
    if (!filled)
        why_set(why, "out of memory");
    else if (X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8, (unsigned char *)filled, -1,
                                        -1, set) != 1)
        why_set(why, "%s is too long for the attribute %s of a subject, or not fit for it", filled,
                OBJ_nid2sn(OBJ_obj2nid(object)));
    else
        rc = 0;
    ERR_clear_error();
    OPENSSL_free(value);
    free(filled);
    return rc;
}

X509_NAME *subject_from_template(const char *text, const char *address, char **why)
{
    X509_NAME *wanted = distinguished_name_read(text, why);
    X509_NAME *name = wanted ? X509_NAME_new() : NULL;
    int former = -1;

    if (wanted && !name)
        why_set(why, "out of memory");
    for (int i = 0; name && i < X509_NAME_entry_count(wanted); i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(wanted, i);
        int set = X509_NAME_ENTRY_set(entry);

        if (add(name, entry, address, set == former ? -1 : 0, why) != 0) {
            X509_NAME_free(name);
            name = NULL;
        }
        former = set;
    }
    X509_NAME_free(wanted);
    return name;
}
