/* The header of a message whose content is replaced. */
#include "message_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int message_header_begin(const struct header *message, const char *type, struct header *out)
{
    for (size_t i = 0; i < message->count; i++) {
        const struct header_field *field = &message->fields[i];
        if (header_is_content(field->name) || strcasecmp(field->name, "MIME-Version") == 0)
            continue;
        if (header_add(out, field->name, field->value) != 0)
            return -1;
    }
    if (header_add(out, "MIME-Version", " 1.0") != 0)
        return -1;
    return header_add(out, "Content-Type", type);
}

int message_header_pkcs7_mime(const struct header *message, const char *smime_type,
                              struct header *out)
{
    char *type = NULL;
    int rc = -1;
    if (asprintf(&type, " application/pkcs7-mime; smime-type=%s;\r\n\tname=\"smime.p7m\"",
                 smime_type) < 0)
        return -1;
    if (message_header_begin(message, type, out) == 0 &&
        header_add(out, "Content-Transfer-Encoding", " base64") == 0 &&
        header_add(out, "Content-Disposition", " attachment; filename=\"smime.p7m\"") == 0)
        rc = 0;
    free(type);
    return rc;
}
