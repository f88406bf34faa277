/* What GMime reads in an entity, and what any eye sees in its bytes: oracles for what canonical.c
 * makes. */
#ifndef TESTS_TEST_MIME_ORACLE_H
#define TESTS_TEST_MIME_ORACLE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>

struct mime_oracle {
    GPtrArray *leaves;    /* GByteArray: decoded contents, in order */
    GString *skeleton;    /* all that is no leaf body, without Content-Transfer-Encoding */
    const char *text;     /* borrowed */
    gint64 skeleton_upto; /* place in text */
};

/* 7-bit, no NUL, CRLF only, lines of at most 998, no blanks at their ends, no "From ". Written as
 * plainly as can be. The offending offset in *at_out. */
static inline bool oracle_clean(const char *text, size_t length, size_t *at_out)
{
    size_t line = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        *at_out = i;
        if (c == 0 || c > 127)
            return false;
        if (c == '\r' && (i + 1 == length || text[i + 1] != '\n'))
            return false;
        if (c == '\n' && (i == 0 || text[i - 1] != '\r'))
            return false;
        if ((c == ' ' || c == '\t') && (i + 1 == length || text[i + 1] == '\r'))
            return false;
        if (i == line && length - i >= 5 && memcmp(text + i, "From ", 5) == 0)
            return false;
        if (c == '\n')
            line = i + 1;
        else if (c != '\r' && i - line >= 998)
            return false;
    }
    return true;
}

/* Append text[from, to) line by line, without Content-Transfer-Encoding fields and blanks at line
 * ends. */
static inline void oracle_skeleton(struct mime_oracle *oracle, gint64 from, gint64 to)
{
    bool skipping = false;
    while (from < to) {
        const char *p = oracle->text + from;
        const char *lf = memchr(p, '\n', (size_t)(to - from));
        size_t length = lf != NULL ? (size_t)(lf - p) + 1 : (size_t)(to - from);
        size_t kept = length;
        from += (gint64)length;
        if (!(skipping && (*p == ' ' || *p == '\t')))
            skipping = length >= 26 && strncasecmp(p, "Content-Transfer-Encoding:", 26) == 0;
        if (skipping)
            continue;
        while (kept > 0 && strchr(" \t\r\n", p[kept - 1]) != NULL && p[kept - 1] != '\0')
            kept--;
        g_string_append_len(oracle->skeleton, p, (gssize)kept);
        g_string_append_c(oracle->skeleton, '\n');
    }
}

static inline void oracle_object(struct mime_oracle *oracle, GMimeObject *object);

static inline void oracle_leaf(struct mime_oracle *oracle, GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GByteArray *bytes = g_byte_array_new();
    g_ptr_array_add(oracle->leaves, bytes);
    if (content == NULL)
        return;
    GMimeStream *raw = g_mime_data_wrapper_get_stream(content);
    GMimeStream *memory = g_mime_stream_mem_new_with_byte_array(bytes);
    g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(memory), FALSE);
    g_mime_data_wrapper_write_to_stream(content, memory);
    g_object_unref(memory);
    oracle_skeleton(oracle, oracle->skeleton_upto, raw->bound_start);
    oracle->skeleton_upto = raw->bound_end;
}

static inline void oracle_object(struct mime_oracle *oracle, GMimeObject *object)
{
    if (GMIME_IS_MULTIPART(object)) {
        GMimeMultipart *multipart = GMIME_MULTIPART(object);
        for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
            oracle_object(oracle, g_mime_multipart_get_part(multipart, i));
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
        if (message != NULL && g_mime_message_get_mime_part(message) != NULL)
            oracle_object(oracle, g_mime_message_get_mime_part(message));
    } else if (GMIME_IS_PART(object)) {
        oracle_leaf(oracle, GMIME_PART(object));
    }
}

static inline void oracle_free_bytes(gpointer bytes)
{
    g_byte_array_unref(bytes);
}

/* Read an entity; `text` must outlive the result. */
static inline struct mime_oracle oracle_read(const char *text, size_t length)
{
    struct mime_oracle oracle = {.leaves = g_ptr_array_new_with_free_func(oracle_free_bytes),
                                 .skeleton = g_string_new(""),
                                 .text = text};
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(text, length);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeObject *object = g_mime_parser_construct_part(parser, NULL);
    if (object != NULL) {
        oracle_object(&oracle, object);
        g_object_unref(object);
    }
    oracle_skeleton(&oracle, oracle.skeleton_upto, (gint64)length);
    g_object_unref(parser);
    g_object_unref(stream);
    return oracle;
}

static inline void oracle_clear(struct mime_oracle *oracle)
{
    g_ptr_array_unref(oracle->leaves);
    g_string_free(oracle->skeleton, TRUE);
}

/* Do both have the same decoded leaves? *index_out is the first that differs. */
static inline bool oracle_same_leaves(const struct mime_oracle *a, const struct mime_oracle *b,
                                      guint *index_out)
{
    for (guint i = 0; i < a->leaves->len && i < b->leaves->len; i++) {
        const GByteArray *left = g_ptr_array_index(a->leaves, i);
        const GByteArray *right = g_ptr_array_index(b->leaves, i);
        *index_out = i;
        if (left->len != right->len ||
            (left->len > 0 && memcmp(left->data, right->data, left->len) != 0))
            return false;
    }
    return a->leaves->len == b->leaves->len;
}

#endif
