/* Mail that postmasters leave unsigned. */
#include "unsigned_mail.h"

#include <string.h>
#include <strings.h>

#include "media_type.h"
#include "subparts.h"

/* Anything but "no": a keyword, then parameters. */
bool is_auto_submitted(const struct header *header)
{
    const struct header_field *field = header_get(header, "Auto-Submitted", 0);
    const char *value;
    size_t length;
    if (field == NULL)
        return false;
    value = field->value + strspn(field->value, " \t\r\n");
    length = strcspn(value, " \t\r\n;(");
    return length > 0 && !(length == 2 && strncasecmp(value, "no", 2) == 0);
}

/* 1, 0, -1. */
static int has_calendar(const struct gateway *gateway, const struct entity *message,
                        const struct smime_progress *progress, char **why)
{
    const struct view view = {&message->header, message->body, 0, spool_size(message->body)};
    struct smime_limits limits;
    struct media_type media = {0};
    struct subparts parts = {0};
    int found = -1;
    gateway_limits(gateway, &limits);
    if (media_type_read(&message->header, &media, why) != SMIME_OK)
        goto out;
    if (media_type_is(&media, "text", "calendar"))
        found = 1;
    else if (subparts_find(&view, &limits, progress, &parts, why) == SMIME_OK)
        found = parts.calendar_part;
out:
    subparts_clear(&parts);
    media_type_clear(&media);
    return found;
}

int unsigned_mail(const struct gateway *gateway, const struct transaction *transaction,
                  const char *from, const struct smime_progress *progress, const char **reason_out,
                  char **why)
{
    const struct settings *settings = &gateway->config->settings;
    int found = 0;
    if (from != NULL &&
        pattern_list_matches(&settings->unsigned_senders, from, settings->recipient_delimiter)) {
        *reason_out = "unsigned_senders lists the sender";
        return 1;
    }
    if (settings->unsigned_auto_submitted && is_auto_submitted(&transaction->message.header)) {
        *reason_out = "mail of programs (Auto-Submitted) is left unsigned";
        return 1;
    }
    if (settings->unsigned_calendar)
        found = has_calendar(gateway, &transaction->message, progress, why);
    if (found == 1)
        *reason_out = "calendar invitations are left unsigned";
    return found;
}
