/* The authors of a message. */
#include "authors.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MALFORMED_FROM_MAX_BYTES 4096

static int add_one(struct mailboxes *authors, char *from)
{
    authors->items = malloc(sizeof *authors->items);
    if (authors->items == NULL) {
        free(from);
        return -1;
    }
    authors->items[0] = from;
    authors->count = 1;
    return 0;
}

int authors_find(const struct header *header, struct mailboxes *out)
{
    size_t bytes = 0;
    char *from = NULL;
    *out = (struct mailboxes){0};
    if (mailboxes_from(header, &from, NULL) == 0)
        return add_one(out, from);
    /* Rules are looked up for each of them. */
    for (size_t i = 0; i < header->count; i++)
        if (strcasecmp(header->fields[i].name, "From") == 0)
            bytes += strlen(header->fields[i].value);
    return bytes <= MALFORMED_FROM_MAX_BYTES ? mailboxes_mentioned(header, "From", out) : 1;
}

void authors_refuse(struct outcome *out)
{
    out->action = FLOW_REPLY;
    out->transform = TRANSFORM_REFUSE;
    reply_set(&out->reply, 550, "5.6.0", "Refused: the From field is malformed and very long",
              "Abgelehnt: das From-Feld ist fehlerhaft und sehr lang");
}
