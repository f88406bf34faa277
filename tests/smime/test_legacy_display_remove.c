/* Legacy display elements of what was encrypted, with no signature on it any more (RFC 9788 section
 * 4.5.3): taken out where they are known and told elsewhere, left where there is any doubt. */
#include "incoming_fixture.h"

#include "legacy_display_remove.h"
#include "legacy_html.h"

#define SUBJECT "Handling the Jones contract"
#define TO "To: Alice <alice@example.com>\r\n"
#define OUTSIDE "From: bob@partner.test\r\n" TO "Subject: [...]\r\n"
#define FIELDS                                                                                     \
    "From: bob@partner.test\r\n" TO "Subject: " SUBJECT "\r\nHP-Outer: Subject: [...]\r\n"         \
    "HP-Outer: From: bob@partner.test\r\nHP-Outer: To: Alice <alice@example.com>\r\n"
#define MARK "; hp-legacy-display=\"1\""
#define TEXT(mark, lines)                                                                          \
    FIELDS "Content-Type: text/plain; charset=us-ascii" mark "; hp=\"cipher\"\r\n\r\n" lines       \
           "The text.\r\n"
#define HTML(html) FIELDS "Content-Type: text/html" MARK "; hp=\"cipher\"\r\n\r\n" html "\r\n"
#define DIV "<div class=\"header-protection-legacy-display\">"

static struct opened receive(const char *outer, const char *payload, bool restores)
{
    struct open_request request = default_request();
    struct bytes message = bytes_text(outer);
    struct bytes entity = encrypted_entity(bytes_text(payload), ENCRYPT_BOB);
    bytes_puts(&message, "MIME-Version: 1.0\r\n");
    bytes_add(&message, entity.data, entity.length);
    bytes_free(&entity);
    request.restore_headers = restores;
    return open_with(message, &request);
}

static const struct {
    const char *name;
    const char *payload;
    const char *without; /* what is delivered; NULL: all of it */
} cases[] = {
    {"as it should be", TEXT(MARK, "Subject: " SUBJECT "\r\n\r\n"), "The text.\r\n"},
    {"two fields", TEXT(MARK, "Subject: " SUBJECT "\r\n" TO "\r\n"), "The text.\r\n"},
    {"an author", TEXT(MARK, "From: bob@partner.test\r\n\r\n"), "The text.\r\n"},
    {"folded", TEXT(MARK, "subject: Handling the\r\n Jones contract\r\n\r\n"), "The text.\r\n"},
    {"nothing behind it",
     FIELDS "Content-Type: text/plain" MARK "; hp=\"cipher\"\r\n\r\nSubject: " SUBJECT "\r\n\r\n",
     ""},
    {"without a mark", TEXT("", "Subject: " SUBJECT "\r\n\r\n"), NULL},
    {"with another mark", TEXT("; hp-legacy-display=2", "Subject: " SUBJECT "\r\n\r\n"), NULL},
    {"with two marks",
     TEXT("; hp-legacy-display=1; hp-legacy-display=1", "Subject: " SUBJECT "\r\n\r\n"), NULL},
    {"with a mark in pieces", TEXT("; hp-legacy-display*0=1", "Subject: " SUBJECT "\r\n\r\n"),
     NULL},
    {"another subject", TEXT(MARK, "Subject: Handling the Smith contract\r\n\r\n"), NULL},
    {"the subject outside", TEXT(MARK, "Subject: [...]\r\n\r\n"), NULL},
    {"a field that is not protected", TEXT(MARK, "X-Other: " SUBJECT "\r\n\r\n"), NULL},
    {"a field that is not shown",
     FIELDS "Thread-Topic: t\r\nContent-Type: text/plain" MARK
            "; hp=\"cipher\"\r\n\r\nThread-Topic: t\r\n\r\nx\r\n",
     NULL},
    {"a structural field", TEXT(MARK, "HP-Outer: Subject: [...]\r\n\r\n"), NULL},
    {"text behind the fields", TEXT(MARK, "Subject: " SUBJECT "\r\nHello,\r\n\r\n"), NULL},
    {"no lines", TEXT(MARK, "\r\n"), NULL},
    {"no empty line", TEXT(MARK, "Subject: " SUBJECT "\r\n"), NULL},
    {"another character set",
     FIELDS "Content-Type: text/plain; charset=utf-16" MARK "; hp=cipher\r\n\r\nSubject: " SUBJECT
            "\r\n\r\nx\r\n",
     NULL},
    {"quoted-printable",
     FIELDS "Content-Transfer-Encoding: quoted-printable\r\n"
            "Content-Type: text/plain; charset=utf-8" MARK "; hp=cipher\r\n\r\n"
            "Subject: Handling=\r\n the Jones contract\r\n\r\nGr=C3=BC=C3=9Fe\r\n",
     "R3LDvMOfZQ0K\r\n"},
    {"letters that the set lacks",
     "From: bob@partner.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe_=E2=82=AC?=\r\n"
     "Content-Type: text/plain; charset=iso-8859-1" MARK "; hp=cipher\r\n"
     "Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: Gr=FC=DFe ?\r\n\r\nx\r\n",
     "eA0K\r\n"},
    {"HTML",
     HTML("<body><p>x</p>" DIV "<b>Subject: </b>" SUBJECT "<br>To: Alice "
          "&lt;alice@example.com&gt;</div>y"),
     "<body><p>x</p>y\r\n"},
    {"HTML, other quotes",
     HTML("<body><DIV\r\n class = header-protection-legacy-display ><pre>Subject: " SUBJECT
          "</PRE></Div >y"),
     "<body>y\r\n"},
    {"HTML, more of it behind", HTML("<body>" DIV "Subject: " SUBJECT "</div><div>y</div>"),
     "<body><div>y</div>\r\n"},
    {"HTML, ends a paragraph", HTML("<body><p>x" DIV "Subject: " SUBJECT "</div>y"), NULL},
    {"HTML, twice", HTML("<body>" DIV "Subject: " SUBJECT "</div>" DIV "x</div>"), NULL},
    /* Where it may not stand, and so every program shows it in front of what follows. */
    {"HTML, in the head", HTML("<head>" DIV "Subject: " SUBJECT "</div></head><body>y"),
     "<head></head><body>y\r\n"},
    {"HTML, in a table", HTML("<body><table><tr>" DIV "Subject: " SUBJECT "</div><td>y</table>"),
     "<body><table><tr><td>y</table>\r\n"},
    {"HTML, in a comment", HTML("<body><!--" DIV "Subject: " SUBJECT "</div>-->y"), NULL},
    {"HTML, in a script", HTML("<body><script>" DIV "Subject: " SUBJECT "</div></script>y"), NULL},
    {"HTML, in a title", HTML("<body><p title='" DIV "Subject: " SUBJECT "</div>'>y"), NULL},
    {"HTML, ends in a comment",
     HTML("<body>" DIV "Subject: " SUBJECT "<!-- </div> --><p>more</p></div>y"), NULL},
    {"HTML, another within", HTML("<body>" DIV "<div>Subject: " SUBJECT "</div>more</div>y"), NULL},
    {"HTML, a picture within", HTML("<body>" DIV "Subject: " SUBJECT "<img src=x></div>y"), NULL},
    {"HTML, a link within", HTML("<body>" DIV "<a href=x>Subject: " SUBJECT "</a></div>y"), NULL},
    {"HTML, a style",
     HTML("<body><div class='header-protection-legacy-display x'>Subject: " SUBJECT "</div>y"),
     NULL},
    {"HTML, without end", HTML("<body>" DIV "Subject: " SUBJECT "y"), NULL},
    {"HTML, more text", HTML("<body>" DIV "Subject: " SUBJECT "<br>And more</div>y"), NULL},
    {"HTML, ends another element", HTML("<body><b>" DIV "Subject: " SUBJECT "</b></div>y"), NULL},
    {"HTML, begins another element", HTML("<body>" DIV "Subject: " SUBJECT "<b></div>y"), NULL},
    {"HTML, crossed", HTML("<body>" DIV "<b><i>Subject: " SUBJECT "</b></i></div>y"), NULL},
    {"an attachment",
     FIELDS "Content-Type: multipart/mixed; boundary=b; hp=cipher\r\n\r\n--b\r\n"
            "Content-Disposition: attachment\r\nContent-Type: text/plain" MARK
            "\r\n\r\nSubject: " SUBJECT "\r\n\r\nx\r\n--b--\r\n",
     NULL},
    {"not the first part",
     FIELDS "Content-Type: multipart/mixed; boundary=b; hp=cipher\r\n\r\n--b\r\n\r\nx\r\n"
            "--b\r\nContent-Type: text/plain" MARK "\r\n\r\nSubject: " SUBJECT
            "\r\n\r\nx\r\n--b--\r\n",
     NULL},
    {"within another signature",
     FIELDS "Content-Type: multipart/mixed; boundary=b; hp=cipher\r\n\r\n--b\r\n"
            "Content-Type: multipart/signed; boundary=c; protocol=\"application/pgp-signature\"\r\n"
            "\r\n--c\r\nContent-Type: text/plain" MARK "\r\n\r\nSubject: " SUBJECT
            "\r\n\r\nx\r\n--c\r\nContent-Type: application/pgp-signature\r\n\r\ny\r\n--c--\r\n"
            "--b--\r\n",
     NULL},
    {"some of several",
     FIELDS "Content-Type: multipart/alternative; boundary=b; hp=cipher\r\n\r\npreamble\r\n--b\r\n"
            "Content-Type: text/plain" MARK "\r\n\r\nSubject: other\r\n\r\nx\r\n--b\r\nX-A: b\r\n"
            "Content-Type: text/plain" MARK "; x=y\r\n\r\nSubject: " SUBJECT
            "\r\n\r\ny\r\n--b--\r\n"
            "epilogue\r\n",
     "preamble\r\n--b\r\nContent-Type: text/plain" MARK "\r\n\r\nSubject: other\r\n\r\nx\r\n--b\r\n"
     "X-A: b\r\nContent-Type: text/plain; x=y\r\n\r\ny\r\n--b--\r\nepilogue\r\n"},
};

START_TEST(elements_go_only_where_they_are_known)
{
    struct opened opened = receive(OUTSIDE, cases[_i].payload, true);
    const char *wanted = cases[_i].without;
    struct bytes text = delivered(&opened);
    const char *body = strstr(text.data, "\r\n\r\n") + 4;
    if (wanted == NULL)
        wanted = strstr(cases[_i].payload, "\r\n\r\n") + 4;
    ck_assert_msg(strcmp(body, wanted) == 0, "%s:\n%s\nwanted:\n%s", cases[_i].name, body, wanted);
    *strstr(text.data, "\r\n\r\n") = '\0';
    if (cases[_i].without != NULL)
        ck_assert_ptr_null(strstr(text.data, "hp-legacy-display"));
    bytes_free(&text);
    opened_clear(&opened);
}
END_TEST

/* The reader would lose what is in it, or was never meant to lose it. */
START_TEST(elements_stay_where_nothing_is_restored)
{
    static const struct {
        const char *name;
        const char *outer;
        const char *payload;
        bool restores;
    } stays[] = {
        {"switched off", OUTSIDE, TEXT(MARK, "Subject: " SUBJECT "\r\n\r\n"), false},
        {"switched off, and nothing hidden",
         "From: bob@partner.test\r\n" TO "Subject: " SUBJECT "\r\n",
         TEXT(MARK, "Subject: " SUBJECT "\r\n\r\n"), false},
        {"another From", "From: mallory@x.test\r\nSubject: [...]\r\n",
         TEXT(MARK, "Subject: " SUBJECT "\r\n\r\n"), true},
        {"not said to be encrypted", OUTSIDE,
         "From: bob@partner.test\r\nSubject: " SUBJECT "\r\nContent-Type: text/plain" MARK
         "; hp=\"clear\"\r\n\r\nSubject: " SUBJECT "\r\n\r\nx\r\n",
         true},
        {"of an older form", OUTSIDE,
         "From: bob@partner.test\r\nSubject: " SUBJECT "\r\nContent-Type: text/plain" MARK
         "; protected-headers=\"v1\"\r\n\r\nSubject: " SUBJECT "\r\n\r\nx\r\n",
         true},
    };
    for (size_t i = 0; i < sizeof stays / sizeof *stays; i++) {
        struct opened opened = receive(stays[i].outer, stays[i].payload, stays[i].restores);
        struct bytes text = delivered(&opened);
        ck_assert_msg(strstr(text.data, "\r\n\r\nSubject: " SUBJECT "\r\n\r\n") != NULL, "%s:\n%s",
                      stays[i].name, text.data);
        bytes_free(&text);
        opened_clear(&opened);
    }
}
END_TEST

static char *repeated(const char *begin, const char *piece, size_t count, const char *end)
{
    size_t length = strlen(piece);
    char *text = malloc(strlen(begin) + length * count + strlen(end) + 1);
    char *put = text;
    ck_assert_ptr_nonnull(text);
    put = stpcpy(put, begin);
    for (size_t i = 0; i < count; i++)
        put = stpcpy(put, piece);
    strcpy(put, end);
    return text;
}

/* What is too large or too deep for libxml2 stays, and soon. */
START_TEST(html_is_bounded)
{
    static const struct {
        const char *piece;
        size_t count;
        int found;
    } sizes[] = {
        {"<p>x</p>", 1000, 1},
        {"<p>x</p>", LEGACY_HTML_MAX_BYTES / 8, 0},
        {"<b>", LEGACY_HTML_MAX_DEPTH - 2, 1},
        {"<b>", LEGACY_HTML_MAX_DEPTH, 0},
        {"<b>", LEGACY_HTML_MAX_BYTES / 4, 0},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *html = repeated("<body>" DIV "Subject: x</div>", sizes[i].piece, sizes[i].count, "");
        size_t from = 0, to = 0;
        char *lines = NULL;
        ck_assert_int_eq(legacy_html_find(html, strlen(html), NULL, &from, &to, &lines),
                         sizes[i].found);
        if (sizes[i].found == 1) {
            ck_assert_uint_eq(from, strlen("<body>"));
            ck_assert_uint_eq(to, strlen("<body>" DIV "Subject: x</div>"));
            ck_assert_str_eq(lines, "Subject: x");
        }
        free(lines);
        free(html);
    }
}
END_TEST

/* ... as is all of it together. */
START_TEST(html_of_a_message_is_bounded)
{
    char *html = repeated("\r\n--b\r\nContent-Type: text/html" MARK "\r\n\r\n<body>" DIV
                          "Subject: " SUBJECT "</div>",
                          "<p>x</p>\r\n", LEGACY_DISPLAY_HTML_BYTES / 30, "");
    char *payload =
        repeated(FIELDS "Content-Type: multipart/alternative; boundary=b; hp=cipher\r\n\r\n", html,
                 4, "\r\n--b--\r\n");
    struct opened opened = receive(OUTSIDE, payload, true);
    struct bytes text = delivered(&opened);
    size_t left = 0;
    for (const char *at = text.data; (at = strstr(at, DIV)) != NULL; at++)
        left++;
    ck_assert_uint_eq(left, 2);
    bytes_free(&text);
    opened_clear(&opened);
    free(payload);
    free(html);
}
END_TEST

/* What libxml2 takes longest for. */
START_TEST(attributes_take_no_time)
{
    char *html =
        repeated("<body>" DIV "Subject: x</div><p", " a", LEGACY_HTML_MAX_BYTES / 2 - 40, ">");
    char *distinct = strdup(html);
    time_t start = time(NULL);
    size_t from, to;
    char *lines = NULL;
    ck_assert_ptr_nonnull(distinct);
    for (size_t i = strlen("<body>" DIV "Subject: x</div><p"), n = 0; i + 6 < strlen(html);
         i += 6, n++)
        (void)snprintf(distinct + i, 7, " a%c%c%c%c", (int)('a' + n % 26), (int)('a' + n / 26 % 26),
                       (int)('a' + n / 676 % 26), i + 12 < strlen(html) ? ' ' : 'x');
    ck_assert_int_ge(legacy_html_find(distinct, strlen(distinct), NULL, &from, &to, &lines), 0);
    ck_assert_int_lt(time(NULL) - start, 10);
    free(lines);
    free(distinct);
    free(html);
}
END_TEST

START_TEST(text_is_bounded)
{
    char *payload = repeated(FIELDS "Content-Type: text/plain" MARK "; hp=cipher\r\n\r\n",
                             "Subject: " SUBJECT "\r\n", LEGACY_DISPLAY_TEXT_BYTES / 38 + 1,
                             "\r\nThe text.\r\n");
    struct opened opened = receive(OUTSIDE, payload, true);
    struct bytes text = delivered(&opened);
    assert_contains(text.data, "Subject: " SUBJECT "\r\n\r\nThe text.\r\n");
    bytes_free(&text);
    opened_clear(&opened);
    free(payload);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("legacy_display_remove");
    TCase *tcase = tcase_create("legacy_display_remove");
    tcase_add_unchecked_fixture(tcase, world_make, world_clear);
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, elements_go_only_where_they_are_known, 0,
                        sizeof cases / sizeof *cases);
    tcase_add_test(tcase, elements_stay_where_nothing_is_restored);
    tcase_add_test(tcase, html_is_bounded);
    tcase_add_test(tcase, html_of_a_message_is_bounded);
    tcase_add_test(tcase, attributes_take_no_time);
    tcase_add_test(tcase, text_is_bounded);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
