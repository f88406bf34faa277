/* What may stand in MAIL and RCPT. */
#include "smtp_syntax.h"

#include <stddef.h>
#include <string.h>

#include "utf8.h"

#define MAX_NAME_BYTES 255

bool smtp_path_is_sound(const char *text)
{
    size_t length = strlen(text);
    bool quoted = false;

    if (length > SMTP_MAX_ADDRESS_BYTES || !utf8_is_printable(text, length))
        return false;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (!quoted && strchr(" <>\\", *p) != NULL)
            return false; /* a backslash means nothing there, and servers differ on what it does */
        else if (*p == '\\' && *++p == '\0')
            return false;
    }
    return !quoted;
}

bool smtp_ret_is_sound(const char *text)
{
    return strcasecmp(text, "FULL") == 0 || strcasecmp(text, "HDRS") == 0;
}

/* RFC 3461 section 4: visible ASCII but + and =, where + begins two hexadecimal digits. */
static bool is_xtext(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '!' || *p > '~' || *p == '=')
            return false;
        if (*p == '+' && strspn(p + 1, "0123456789ABCDEFabcdef") < 2)
            return false;
    }
    return true;
}

bool smtp_envid_is_sound(const char *text)
{
    return *text != '\0' && strlen(text) <= SMTP_MAX_ENVID_BYTES && is_xtext(text);
}

bool smtp_notify_is_sound(const char *text)
{
    static const char *const events[] = {"SUCCESS", "FAILURE", "DELAY"};

    if (strcasecmp(text, "NEVER") == 0)
        return true;
    for (;;) {
        size_t length = strcspn(text, ",");
        bool known = false;

        for (size_t i = 0; i < sizeof events / sizeof *events; i++)
            known =
                known || (strlen(events[i]) == length && strncasecmp(text, events[i], length) == 0);
        if (!known)
            return false;
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

/* "addr-type;xtext". RFC 6533 section 3 allows UTF-8 behind "utf-8;", and \x{...} with an = or + in
 * none of it. */
bool smtp_orcpt_is_sound(const char *text)
{
    const char *address = strchr(text, ';');
    size_t length = strlen(text);

    if (!address || address == text || address[1] == '\0' || length > SMTP_MAX_ORCPT_BYTES)
        return false;
    if (strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
        (size_t)(address - text))
        return false;
    if (strncasecmp(text, "utf-8;", 6) == 0)
        return utf8_is_printable(text, length) && !strpbrk(text, " =");
    return is_xtext(address + 1);
}

bool smtp_name_is_sound(const char *text)
{
    size_t length = strlen(text);

    return length > 0 && length <= MAX_NAME_BYTES &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
               length;
}
