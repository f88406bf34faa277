/* Header protection of whatever a client hands in, and of whatever a payload brings in: what is
 * made can be read and has the protected fields in its header, what is restored are fields for
 * people, and nothing breaks out of a field. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "canonical_source.h"
#include "legacy_display.h"
#include "legacy_display_remove.h"
#include "payload.h"
#include "protection.h"
#include "why.h"

static const struct spool_options options = {.directory = "/tmp", .memory_bytes = 1 << 22};
static const struct smime_limits limits = {
    .max_header_bytes = 1 << 18, .max_parts = 100, .max_nesting = 5, .max_message_bytes = 1 << 20};
static const struct smime_progress nobody = {0};

static void need(int holds)
{
    if (!holds)
        abort();
}

/* A value stays one: line ends are folds. */
static void check_value(const char *value)
{
    for (const char *p = value; *p != '\0'; p++)
        need(*p != '\r' || (p[1] == '\n' && (p[2] == ' ' || p[2] == '\t')));
}

static void check_fields(const struct protection *protection)
{
    for (size_t i = 0; i < protection->fields.count; i++) {
        const struct header_field *field = &protection->fields.fields[i];
        need(protection_takes(field->name) || strcmp(field->name, PROTECTION_OUTER) == 0);
        check_value(field->value);
    }
}

/* The head that is made is read as it was made. */
static void check_source(const struct entity *message, const struct protection *protection)
{
    struct canonical_source source;
    struct spool *head = spool_new(&options);
    struct header header = {0};
    char *why = NULL;
    off_t body = 0;
    enum smime_status status =
        canonical_source_open(message, protection, CANONICAL_STRICT, &limits, &source, &why);
    need(status != SMIME_ERROR && head != NULL);
    if (status == SMIME_OK) {
        need(spool_write(head, source.head, source.head_length) == 0 &&
             header_parse(head, 0, spool_size(head), 1 << 20, &header, &body, &why) == 0);
        need(body == spool_size(head) && header.count >= protection->fields.count);
        for (size_t i = 0; i < protection->fields.count; i++)
            need(strcmp(header.fields[i].name, protection->fields.fields[i].name) == 0);
        for (size_t i = protection->fields.count; i < header.count; i++)
            need(header_is_content(header.fields[i].name));
        header_clear(&header);
        canonical_source_clear(&source);
    }
    why_free(&why);
    spool_free(&head);
}

static void outside(struct header *out)
{
    need(header_add(out, "From", " a@example.com") == 0 &&
         header_add(out, "Subject", " [...]") == 0 && header_add(out, "To", " b@x.test") == 0 &&
         header_add(out, "Cc", " c@x.test") == 0 && header_add(out, "Keywords", " x") == 0 &&
         header_add(out, "Message-ID", " <1@example.com>") == 0);
}

static void check_restored(const struct restored *restored, enum payload_trust trust)
{
    char *text = restored_text(restored);
    need(text != NULL && strpbrk(text, "\r\n") == NULL);
    free(text);
    need(restored->name_count <= RESTORED_NAMES);
    need(trust > PAYLOAD_UNKNOWN || restored->name_count == 0);
    need(!restored->from_differs || restored->name_count == 0);
    for (size_t i = 0; i < restored->fields.count; i++) {
        bool named = false;
        for (size_t n = 0; n < restored->name_count; n++)
            named |= strcmp(restored->names[n], restored->fields.fields[i].name) == 0;
        need(named && strlen(restored->fields.fields[i].value) <= RESTORED_FIELD_BYTES);
        check_value(restored->fields.fields[i].value);
    }
}

/* Taking out what is shown twice leaves an entity with the same fields. */
static void check_display(const struct view *view, const struct header *message,
                          const struct header *payload, const struct restored *restored)
{
    struct header shown = {0};
    struct entity out;
    char *why = NULL;
    bool done = false;
    need(restored_shown(message, payload, restored, &shown) == 0);
    need(shown.count <= RESTORED_SHOWN_MAX);
    need(legacy_display_remove(view, &shown, &limits, &nobody, &out, &done, &why) == SMIME_OK);
    need(done == (out.body != NULL));
    need(!done || (shown.count > 0 && out.header.count == view->header->count));
    entity_clear(&out);
    header_clear(&shown);
}

/* The same bytes as the payload of a message that came in. */
static void check_payload(const struct entity *message)
{
    struct view view = {&message->header, message->body, 0, spool_size(message->body)};
    struct header header = {0};
    struct payload payload;
    char *why = NULL;
    outside(&header);
    need(payload_read(&view, &header, "a@example.com", &limits, &payload, &why) == SMIME_OK);
    for (int trust = PAYLOAD_UNKNOWN; trust <= PAYLOAD_SIGNED; trust++) {
        struct restored restored = {.form = payload.form, .from_differs = payload.from_differs};
        need(restored_compare(&header, payload.header, (enum payload_trust)trust, true,
                              &restored) == 0);
        check_restored(&restored, (enum payload_trust)trust);
        check_display(&view, &header, payload.header, &restored);
        restored_clear(&restored);
    }
    payload_clear(&payload);
    header_clear(&header);
    why_free(&why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spool *whole = spool_new(&options);
    struct entity message = {.body = spool_new(&options)};
    struct entity displayed;
    struct protection protection;
    char *why = NULL;
    off_t body = 0;
    bool done = false;
    need(whole != NULL && message.body != NULL && spool_write(whole, data, size) == 0);
    if (header_parse(whole, 0, (off_t)size, 65536, &message.header, &body, &why) == 0) {
        need(spool_copy(message.body, whole, body, (off_t)size) == 0);
        need(legacy_display_add(&message, &limits, &nobody, &displayed, &done, &why) == SMIME_OK);
        need(done == (displayed.body != NULL));
        for (int encrypted = 0; encrypted < 2; encrypted++) {
            need(protection_make(&message.header, encrypted == 1, CONFIDENTIALITY_BASELINE,
                                 &protection) == 0);
            check_fields(&protection);
            check_source(done ? &displayed : &message, &protection);
            protection_clear(&protection);
        }
        check_payload(&message);
        entity_clear(&displayed);
    }
    why_free(&why);
    entity_clear(&message);
    spool_free(&whole);
    return 0;
}
