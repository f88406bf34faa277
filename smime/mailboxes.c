/* Addresses in header fields (RFC 5322 section 3.4).
 *
 * GMime reads them. For From that is not enough: GMime guesses where a text is not well formed, a
 * mail program guesses otherwise, and then the signature is said to be somebody else's. So a From
 * field must have the one shape that leaves nothing to guess, found by a reader of our own that
 * knows nothing but that shape, and both must have found the same address. */
#include "mailboxes.h"

#include <gmime/gmime.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "gmime_start.h"
#include "why.h"

/* What stands where in a From field. */
struct shape {
    const char *next;
    char *outside; /* text outside of comments and angle brackets */
    size_t outside_length;
    bool outside_gap; /* blanks or a comment between two pieces of it */
    bool gap_pending;
    bool outside_at; /* an unquoted '@' in it */
    char *angle;     /* text in the angle brackets */
    size_t angle_length;
    bool angle_seen;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The value with its folds undone; NULL when out of memory. */
static char *unfold(const char *value)
{
    char *out = malloc(strlen(value) + 1);
    char *p = out;
    if (out == NULL)
        return NULL;
    for (; *value != '\0'; value++) {
        if (value[0] == '\r' && value[1] == '\n' && is_blank(value[2]))
            value++;
        else
            *p++ = *value;
    }
    *p = '\0';
    return out;
}

static const char *control_character(const char *text)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return text;
    return NULL;
}

/* Behind the comment that begins at `text`, NULL when it has no end or looks like an address: some
 * programs show what is in it. */
static const char *skip_comment(const char *text)
{
    size_t depth = 0;
    for (; *text != '\0'; text++) {
        if (*text == '\\' && text[1] != '\0')
            text++;
        else if (*text == '(')
            depth++;
        else if (*text == ')' && --depth == 0)
            return text + 1;
        if (strchr("<>@", *text) != NULL)
            return NULL;
    }
    return NULL;
}

/* Behind the quoted string or domain literal that begins at `text`; NULL when it has no end. */
static const char *skip_quoted(const char *text, char end)
{
    for (text++; *text != '\0'; text++) {
        if (*text == '\\' && text[1] != '\0')
            text++;
        else if (*text == end)
            return text + 1;
    }
    return NULL;
}

static void add_outside(struct shape *shape, const char *from, const char *to)
{
    if (shape->gap_pending && shape->outside_length > 0)
        shape->outside_gap = true;
    shape->gap_pending = false;
    memcpy(shape->outside + shape->outside_length, from, (size_t)(to - from));
    shape->outside_length += (size_t)(to - from);
}

/* Read the angle-addr at shape->next. */
static const char *read_angle(struct shape *shape)
{
    const char *p = shape->next + 1;
    const char *from = p;
    if (shape->angle_seen)
        return "there are two addresses in angle brackets";
    shape->angle_seen = true;
    while (*p != '>') {
        if (*p == '"' || *p == '[')
            p = skip_quoted(p, *p == '"' ? '"' : ']');
        else if (*p == '\0' || strchr(" \t()<,;:\\", *p) != NULL)
            p = NULL;
        else
            p++;
        if (p == NULL)
            return "what stands in angle brackets is no plain address";
    }
    shape->angle_length = (size_t)(p - from);
    memcpy(shape->angle, from, shape->angle_length);
    shape->next = p + 1;
    return NULL;
}

/* Read one piece of the field: NULL, or what is wrong with it. */
static const char *read_piece(struct shape *shape)
{
    const char *from = shape->next;
    const char *to = from + 1;
    if (is_blank(*from)) {
        shape->gap_pending = true;
        shape->next = to;
        return NULL;
    }
    if (*from == '(') {
        shape->gap_pending = true;
        shape->next = skip_comment(from);
        return shape->next != NULL ? NULL : "a comment has no end, or looks like an address";
    }
    if (*from == '<')
        return read_angle(shape);
    if (shape->angle_seen)
        return "text follows the address";
    if (*from == '"' || *from == '[') {
        to = skip_quoted(from, *from == '"' ? '"' : ']');
        if (to == NULL)
            return "a quoted string has no end";
    } else if (strchr(",;:>)]\\", *from) != NULL) {
        return "there is not exactly one mailbox, or a group";
    } else if (*from == '@') {
        shape->outside_at = true;
    }
    add_outside(shape, from, to);
    shape->next = to;
    return NULL;
}

/* Find the addr-spec in an unfolded From field: NULL with shape->angle (or shape->outside) ended by
 * NUL and *address_out one of them, or what is wrong. */
static const char *find_address(struct shape *shape, const char **address_out)
{
    const char *wrong = NULL;
    while (wrong == NULL && *shape->next != '\0')
        wrong = read_piece(shape);
    if (wrong != NULL)
        return wrong;
    shape->outside[shape->outside_length] = '\0';
    shape->angle[shape->angle_length] = '\0';
    if (shape->angle_seen && shape->outside_at)
        return "an address stands where a display name belongs";
    if (!shape->angle_seen && shape->outside_gap)
        return "an address without angle brackets has blanks or a comment in it";
    *address_out = shape->angle_seen ? shape->angle : shape->outside;
    if (strstr(*address_out, "=?") != NULL)
        return "the address has an encoded word";
    return g_utf8_validate(*address_out, -1, NULL) ? NULL : "the address is not UTF-8";
}

/* The addr-spec that GMime finds, as a canonical address; NULL when it finds not exactly one. */
static char *gmime_address(const char *text)
{
    GMimeParserOptions *options = g_mime_parser_options_new();
    InternetAddressList *list;
    char *canonical = NULL;
    g_mime_parser_options_set_address_compliance_mode(options, GMIME_RFC_COMPLIANCE_STRICT);
    list = internet_address_list_parse(options, text);
    if (list != NULL && internet_address_list_length(list) == 1) {
        InternetAddress *item = internet_address_list_get_address(list, 0);
        const char *address =
            INTERNET_ADDRESS_IS_MAILBOX(item)
                ? internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(item))
                : NULL;
        if (address != NULL &&
            address_canonical(address, strlen(address), &canonical) != ADDRESS_OK)
            canonical = NULL;
    }
    if (list != NULL)
        g_object_unref(list);
    g_mime_parser_options_free(options);
    return canonical;
}

/* The address of one From field. Returns 0, or -1 with a sentence. */
static int read_from(const char *value, char **canonical_out, char **why)
{
    size_t room = strlen(value) + 1;
    char *text = unfold(value);
    struct shape shape = {.next = text, .outside = malloc(room), .angle = malloc(room)};
    const char *address = NULL;
    const char *wrong;
    char *canonical = NULL;
    char *second = NULL;
    int rc = -1;
    if (text == NULL || shape.outside == NULL || shape.angle == NULL) {
        why_set(why, "out of memory");
        goto out;
    }
    wrong = control_character(text) != NULL ? "it has control characters"
                                            : find_address(&shape, &address);
    if (wrong != NULL) {
        why_set(why, "the From field cannot be trusted: %s", wrong);
        goto out;
    }
    if (address_canonical(address, strlen(address), &canonical) != ADDRESS_OK) {
        canonical = NULL;
        why_set(why, "the From field has no valid address");
        goto out;
    }
    second = gmime_address(text);
    if (second == NULL || strcmp(second, canonical) != 0) {
        why_set(why, "the From field can be read in two ways");
        goto out;
    }
    *canonical_out = canonical;
    canonical = NULL;
    rc = 0;
out:
    free(text);
    free(shape.outside);
    free(shape.angle);
    free(canonical);
    free(second);
    return rc;
}

int mailboxes_from(const struct header *header, char **canonical_out, char **why)
{
    size_t count = header_count(header, "From");
    gmime_start();
    if (count != 1) {
        why_set(why, count == 0 ? "the message has no From field"
                                : "the message has more than one From field");
        return -1;
    }
    return read_from(header_get(header, "From", 0)->value, canonical_out, why);
}

static int add_mailbox(struct mailboxes *mailboxes, const char *address)
{
    char *canonical = NULL;
    char **items;
    enum address_status status = address_canonical(address, strlen(address), &canonical);
    if (status == ADDRESS_ERROR)
        return -1;
    if (status != ADDRESS_OK)
        return 0;
    items = reallocarray(mailboxes->items, mailboxes->count + 1, sizeof *items);
    if (items == NULL) {
        free(canonical);
        return -1;
    }
    mailboxes->items = items;
    items[mailboxes->count++] = canonical;
    return 0;
}

/* Add every mailbox of `list`; groups do not nest (RFC 5322 section 3.4). */
static int add_list(struct mailboxes *mailboxes, InternetAddressList *list, bool groups)
{
    int count = internet_address_list_length(list);
    for (int i = 0; i < count; i++) {
        InternetAddress *item = internet_address_list_get_address(list, i);
        const char *address;
        if (INTERNET_ADDRESS_IS_GROUP(item)) {
            InternetAddressList *members =
                internet_address_group_get_members(INTERNET_ADDRESS_GROUP(item));
            if (groups && members != NULL && add_list(mailboxes, members, false) != 0)
                return -1;
            continue;
        }
        address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(item));
        if (address != NULL && add_mailbox(mailboxes, address) != 0)
            return -1;
    }
    return 0;
}

/* GMime 3.2 leaks memory when a comment behind a domain literal never ends: a stranger could make
 * us grow. Nobody writes domain literals and comments in one field. */
static bool has_literal_and_comment(const char *text)
{
    char before = '\0';
    for (; *text != '\0'; text++) {
        if (*text == '[' && (before == '@' || before == ')'))
            return strchr(text, '(') != NULL;
        if (!g_ascii_isspace(*text))
            before = *text;
    }
    return false;
}

int mailboxes_of(const struct header *header, const char *name, struct mailboxes *out)
{
    size_t count = header_count(header, name);
    *out = (struct mailboxes){0};
    gmime_start();
    for (size_t i = 0; i < count; i++) {
        char *text = unfold(header_get(header, name, i)->value);
        InternetAddressList *list;
        int rc = 0;
        if (text == NULL) {
            mailboxes_clear(out);
            return -1;
        }
        list = has_literal_and_comment(text) ? NULL : internet_address_list_parse(NULL, text);
        free(text);
        if (list != NULL) {
            rc = add_list(out, list, true);
            g_object_unref(list);
        }
        if (rc != 0) {
            mailboxes_clear(out);
            return -1;
        }
    }
    return 0;
}

/* Does a run of address characters end at `c`? */
static bool ends_run(char c)
{
    return c == '\0' || strchr(" \t\r\n<>()[],;:\"\\", c) != NULL;
}

static int add_runs(struct mailboxes *mailboxes, const char *text)
{
    for (const char *at = strchr(text, '@'); at != NULL; at = strchr(at + 1, '@')) {
        const char *from = at;
        const char *to = at + 1;
        char *run;
        int rc;
        while (from > text && !ends_run(from[-1]) && from[-1] != '@')
            from--;
        while (!ends_run(*to) && *to != '@')
            to++;
        run = strndup(from, (size_t)(to - from));
        rc = run != NULL ? add_mailbox(mailboxes, run) : -1;
        free(run);
        if (rc != 0)
            return -1;
    }
    return 0;
}

int mailboxes_mentioned(const struct header *header, const char *name, struct mailboxes *out)
{
    if (mailboxes_of(header, name, out) != 0)
        return -1;
    for (size_t i = 0; i < header->count; i++)
        if (g_ascii_strcasecmp(header->fields[i].name, name) == 0 &&
            add_runs(out, header->fields[i].value) != 0) {
            mailboxes_clear(out);
            return -1;
        }
    return 0;
}

void mailboxes_clear(struct mailboxes *mailboxes)
{
    if (mailboxes == NULL)
        return;
    for (size_t i = 0; i < mailboxes->count; i++)
        free(mailboxes->items[i]);
    free(mailboxes->items);
    *mailboxes = (struct mailboxes){0};
}
