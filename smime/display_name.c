/* Addresses in the display name of From.
 *
 * GMime has decoded the name; compatibility forms (a full-width '@', say) become what they look
 * like, and what has no width is dropped, so that what is compared is what is seen. */
#include "display_name.h"

#include <gmime/gmime.h>
#include <string.h>

#include "gmime_start.h"

/* `name` as it is seen; NULL when it is no UTF-8. */
static char *as_seen(const char *name)
{
    char *normal = g_utf8_normalize(name, -1, G_NORMALIZE_ALL_COMPOSE);
    GString *out;
    if (normal == NULL)
        return NULL;
    out = g_string_new(NULL);
    for (const char *p = normal; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (!g_unichar_iszerowidth(c) && g_unichar_type(c) != G_UNICODE_FORMAT)
            g_string_append_unichar(out, c);
    }
    g_free(normal);
    return g_string_free(out, FALSE);
}

/* Leave only those with a dot in the domain: "Anna @work.de" and "max@work" name nobody. */
static void drop_dotless(struct mailboxes *mailboxes)
{
    size_t kept = 0;
    for (size_t i = 0; i < mailboxes->count; i++) {
        char *item = mailboxes->items[i];
        const char *at = strrchr(item, '@');
        if (at != NULL && strchr(at, '.') != NULL)
            mailboxes->items[kept++] = item;
        else
            free(item);
    }
    mailboxes->count = kept;
}

static int add_name(struct mailboxes *out, const char *name)
{
    char *seen = name != NULL ? as_seen(name) : NULL;
    int rc = seen != NULL ? mailboxes_add_from_text(out, seen) : 0;
    g_free(seen);
    return rc;
}

int display_name_addresses(const struct header *header, struct mailboxes *out)
{
    const struct header_field *field = header_get(header, "From", 0);
    InternetAddressList *list;
    int rc = 0;
    *out = (struct mailboxes){0};
    gmime_start();
    list = field != NULL ? internet_address_list_parse(NULL, field->value) : NULL;
    if (list == NULL)
        return 0;
    for (int i = 0; rc == 0 && i < internet_address_list_length(list); i++)
        rc = add_name(out, internet_address_get_name(internet_address_list_get_address(list, i)));
    g_object_unref(list);
    if (rc != 0)
        mailboxes_clear(out);
    else
        drop_dotless(out);
    return rc;
}
