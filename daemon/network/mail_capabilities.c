/* Lines of capabilities, word by word. */
#include "mail_capabilities.h"

#include <string.h>
#include <strings.h>

#define REPLY_CODE_BYTES 4 /* "250-" */

struct words {
    const char *at;
    const char *end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word: its length, 0 at the end. */
static size_t next_word(struct words *words, const char **out)
{
    while (words->at < words->end && is_blank(*words->at))
        words->at++;
    *out = words->at;
    while (words->at < words->end && !is_blank(*words->at))
        words->at++;
    return (size_t)(words->at - *out);
}

static bool is(const char *word, size_t length, const char *name)
{
    return length == strlen(name) && strncasecmp(word, name, length) == 0;
}

/* Mechanisms of SASL that prove nothing but say what the secret is (RFC 4616, RFC 7628). */
static bool tells_secret(const char *word, size_t length)
{
    return is(word, length, "PLAIN") || is(word, length, "LOGIN") || is(word, length, "XOAUTH2") ||
           is(word, length, "OAUTHBEARER");
}

static void add_mechanisms(struct mail_capabilities *capabilities, struct words *words)
{
    const char *word;
    size_t length;
    while ((length = next_word(words, &word)) > 0)
        capabilities->password = capabilities->password || tells_secret(word, length);
}

/* "250-AUTH PLAIN LOGIN", and "250-AUTH=PLAIN LOGIN" of old servers. */
static void add_smtp(struct mail_capabilities *capabilities, struct words words)
{
    const char *word;
    size_t length;
    if (words.end - words.at < REPLY_CODE_BYTES || strncmp(words.at, "250", 3) != 0)
        return;
    words.at += REPLY_CODE_BYTES;
    length = next_word(&words, &word);
    if (is(word, length, "STARTTLS")) {
        capabilities->start_tls = true;
    } else if (length >= 5 && strncasecmp(word, "AUTH=", 5) == 0) {
        words.at = word + 5;
        add_mechanisms(capabilities, &words);
    } else if (is(word, length, "AUTH")) {
        add_mechanisms(capabilities, &words);
    }
}

/* "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED AUTH=PLAIN" */
static void add_imap(struct mail_capabilities *capabilities, struct words words)
{
    const char *word;
    size_t length = next_word(&words, &word);
    if (!is(word, length, "*"))
        return;
    length = next_word(&words, &word);
    if (!is(word, length, "CAPABILITY"))
        return;
    capabilities->login = true;
    while ((length = next_word(&words, &word)) > 0) {
        if (is(word, length, "STARTTLS"))
            capabilities->start_tls = true;
        else if (is(word, length, "LOGINDISABLED"))
            capabilities->login_disabled = true;
        else if (length >= 5 && strncasecmp(word, "AUTH=", 5) == 0 &&
                 tells_secret(word + 5, length - 5))
            capabilities->password = true;
    }
}

/* "STLS", "USER", "SASL PLAIN LOGIN" */
static void add_pop3(struct mail_capabilities *capabilities, struct words words)
{
    const char *word;
    size_t length = next_word(&words, &word);
    if (is(word, length, "STLS"))
        capabilities->start_tls = true;
    else if (is(word, length, "USER"))
        capabilities->password = true;
    else if (is(word, length, "SASL"))
        add_mechanisms(capabilities, &words);
}

void mail_capabilities_add(struct mail_capabilities *capabilities, enum mail_protocol protocol,
                           const char *line, size_t length)
{
    struct words words = {line, line + length};
    switch (protocol) {
    case MAIL_SMTP:
        add_smtp(capabilities, words);
        break;
    case MAIL_IMAP:
        add_imap(capabilities, words);
        break;
    case MAIL_POP3:
        add_pop3(capabilities, words);
        break;
    }
}

bool mail_capabilities_clear_password(const struct mail_capabilities *capabilities)
{
    return capabilities->password || (capabilities->login && !capabilities->login_disabled);
}
