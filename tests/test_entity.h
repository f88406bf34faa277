/* Messages for tests: from text and back. What cannot be made aborts. */
#ifndef TESTS_TEST_ENTITY_H
#define TESTS_TEST_ENTITY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entity.h"

/* Small enough that tests meet both kinds of spool. */
static const struct spool_options test_spool_options = {.directory = "/tmp", .memory_bytes = 4096};

static const struct smime_limits test_limits = {
    .max_header_bytes = 1 << 20,
    .max_parts = 10000,
    .max_nesting = 8,
    .max_structure_bytes = 4 << 20,
    .max_signers = 16,
    .max_certificates = 64,
    .max_chain = 10,
    .max_message_bytes = 150LL << 20,
};

static inline void entity_need(int made, const char *what)
{
    if (!made) {
        fprintf(stderr, "test_entity.h: cannot make %s\n", what);
        abort();
    }
}

/* A message from its text: CRLF, header, empty line, body. */
static inline struct entity entity_from(const char *text, size_t length)
{
    struct entity entity = {.body = spool_new(&test_spool_options)};
    struct spool *whole = spool_new(&test_spool_options);
    off_t body = 0;
    entity_need(entity.body != NULL && whole != NULL, "a spool");
    entity_need(spool_write(whole, text, length) == 0, "a message");
    entity_need(header_parse(whole, 0, (off_t)length, length + 1, &entity.header, &body, NULL) == 0,
                "a header");
    entity_need(spool_copy(entity.body, whole, body, (off_t)length) == 0, "a body");
    spool_free(&whole);
    return entity;
}

/* All of a spool, with a NUL behind; free(). */
static inline char *entity_spool_text(const struct spool *spool, size_t *length_out)
{
    size_t length = (size_t)spool_size(spool);
    char *text = malloc(length + 1);
    entity_need(text != NULL && spool_read(spool, text, length, 0) == (ssize_t)length, "a text");
    text[length] = '\0';
    *length_out = length;
    return text;
}

/* The text of an entity, with a NUL behind; free(). */
static inline char *entity_text(const struct entity *entity, size_t *length_out)
{
    struct spool *whole = spool_new(&test_spool_options);
    char *text;
    entity_need(whole != NULL && header_write(&entity->header, whole) == 0 &&
                    spool_write(whole, "\r\n", 2) == 0 &&
                    spool_copy(whole, entity->body, 0, spool_size(entity->body)) == 0,
                "a text");
    text = entity_spool_text(whole, length_out);
    spool_free(&whole);
    return text;
}

#endif
