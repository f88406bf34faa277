/* The canonical form of every hard message: clean to any eye, and the same contents for GMime. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../test_entity.h"
#include "../test_mime_oracle.h"
#include "canonical.h"
#include "hard_cases.h"
#include "test_run.h"
#include "why.h"

/* The entity that `message` holds, as text: its content fields and its body; "Content-Type" as the
 * contract says where there is none. */
static char *plain_entity(const struct entity *message, size_t *length_out)
{
    struct entity entity = {.body = message->body};
    size_t size;
    char *text = entity_spool_text(message->body, &size);
    bool eight_bit = false;
    for (size_t i = 0; i < size; i++)
        eight_bit = eight_bit || (unsigned char)text[i] > 127;
    free(text);
    if (header_count(&message->header, "Content-Type") == 0)
        ck_assert_int_eq(header_add(&entity.header, "Content-Type",
                                    eight_bit ? " text/plain; charset=unknown-8bit"
                                              : " text/plain; charset=us-ascii"),
                         0);
    for (size_t i = 0; i < message->header.count; i++)
        if (strncasecmp(message->header.fields[i].name, "Content-", 8) == 0)
            ck_assert_int_eq(header_add(&entity.header, message->header.fields[i].name,
                                        message->header.fields[i].value),
                             0);
    text = entity_text(&entity, length_out);
    header_clear(&entity.header);
    return text;
}

static char *canonical_text(const struct entity *message, enum canonical_mode mode,
                            enum canonical_result *result, size_t *length_out)
{
    struct entity made = {.body = spool_new(&test_spool_options)};
    char *why = NULL;
    char *text;
    ck_assert_ptr_nonnull(made.body);
    ck_assert_msg(canonical_entity(message, mode, &test_limits, &made.header, made.body, result,
                                   &why) == SMIME_OK,
                  "%s", why_text(&why));
    ck_assert_ptr_null(why);
    text = entity_text(&made, length_out);
    entity_clear(&made);
    return text;
}

static void assert_same_contents(const char *name, const char *a, size_t a_length, const char *b,
                                 size_t b_length)
{
    struct mime_oracle before = oracle_read(a, a_length);
    struct mime_oracle after = oracle_read(b, b_length);
    guint differs = 0;
    ck_assert_msg(oracle_same_leaves(&before, &after, &differs), "%s: leaf %u differs in\n%s", name,
                  differs, b);
    ck_assert_msg(before.skeleton->len == after.skeleton->len &&
                      memcmp(before.skeleton->str, after.skeleton->str, after.skeleton->len) == 0,
                  "%s: more than leaves differs:\n%s\n%s", name, before.skeleton->str,
                  after.skeleton->str);
    oracle_clear(&before);
    oracle_clear(&after);
}

START_TEST(test_strict)
{
    const struct hard_case *c = &hard_cases[_i];
    struct entity message = entity_from(c->text, c->length);
    enum canonical_result result;
    size_t length, before_length, at = 0;
    char *before = plain_entity(&message, &before_length);
    char *text = canonical_text(&message, CANONICAL_STRICT, &result, &length);
    ck_assert_msg(result == c->expected, "%s: result %d:\n%s", c->name, (int)result, text);
    ck_assert_msg(c->has == NULL || memmem(text, length, c->has, strlen(c->has)) != NULL,
                  "%s: came out as\n%s", c->name, text);
    if (result == CANONICAL_CLEAN) {
        ck_assert_msg(oracle_clean(text, length, &at), "%s: unclean at %zu:\n%s", c->name, at,
                      text);
        /* GMime keeps the padding of quoted-printable lines, which is no content. */
        if (strncmp(c->name, "quoted-printable with a", 23) != 0 ||
            strstr(c->name, "8-bit") != NULL)
            assert_same_contents(c->name, before, before_length, text, length);
    } else {
        ck_assert_msg(length == before_length && memcmp(text, before, length) == 0,
                      "%s: altered:\n%s", c->name, text);
    }
    free(before);
    free(text);
    entity_clear(&message);
}
END_TEST

/* In the other mode the same is clean, and what is not keeps its contents. */
START_TEST(test_best_effort)
{
    const struct hard_case *c = &hard_cases[_i];
    struct entity message = entity_from(c->text, c->length);
    enum canonical_result strict, result;
    size_t strict_length, length, before_length;
    char *before = plain_entity(&message, &before_length);
    char *strict_text = canonical_text(&message, CANONICAL_STRICT, &strict, &strict_length);
    char *text = canonical_text(&message, CANONICAL_BEST_EFFORT, &result, &length);
    ck_assert_msg(result == strict, "%s", c->name);
    if (strict == CANONICAL_CLEAN)
        ck_assert_msg(length == strict_length && memcmp(text, strict_text, length) == 0, "%s",
                      c->name);
    else
        assert_same_contents(c->name, before, before_length, text, length);
    free(before);
    free(strict_text);
    free(text);
    entity_clear(&message);
}
END_TEST

/* What can be cleaned is, beside what cannot. */
START_TEST(test_best_effort_cleans)
{
    static const char text[] =
        MIXED "--b\r\nContent-Transfer-Encoding: x-rot\r\n\r\n\xfc\r\n--b\r\n" TEXT
              "\r\nein langer Gru\xc3\x9f\r\n--b--\r\n";
    struct entity message = entity_from(text, sizeof text - 1);
    enum canonical_result result;
    size_t length;
    char *made = canonical_text(&message, CANONICAL_BEST_EFFORT, &result, &length);
    ck_assert_int_eq(result, CANONICAL_OPAQUE);
    ck_assert_ptr_nonnull(strstr(made, "ein langer Gru=C3=9F\r\n"));
    ck_assert_ptr_nonnull(strstr(made, "x-rot\r\n\r\n\xfc\r\n"));
    free(made);
    entity_clear(&message);
}
END_TEST

/* What has been made is not altered by doing it again. */
START_TEST(test_twice)
{
    const struct hard_case *c = &hard_cases[_i];
    struct entity message = entity_from(c->text, c->length);
    struct entity again;
    enum canonical_result result;
    size_t length, again_length;
    char *text = canonical_text(&message, CANONICAL_STRICT, &result, &length);
    char *again_text;
    again = entity_from(text, length);
    again_text = canonical_text(&again, CANONICAL_STRICT, &result, &again_length);
    ck_assert_int_eq(result, c->expected);
    ck_assert_msg(length == again_length && memcmp(text, again_text, length) == 0, "%s", c->name);
    free(text);
    free(again_text);
    entity_clear(&message);
    entity_clear(&again);
}
END_TEST

static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245U + 12345U;
    return *state >> 16;
}

/* Bytes from a small, nasty alphabet; quoted-printable lines stay within 76. */
START_TEST(test_random_leaves)
{
    static const char alphabet[] = "ab \t\r\n=.-\xc3\xbc"
                                   "From ";
    unsigned state = (unsigned)_i + 1;
    for (int round = 0; round < 200; round++) {
        size_t header = strlen(MIME TEXT "\r\n");
        size_t size = next_random(&state) % 2000;
        char *input = malloc(header + size * 6 + 1);
        size_t length = header;
        struct entity message;
        enum canonical_result result;
        size_t made_length, before_length, at;
        char *made, *before;
        ck_assert_ptr_nonnull(input);
        memcpy(input, MIME TEXT "\r\n", header);
        for (size_t i = 0; i < size; i++) {
            unsigned roll = next_random(&state) % 32;
            const char *piece = roll < 2 ? "From " : roll < 5 ? "\r\n" : NULL;
            if (piece != NULL)
                length = (size_t)(stpcpy(input + length, piece) - input);
            else if (_i % 2 == 0 && roll < 20)
                input[length++] = "ab \t=."[next_random(&state) % 6];
            else
                input[length++] = alphabet[next_random(&state) % (sizeof alphabet - 1)];
        }
        message = entity_from(input, length);
        before = plain_entity(&message, &before_length);
        made = canonical_text(&message, CANONICAL_STRICT, &result, &made_length);
        ck_assert_int_eq(result, CANONICAL_CLEAN);
        ck_assert_msg(oracle_clean(made, made_length, &at), "at %zu:\n%s", at, made);
        assert_same_contents("random", before, before_length, made, made_length);
        if (strstr(made, "quoted-printable") != NULL)
            for (char *p = strstr(made, "\r\n\r\n") + 4, *end; (end = strstr(p, "\r\n")) != NULL;
                 p = end + 2)
                ck_assert_msg(end - p <= 76, "%.*s", (int)(end - p), p);
        free(input);
        free(made);
        free(before);
        entity_clear(&message);
    }
}
END_TEST

/* Many parts, deep nesting, delimiters without end: refused to alter, soon. */
struct bomb {
    const char *name;
    const char *head;
    const char *repeat;
    size_t times;
    const char *tail;
};

static const struct bomb bombs[] = {
    {"a million empty parts", "", "--b\r\n\r\n", 1000000, "\xfc\r\n--b--\r\n"},
    {"a million delimiters", "", "--b\r\n", 1000000, "\r\n\xfc\r\n--b--\r\n"},
    {"messages in messages", "--b\r\n", "Content-Type: message/rfc822\r\n\r\n", 20000,
     "\r\n\xfc\r\n--b--\r\n"},
    {"blanks behind header lines", "--b\r\n", "X: y \r\n", 1000000, "\r\n\xfc\r\n--b--\r\n"},
    {"a long type", "--b\r\nContent-Type: multipart/mixed", ";\r\n a=b", 1000000,
     "\r\n\r\n\xfc\r\n--b--\r\n"},
};

static void assert_opaque(const char *name, const char *text, size_t length)
{
    struct entity message = entity_from(text, length);
    struct entity made = {.body = spool_new(&test_spool_options)};
    enum canonical_result result;
    ck_assert_int_eq(canonical_entity(&message, CANONICAL_STRICT, &test_limits, &made.header,
                                      made.body, &result, NULL),
                     SMIME_OK);
    ck_assert_msg(result == CANONICAL_OPAQUE, "%s", name);
    ck_assert_int_eq(spool_size(made.body), spool_size(message.body));
    entity_clear(&made);
    entity_clear(&message);
}

START_TEST(test_bomb)
{
    const struct bomb *bomb = &bombs[_i];
    size_t repeat = strlen(bomb->repeat);
    char *text =
        malloc(strlen(MIXED) + strlen(bomb->head) + repeat * bomb->times + strlen(bomb->tail) + 1);
    char *p;
    ck_assert_ptr_nonnull(text);
    p = stpcpy(stpcpy(text, MIXED), bomb->head);
    for (size_t i = 0; i < bomb->times; i++)
        p = stpcpy(p, bomb->repeat);
    p = stpcpy(p, bomb->tail);
    assert_opaque(bomb->name, text, (size_t)(p - text));
    free(text);
}
END_TEST

START_TEST(test_deep)
{
    enum { DEPTH = 10000 };
    char *text = malloc(strlen(MIXED) + DEPTH * 100 + 100);
    char *p;
    ck_assert_ptr_nonnull(text);
    p = stpcpy(text, MIXED);
    p += sprintf(p, "--b\r\n");
    for (int i = 0; i < DEPTH; i++)
        p += sprintf(p, "Content-Type: multipart/mixed; boundary=\"%d\"\r\n\r\n--%d\r\n", i, i);
    p = stpcpy(p, "\r\n\xfc\r\n");
    for (int i = DEPTH; i-- > 0;)
        p += sprintf(p, "--%d--\r\n", i);
    p = stpcpy(p, "--b--\r\n");
    assert_opaque("depth", text, (size_t)(p - text));
    free(text);
}
END_TEST

START_TEST(test_ceilings)
{
    static const char text[] = MIXED "--b\r\n\r\none\r\n--b\r\n\r\ntwo \r\n--b--\r\n";
    struct entity message = entity_from(text, sizeof text - 1);
    struct smime_limits limits = test_limits;
    struct header header = {0};
    struct spool *body = spool_new(&test_spool_options);
    enum canonical_result result;
    char *why = NULL;
    limits.max_parts = 3;
    ck_assert_int_eq(
        canonical_entity(&message, CANONICAL_STRICT, &limits, &header, body, &result, &why),
        SMIME_OK);
    ck_assert_int_eq(result, CANONICAL_CLEAN);
    header_clear(&header);
    limits.max_parts = 2;
    ck_assert_int_eq(
        canonical_entity(&message, CANONICAL_STRICT, &limits, &header, body, &result, &why),
        SMIME_OK);
    ck_assert_int_eq(result, CANONICAL_OPAQUE);
    header_clear(&header);
    limits.max_message_bytes = 10;
    ck_assert_int_eq(
        canonical_entity(&message, CANONICAL_STRICT, &limits, &header, body, &result, &why),
        SMIME_REFUSED);
    ck_assert_ptr_nonnull(strstr(why, "10 bytes"));
    why_free(&why);
    limits.max_message_bytes = 1000;
    limits.max_header_bytes = 20;
    ck_assert_int_eq(
        canonical_entity(&message, CANONICAL_STRICT, &limits, &header, body, &result, &why),
        SMIME_REFUSED);
    ck_assert_ptr_nonnull(why);
    why_free(&why);
    header_clear(&header);
    spool_free(&body);
    entity_clear(&message);
}
END_TEST

/* A full disk is our fault, said so, and leaks nothing. */
START_TEST(test_no_disk)
{
    static const struct spool_options nowhere = {.directory = "/nonexistent", .memory_bytes = 64};
    struct spool *body = spool_new(&nowhere);
    struct entity message = entity_from(MIME TEXT "\r\n" X1000, strlen(MIME TEXT "\r\n" X1000));
    struct header header = {0};
    enum canonical_result result;
    char *why = NULL;
    ck_assert_int_eq(
        canonical_entity(&message, CANONICAL_STRICT, &test_limits, &header, body, &result, &why),
        SMIME_ERROR);
    ck_assert_ptr_nonnull(why);
    why_free(&why);
    header_clear(&header);
    spool_free(&body);
    entity_clear(&message);
}
END_TEST

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_CHECKED false /* the sanitizer takes its own */
#else
#define MEMORY_CHECKED true
#endif
#define LARGE_BYTES (100 << 20)
#define LARGE_RSS_KB (48 << 10)

/* Where the 100 MB stand. */
static const struct {
    const char *name;
    const char *head;
    const char *line;
    const char *tail;
    enum canonical_result expected;
} larges[] = {
    {"clean", MIME TEXT "\r\n", X98 "\r\n", "", CANONICAL_CLEAN},
    {"8-bit", MIME TEXT "\r\n", X98 "\xc3\xbc\r\n", "", CANONICAL_CLEAN},
    {"binary", MIME "\r\n", X98 "\n", "", CANONICAL_CLEAN},
    {"preamble", MIXED, X98 "\r\n", "--b\r\n\r\n\xc3\xbc xxxxxxxxxxxxx\r\n--b--\r\n",
     CANONICAL_CLEAN},
    {"epilogue", MIXED "--b\r\n\r\n\xc3\xbc xxxxxxxxxxxxx\r\n--b--\r\n", X98 "\r\n", "",
     CANONICAL_CLEAN},
    {"part header", MIXED "--b\r\nX: y\r\n", " " X98 "\r\n",
     "\r\n\xc3\xbc xxxxxxxxxxxxx\r\n--b--\r\n", CANONICAL_CLEAN},
    {"no delimiter", MIXED, X98 "\xc3\xbc\r\n", "", CANONICAL_OPAQUE},
    {"one line", MIME TEXT "\r\n", X98, "", CANONICAL_CLEAN},
};

static int large_child(int i)
{
    struct entity message = entity_from(larges[i].head, strlen(larges[i].head));
    struct header header = {0};
    struct spool *body = spool_new(&test_spool_options);
    enum canonical_result result;
    struct rusage usage;
    for (size_t n = 0; n < LARGE_BYTES; n += strlen(larges[i].line))
        if (spool_puts(message.body, larges[i].line) != 0)
            return 2;
    if (spool_puts(message.body, larges[i].tail) != 0 ||
        canonical_entity(&message, CANONICAL_STRICT, &test_limits, &header, body, &result, NULL) !=
            SMIME_OK ||
        result != larges[i].expected)
        return 3;
    header_clear(&header);
    spool_free(&body);
    entity_clear(&message);
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 4;
    return MEMORY_CHECKED && usage.ru_maxrss > LARGE_RSS_KB ? 5 : 0;
}

START_TEST(test_flat_memory)
{
    int status = 0;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(large_child(_i));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: %d", larges[_i].name,
                  WEXITSTATUS(status));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("canonical");
    TCase *tcase = tcase_create("canonical");
    g_mime_init();
    tcase_add_loop_test(tcase, test_strict, 0, HARD_CASES);
    tcase_add_loop_test(tcase, test_best_effort, 0, HARD_CASES);
    tcase_add_loop_test(tcase, test_twice, 0, HARD_CASES);
    tcase_add_test(tcase, test_best_effort_cleans);
    tcase_add_loop_test(tcase, test_random_leaves, 0, 8);
    tcase_add_loop_test(tcase, test_bomb, 0, sizeof bombs / sizeof *bombs);
    tcase_add_test(tcase, test_deep);
    tcase_add_test(tcase, test_ceilings);
    tcase_add_test(tcase, test_no_disk);
    tcase_add_loop_test(tcase, test_flat_memory, 0, sizeof larges / sizeof *larges);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return test_run(suite);
}
