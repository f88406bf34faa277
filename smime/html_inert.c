/* HTML made inert. libxml2 says what elements and text there are, of whatever soup it is given;
 * here the harmless ones are written anew. Nothing of the original markup is copied, so that it
 * does not matter whether the program that shows the result would have read the original
 * differently. */
#include "html_inert.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>
#include <libxml/HTMLparser.h>
#include <openssl/crypto.h>

#include "why.h"

enum { VOID = 1, BLOCK = 2 }; /* without an end tag; a line of its own in the source */

/* In the order of strcmp(). */
static const struct element {
    const char *name;
    unsigned flags;
} elements[] = {
    {"abbr", 0},
    {"acronym", 0},
    {"address", BLOCK},
    {"b", 0},
    {"bdo", 0},
    {"big", 0},
    {"blockquote", BLOCK},
    {"br", VOID | BLOCK},
    {"caption", BLOCK},
    {"center", BLOCK},
    {"cite", 0},
    {"code", 0},
    {"dd", BLOCK},
    {"del", 0},
    {"dfn", 0},
    {"div", BLOCK},
    {"dl", BLOCK},
    {"dt", BLOCK},
    {"em", 0},
    {"font", 0},
    {"h1", BLOCK},
    {"h2", BLOCK},
    {"h3", BLOCK},
    {"h4", BLOCK},
    {"h5", BLOCK},
    {"h6", BLOCK},
    {"hr", VOID | BLOCK},
    {"i", 0},
    {"ins", 0},
    {"kbd", 0},
    {"li", BLOCK},
    {"ol", BLOCK},
    {"p", BLOCK},
    {"pre", 0},
    {"q", 0},
    {"s", 0},
    {"samp", 0},
    {"small", 0},
    {"span", 0},
    {"strike", 0},
    {"strong", 0},
    {"sub", 0},
    {"sup", 0},
    {"table", BLOCK},
    {"tbody", BLOCK},
    {"td", BLOCK},
    {"tfoot", BLOCK},
    {"th", BLOCK},
    {"thead", BLOCK},
    {"tr", BLOCK},
    {"tt", 0},
    {"u", 0},
    {"ul", BLOCK},
    {"var", 0},
};

/* Elements whose content is no text for people. */
static const char *const dropped[] = {
    "applet", "audio",  "canvas", "iframe", "map",      "math",     "noembed", "noframes", "object",
    "script", "select", "style",  "svg",    "template", "textarea", "title",   "video"};

static const char *const attributes[] = {"align", "bgcolor", "border", "cellpadding", "cellspacing",
                                         "color", "colspan", "dir",    "lang",        "rowspan",
                                         "size",  "start",   "valign", "width"};

#define ATTRIBUTE_MAX_BYTES 16

struct writer {
    htmlParserCtxtPtr parser;
    FILE *out;
    size_t depth;   /* elements that are open for the parser */
    size_t skipped; /* of these, from the one on whose content is dropped */
    unsigned char open[HTML_INERT_MAX_DEPTH]; /* what was written and not ended: into `elements` */
    size_t open_count;
    char *link; /* the address behind the text that is being written; NULL: none */
    bool too_deep;
    bool no_memory;
};

static bool is_in(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

static int compare_element(const void *name, const void *element)
{
    return strcmp(name, ((const struct element *)element)->name);
}

static const struct element *element_named(const char *name)
{
    return bsearch(name, elements, sizeof elements / sizeof *elements, sizeof *elements,
                   compare_element);
}

/* ---- Text ---- */

/* One character. What HTML or a line end could be made of is escaped, as is all beyond ASCII: then
 * it does not matter either which character set a program takes it for. */
static void put_character(FILE *out, gunichar c)
{
    if (c == '\n')
        fputs("\r\n", out);
    else if (c == '\t' || (c >= ' ' && c < 0x7f && strchr("<>&\"'`", (int)c) == NULL))
        putc((int)c, out);
    else if (c >= 0xa0 || (c > ' ' && c < 0x7f))
        fprintf(out, "&#%u;", (unsigned)c);
}

static gunichar next_character(const char **at, const char *end)
{
    gunichar c = g_utf8_get_char_validated(*at, end - *at);
    if (c == (gunichar)-1 || c == (gunichar)-2) {
        (*at)++;
        return 0xfffd;
    }
    *at = g_utf8_next_char(*at);
    return c;
}

static void put_text(FILE *out, const char *text, size_t length)
{
    const char *end = text + length;
    while (text < end)
        put_character(out, next_character(&text, end));
}

/* Programs make links of text that looks like an address: not of this. */
static void put_link(FILE *out, const char *link)
{
    const char *end = link + strlen(link);
    fputs(" [", out);
    for (size_t i = 0; link < end && i < HTML_INERT_MAX_LINK; i++) {
        gunichar c = next_character(&link, end);
        if (c == '.' || c == ':')
            fprintf(out, "[%c]", (int)c);
        else if (c > ' ')
            put_character(out, c);
    }
    fputs(link < end ? "...]" : "]", out);
}

static void end_link(struct writer *writer)
{
    if (writer->link != NULL)
        put_link(writer->out, writer->link);
    free(writer->link);
    writer->link = NULL;
}

/* ---- Elements ---- */

static const char *attribute_of(const xmlChar **given, const char *name)
{
    for (size_t i = 0; given != NULL && given[i] != NULL; i += 2)
        if (strcmp((const char *)given[i], name) == 0)
            return (const char *)given[i + 1];
    return NULL;
}

static bool is_harmless(const char *value)
{
    size_t length = value != NULL ? strlen(value) : 0;
    return length > 0 && length <= ATTRIBUTE_MAX_BYTES &&
           strspn(value, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ#%-") ==
               length;
}

static void put_attributes(FILE *out, const xmlChar **given)
{
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        const char *value = attribute_of(given, attributes[i]);
        if (is_harmless(value))
            fprintf(out, " %s=\"%s\"", attributes[i], value);
    }
}

/* A link's address is kept for its end, a picture is its alternative text. */
static void replace_element(struct writer *writer, const char *name, const xmlChar **given)
{
    const char *text;
    if (strcmp(name, "a") == 0) {
        end_link(writer);
        text = attribute_of(given, "href");
        if (text != NULL &&
            (strncasecmp(text, "http:", 5) == 0 || strncasecmp(text, "https:", 6) == 0)) {
            writer->link = strdup(text);
            writer->no_memory |= writer->link == NULL;
        }
    } else if (strcmp(name, "img") == 0) {
        text = attribute_of(given, "alt");
        if (text != NULL && text[0] != '\0') {
            putc('[', writer->out);
            put_text(writer->out, text, strlen(text));
            putc(']', writer->out);
        }
    }
}

static void write_start(struct writer *writer, const char *name, const xmlChar **given)
{
    const struct element *element = element_named(name);
    if (element == NULL) {
        replace_element(writer, name, given);
        return;
    }
    fprintf(writer->out, "<%s", name);
    put_attributes(writer->out, given);
    putc('>', writer->out);
    if ((element->flags & VOID) != 0) {
        fputs("\r\n", writer->out);
        return;
    }
    writer->open[writer->open_count++] = (unsigned char)(element - elements);
}

static void pop(struct writer *writer)
{
    const struct element *element = &elements[writer->open[--writer->open_count]];
    fprintf(writer->out, "</%s>%s", element->name, (element->flags & BLOCK) != 0 ? "\r\n" : "");
}

static void on_start(void *context, const xmlChar *name, const xmlChar **given)
{
    struct writer *writer = context;
    if (++writer->depth > HTML_INERT_MAX_DEPTH) {
        writer->too_deep = true;
        xmlStopParser(writer->parser);
    } else if (writer->skipped > 0 ||
               is_in((const char *)name, dropped, sizeof dropped / sizeof *dropped)) {
        writer->skipped++;
    } else if (writer->open_count < HTML_INERT_MAX_DEPTH) {
        write_start(writer, (const char *)name, given);
    }
}

/* Ends what was opened last of that name, and all in it. An end of nothing is left out. */
static void on_end(void *context, const xmlChar *name)
{
    struct writer *writer = context;
    const struct element *element = element_named((const char *)name);
    size_t at = writer->open_count;
    if (writer->depth > 0)
        writer->depth--;
    if (writer->skipped > 0) {
        writer->skipped--;
        return;
    }
    if (strcmp((const char *)name, "a") == 0)
        end_link(writer);
    while (element != NULL && at > 0 && &elements[writer->open[at - 1]] != element)
        at--;
    while (element != NULL && at > 0 && writer->open_count >= at)
        pop(writer);
}

static void on_text(void *context, const xmlChar *text, int length)
{
    struct writer *writer = context;
    if (writer->skipped == 0 && length > 0)
        put_text(writer->out, (const char *)text, (size_t)length);
}

/* What stands in <script> and <style>. */
static void on_code(void *context, const xmlChar *text, int length)
{
    (void)context;
    (void)text;
    (void)length;
}

/* ---- The document ---- */

static void start_library(void)
{
    xmlInitParser();
}

/* Returns 0, -1 out of memory. */
static int parse(struct writer *writer, const char *html, size_t length)
{
    static pthread_once_t started = PTHREAD_ONCE_INIT;
    xmlSAXHandler handlers = {.startElement = on_start,
                              .endElement = on_end,
                              .characters = on_text,
                              .ignorableWhitespace = on_text,
                              .cdataBlock = on_code};
    (void)pthread_once(&started, start_library);
    if (length == 0)
        return 0;
    writer->parser = htmlNewParserCtxt();
    if (writer->parser == NULL)
        return -1;
    *writer->parser->sax = handlers;
    writer->parser->userData = writer;
    xmlFreeDoc(htmlCtxtReadMemory(writer->parser, html, (int)length, NULL, "UTF-8",
                                  HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
                                      HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC));
    if (writer->parser->errNo == XML_ERR_NO_MEMORY)
        writer->no_memory = true;
    htmlFreeParserCtxt(writer->parser);
    writer->parser = NULL;
    return writer->no_memory ? -1 : 0;
}

static void write_document(struct writer *writer, const char *html, size_t length)
{
    fputs("<!DOCTYPE html>\r\n<html><body>\r\n", writer->out);
    if (parse(writer, html, length) != 0)
        writer->no_memory = true;
    end_link(writer);
    while (writer->open_count > 0)
        pop(writer);
    fputs("\r\n</body></html>\r\n", writer->out);
}

enum smime_status html_inert(const char *html, size_t length, struct spool *out, char **why)
{
    struct writer writer = {0};
    char *text = NULL;
    size_t text_length = 0;
    enum smime_status status = SMIME_OK;
    if (length > HTML_INERT_MAX_BYTES) {
        why_set(why, "the HTML has more than %zu bytes", HTML_INERT_MAX_BYTES);
        return SMIME_REFUSED;
    }
    writer.out = open_memstream(&text, &text_length);
    if (writer.out == NULL) {
        why_set(why, "out of memory");
        return SMIME_ERROR;
    }
    write_document(&writer, html, length);
    if (fclose(writer.out) != 0 || writer.no_memory) {
        why_set(why, "out of memory");
        status = SMIME_ERROR;
    } else if (writer.too_deep) {
        why_set(why, "the HTML is nested more than %d deep", HTML_INERT_MAX_DEPTH);
        status = SMIME_REFUSED;
    } else if (spool_write(out, text, text_length) != 0) {
        why_set(why, "cannot write the spool: %s", strerror(errno));
        status = SMIME_ERROR;
    }
    OPENSSL_cleanse(text, text_length);
    free(text);
    return status;
}
