/* The legacy display element in HTML. Its bytes are found by hand, as libxml2 does not say where an
 * element stands; then libxml2 reads the text with and without them, and has to see one element
 * less and nothing else changed. So it does not matter what the search by hand makes of comments,
 * scripts and the like. */
#include "legacy_html.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gmime/gmime.h>
#include <libxml/HTMLparser.h>
#include <openssl/crypto.h>

#include "main_parts.h"

#define TAG_MAX_BYTES 200 /* of the opening tag */
#define PLAIN_MAX_DEPTH 8 /* of elements in the element */

/* ---- By hand ---- */

/* Is what stands in [from, to) "div class=..." but for quotes, blanks and case? */
static bool is_opening(const char *from, const char *to)
{
    static const char wanted[] = "divclass=" LEGACY_DISPLAY_CLASS;
    size_t at = 0;
    if (to - from > TAG_MAX_BYTES)
        return false;
    for (; from < to; from++) {
        if (strchr(" \t\r\n\"'", *from) != NULL)
            continue;
        if (at == sizeof wanted - 1 || g_ascii_tolower(*from) != wanted[at])
            return false;
        at++;
    }
    return at == sizeof wanted - 1;
}

/* Of what may stand in the element: nothing of it leads anywhere or loads anything. */
static const char *const plain[] = {"b",   "br",   "em",     "font", "i", "p",
                                    "pre", "span", "strong", "tt",   "u"};

/* The entry of `plain` that the tag at `at` (behind its "<" or "</") names; NULL: none. */
static const char *plain_named(const char *at)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        size_t length = strlen(plain[i]);
        if (strncasecmp(at, plain[i], length) == 0 && strchr(" \t\r\n/>", at[length]) != NULL)
            return plain[i];
    }
    return NULL;
}

/* Does each element in [at, end) that begins there end there, in order? A browser and libxml2 make
 * different things of those that do not. */
static bool is_balanced(const char *at, const char *end)
{
    const char *open[PLAIN_MAX_DEPTH];
    size_t depth = 0;
    for (; at < end; at++) {
        const char *name;
        bool closes = at[0] == '<' && at[1] == '/';
        if (*at != '<')
            continue;
        name = plain_named(closes ? at + 2 : at + 1);
        if (name == NULL || (closes && (depth == 0 || open[--depth] != name)) ||
            (!closes && depth == PLAIN_MAX_DEPTH))
            return false;
        if (!closes && strcmp(name, "br") != 0)
            open[depth++] = name;
    }
    return depth == 0;
}

/* The element's bytes. */
static bool find_bytes(const char *html, size_t *from_out, size_t *to_out)
{
    const char *class = strcasestr(html, LEGACY_DISPLAY_CLASS);
    const char *open = class;
    const char *inside;
    const char *close;
    const char *end;
    if (class == NULL || strcasestr(class + 1, LEGACY_DISPLAY_CLASS) != NULL)
        return false;
    while (open > html && *open != '<')
        open--;
    inside = strchr(class, '>');
    if (*open != '<' || inside == NULL || !is_opening(open + 1, inside))
        return false;
    close = strcasestr(inside, "</div");
    end = close != NULL ? strchr(close, '>') : NULL;
    if (end == NULL || !is_balanced(inside + 1, close))
        return false;
    *from_out = (size_t)(open - html);
    *to_out = (size_t)(end + 1 - html);
    return true;
}

/* ---- By libxml2 ---- */

struct reading {
    htmlParserCtxtPtr parser;
    FILE *rest;    /* all that is found outside of the element, in an order of its own */
    FILE *lines;   /* the text of the element */
    size_t depth;  /* elements that are open */
    size_t within; /* of these, from the element on; 0: outside */
    size_t found;  /* elements of the class */
    bool in_body;
    bool strange;
};

static bool is_in(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

/* In the element: a line of its own begins there, and another behind. */
static bool breaks_line(const char *name)
{
    static const char *const breaks[] = {"br", "p", "pre"};
    return is_in(name, breaks, sizeof breaks / sizeof *breaks);
}

static bool is_element(const char *name, const xmlChar **given)
{
    if (strcmp(name, "div") != 0)
        return false;
    for (size_t i = 0; given != NULL && given[i] != NULL; i += 2)
        if (strcmp((const char *)given[i], "class") == 0 && given[i + 1] != NULL &&
            strcmp((const char *)given[i + 1], LEGACY_DISPLAY_CLASS) == 0)
            return true;
    return false;
}

static void begin_within(struct reading *reading, const char *name)
{
    reading->within++;
    if (breaks_line(name))
        putc('\n', reading->lines);
    else if (!is_in(name, plain, sizeof plain / sizeof *plain))
        reading->strange = true;
}

static void on_start(void *context, const xmlChar *name, const xmlChar **given)
{
    struct reading *reading = context;
    if (++reading->depth > LEGACY_HTML_MAX_DEPTH) {
        reading->strange = true;
        xmlStopParser(reading->parser);
    } else if (reading->within > 0) {
        begin_within(reading, (const char *)name);
    } else if (is_element((const char *)name, given)) {
        reading->within = 1;
        reading->found++;
        reading->strange |= !reading->in_body;
    } else {
        reading->in_body |= strcmp((const char *)name, "body") == 0;
        fprintf(reading->rest, "<%s", (const char *)name);
        for (size_t i = 0; given != NULL && given[i] != NULL; i += 2)
            fprintf(reading->rest, " %s=\"%s\"", (const char *)given[i],
                    given[i + 1] != NULL ? (const char *)given[i + 1] : "");
        putc('>', reading->rest);
    }
}

static void on_end(void *context, const xmlChar *name)
{
    struct reading *reading = context;
    if (reading->depth > 0)
        reading->depth--;
    if (reading->within > 0) {
        reading->within--;
        if (breaks_line((const char *)name))
            putc('\n', reading->lines);
        return;
    }
    reading->in_body &= strcmp((const char *)name, "body") != 0;
    fprintf(reading->rest, "</%s>", (const char *)name);
}

/* Blanks are left out: where the element was cut from, two runs of them become one. */
static void put_words(FILE *out, const xmlChar *text, int length)
{
    for (int i = 0; i < length; i++)
        if (strchr(" \t\r\n", text[i]) == NULL)
            putc(text[i], out);
}

static void on_text(void *context, const xmlChar *text, int length)
{
    struct reading *reading = context;
    if (reading->within == 0)
        put_words(reading->rest, text, length);
    else if (length > 0)
        (void)fwrite(text, 1, (size_t)length, reading->lines);
}

static void on_comment(void *context, const xmlChar *text)
{
    struct reading *reading = context;
    reading->strange |= reading->within > 0;
    fprintf(reading->rest, "<!--%s-->", (const char *)text);
}

/* What stands in <script> and <style>. */
static void on_code(void *context, const xmlChar *text, int length)
{
    struct reading *reading = context;
    reading->strange |= reading->within > 0;
    put_words(reading->rest, text, length);
}

static void start_library(void)
{
    xmlInitParser();
}

/* Returns 0, -1 out of memory. */
static int parse(struct reading *reading, const char *html)
{
    static pthread_once_t started = PTHREAD_ONCE_INIT;
    xmlSAXHandler handlers = {.startElement = on_start,
                              .endElement = on_end,
                              .characters = on_text,
                              .ignorableWhitespace = on_text,
                              .comment = on_comment,
                              .cdataBlock = on_code};
    size_t length = strlen(html);
    int rc;
    (void)pthread_once(&started, start_library);
    if (length == 0)
        return 0;
    reading->parser = htmlNewParserCtxt();
    if (reading->parser == NULL)
        return -1;
    *reading->parser->sax = handlers;
    reading->parser->userData = reading;
    xmlFreeDoc(htmlCtxtReadMemory(reading->parser, html, (int)length, NULL, "UTF-8",
                                  HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                      HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC));
    rc = reading->parser->errNo == XML_ERR_NO_MEMORY ? -1 : 0;
    htmlFreeParserCtxt(reading->parser);
    reading->parser = NULL;
    return rc;
}

static void wipe(char **text, size_t length)
{
    if (*text != NULL)
        OPENSSL_cleanse(*text, length);
    free(*text);
    *text = NULL;
}

/* What is in `html` (UTF-8): its lines in *lines_out where it has the one element, and the rest.
 * free() both. Returns the number of such elements; -1 when there is something strange about them;
 * -2 out of memory. */
static int read_html(const char *html, char **rest_out, char **lines_out)
{
    struct reading reading = {0};
    size_t rest_length = 0;
    size_t lines_length = 0;
    int rc = -2;
    reading.rest = open_memstream(rest_out, &rest_length);
    if (reading.rest == NULL)
        return -2;
    reading.lines = open_memstream(lines_out, &lines_length);
    if (reading.lines != NULL)
        rc = parse(&reading, html) == 0 ? (int)reading.found : -2;
    if (reading.lines != NULL && fclose(reading.lines) != 0)
        rc = -2;
    if (fclose(reading.rest) != 0)
        rc = -2;
    if (rc >= 0 && reading.strange)
        rc = -1;
    return rc;
}

/* ---- Both ---- */

/* `html` without its [from, to), as UTF-8; g_free(). NULL where that is not in its set. */
static char *cut(const char *html, size_t length, size_t from, size_t to, const char *charset)
{
    size_t kept = length - (to - from);
    char *text = malloc(kept + 1);
    char *out = NULL;
    if (text == NULL)
        return NULL;
    memcpy(text, html, from);
    memcpy(text + from, html + to, length - to);
    out = main_part_decode(text, kept, charset);
    OPENSSL_cleanse(text, kept);
    free(text);
    return out;
}

int legacy_html_find(const char *html, size_t length, const char *charset, size_t *from_out,
                     size_t *to_out, char **lines_out)
{
    char *with = NULL, *without = NULL;
    char *rest = NULL, *other_rest = NULL, *lines = NULL, *no_lines = NULL;
    int before, after = 0, rc = 0;
    if (length > LEGACY_HTML_MAX_BYTES || strlen(html) != length ||
        !find_bytes(html, from_out, to_out))
        return 0;
    with = cut(html, length, 0, 0, charset);
    without = cut(html, length, *from_out, *to_out, charset);
    if (with == NULL || without == NULL)
        goto out;
    before = read_html(with, &rest, &lines);
    if (before == 1)
        after = read_html(without, &other_rest, &no_lines);
    if (before == -2 || after == -2) {
        rc = -1;
    } else if (before == 1 && after == 0 && strcmp(rest, other_rest) == 0) {
        *lines_out = lines;
        lines = NULL;
        rc = 1;
    }
out:
    if (with != NULL)
        OPENSSL_cleanse(with, strlen(with));
    if (without != NULL)
        OPENSSL_cleanse(without, strlen(without));
    g_free(with);
    g_free(without);
    wipe(&rest, rest != NULL ? strlen(rest) : 0);
    wipe(&other_rest, other_rest != NULL ? strlen(other_rest) : 0);
    wipe(&lines, lines != NULL ? strlen(lines) : 0);
    free(no_lines);
    return rc;
}
