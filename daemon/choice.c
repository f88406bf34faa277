/* A sender's own choice: what he asked for, and what of it may be. */
#include "choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lead_words.h"

#define SEPARATORS " \t\r\n,"
#define CONFIDENTIAL "Company-Confidential"
#define UNREAD_MAX_BYTES 60 /* of what is not understood, for a reply */

bool choice_is_offered(const struct config *config)
{
    if (config->settings.sender_choice != CHOICE_NONE)
        return true;
    for (size_t i = 0; i < config->rules.count; i++) {
        enum sender_choice choice = config->rules.items[i].choice;
        if (choice == CHOICE_STRENGTHEN || choice == CHOICE_FREE)
            return true;
    }
    return false;
}

/* ---- Reading ---- */

static bool is_word(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

/* One field X-Smimed: words between commas and blanks. Returns whether it says anything. */
static int read_field(const char *value, struct choice *out)
{
    const char *at = value + strspn(value, SEPARATORS);
    int said = 0;
    while (*at != '\0') {
        size_t length = strcspn(at, SEPARATORS);
        said = 1;
        if (is_word(at, length, "sign"))
            out->sign = true;
        else if (is_word(at, length, "encrypt"))
            out->encrypt = true;
        else if (is_word(at, length, "plain"))
            out->plain = true;
        else if (out->unread == NULL) {
            out->unread = strndup(at, length < UNREAD_MAX_BYTES ? length : UNREAD_MAX_BYTES);
            if (out->unread == NULL)
                return -1;
        }
        at += length;
        at += strspn(at, SEPARATORS);
    }
    return said;
}

/* The words of the three settings, in one list. */
struct words {
    char *texts[3]; /* encrypt, sign, plain: owned, cut at the blanks */
    const char **items;
    int *meanings; /* index into texts */
    size_t count;
};

static void words_clear(struct words *words)
{
    for (size_t i = 0; i < 3; i++)
        free(words->texts[i]);
    free(words->items);
    free(words->meanings);
    *words = (struct words){0};
}

static int words_add(struct words *words, int meaning)
{
    char *rest = NULL;
    for (char *word = strtok_r(words->texts[meaning], " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        const char **items = reallocarray(words->items, words->count + 1, sizeof *items);
        int *meanings;
        if (items == NULL)
            return -1;
        words->items = items;
        meanings = reallocarray(words->meanings, words->count + 1, sizeof *meanings);
        if (meanings == NULL)
            return -1;
        words->meanings = meanings;
        items[words->count] = word;
        meanings[words->count++] = meaning;
    }
    return 0;
}

static int words_make(const struct settings *settings, struct words *out)
{
    const char *const texts[3] = {settings->encrypt_words, settings->sign_words,
                                  settings->plain_words};
    *out = (struct words){0};
    for (int i = 0; i < 3; i++) {
        out->texts[i] = strdup(texts[i]);
        if (out->texts[i] == NULL || words_add(out, i) != 0) {
            words_clear(out);
            return -1;
        }
    }
    return 0;
}

/* Returns whether the subject says anything, -1 out of memory. */
static int read_subject(const struct words *words, const char *value, struct choice *out)
{
    bool *found = calloc(words->count + 1, sizeof *found);
    char *rest = NULL;
    int said = -1;
    if (found != NULL && lead_words_take(value, words->items, words->count, found, &rest) == 0)
        said = 0;
    for (size_t i = 0; said >= 0 && i < words->count; i++)
        if (found[i]) {
            bool *const asked[3] = {&out->encrypt, &out->sign, &out->plain};
            *asked[words->meanings[i]] = true;
            said = 1;
        }
    free(rest);
    free(found);
    return said;
}

static int read_sensitivity(const char *value, struct choice *out)
{
    size_t length;
    value += strspn(value, SEPARATORS);
    length = strcspn(value, SEPARATORS);
    if (!is_word(value, length, CONFIDENTIAL))
        return 0;
    out->encrypt = true;
    return 1;
}

/* Returns whether the field says anything, -1 out of memory. */
static int read_one(const struct settings *settings, const struct words *words,
                    const struct header_field *field, struct choice *out)
{
    if (strcasecmp(field->name, CHOICE_FIELD) == 0)
        return read_field(field->value, out);
    if (strcasecmp(field->name, "Subject") == 0)
        return read_subject(words, field->value, out);
    if (strcasecmp(field->name, "Sensitivity") == 0 && settings->confidential_encrypts)
        return read_sensitivity(field->value, out);
    return 0;
}

/* Name the field once, in the order of the header. */
static int add_source(struct choice *choice, const char *name)
{
    char *by = NULL;
    if (choice->by != NULL && strcasestr(choice->by, name) != NULL)
        return 0;
    if (asprintf(&by, "%s%s%s", choice->by != NULL ? choice->by : "",
                 choice->by != NULL ? ", " : "", name) < 0)
        return -1;
    free(choice->by);
    choice->by = by;
    return 0;
}

int choice_read(const struct settings *settings, const struct header *header, struct choice *out)
{
    struct words words;
    int rc = 0;
    *out = (struct choice){0};
    if (words_make(settings, &words) != 0)
        return -1;
    for (size_t i = 0; rc == 0 && i < header->count; i++) {
        int said = read_one(settings, &words, &header->fields[i], out);
        if (said < 0 || (said == 1 && add_source(out, header->fields[i].name) != 0))
            rc = -1;
    }
    words_clear(&words);
    if (out->sign || out->encrypt)
        out->plain = false;
    if (rc != 0)
        choice_clear(out);
    return rc;
}

void choice_clear(struct choice *choice)
{
    free(choice->by);
    free(choice->unread);
    *choice = (struct choice){0};
}

const char *choice_text(const struct choice *choice)
{
    if (choice->sign && choice->encrypt)
        return "sign, encrypt";
    if (choice->encrypt)
        return "encrypt";
    if (choice->sign)
        return "sign";
    return choice->plain ? "plain" : NULL;
}

/* ---- Taking away ---- */

int choice_strip(const struct settings *settings, const struct header *header,
                 struct outcome *outcome)
{
    struct words words;
    bool *found;
    int rc = 0;
    if (words_make(settings, &words) != 0)
        return -1;
    found = calloc(words.count + 1, sizeof *found);
    if (found == NULL)
        rc = -1;
    for (size_t i = 0; rc == 0 && i < header->count; i++) {
        char *rest = NULL;
        if (strcasecmp(header->fields[i].name, "Subject") != 0)
            continue;
        rc = lead_words_take(header->fields[i].value, words.items, words.count, found, &rest);
        if (rc == 0 && rest != NULL)
            rc = outcome_edit_field(outcome, EDIT_CHANGE, header, i, rest);
        free(rest);
    }
    free(found);
    words_clear(&words);
    return rc;
}

/* ---- What may be ---- */

enum sender_choice choice_allowed(const struct settings *settings, const struct decision *decision)
{
    if (decision->choice != CHOICE_UNDEFINED)
        return decision->choice;
    if (settings->sender_choice == CHOICE_FREE && decision->mode == OUTGOING_ENCRYPT_FORCED)
        return CHOICE_STRENGTHEN;
    return settings->sender_choice;
}

static enum transform transform_of(bool is_signed, bool is_encrypted)
{
    if (is_encrypted)
        return is_signed ? TRANSFORM_SIGN_ENCRYPT : TRANSFORM_ENCRYPT;
    return is_signed ? TRANSFORM_SIGN : TRANSFORM_NONE;
}

static enum transform weaken(enum sender_choice allowed, enum transform transform,
                             enum choice_effect *effect_out)
{
    *effect_out = CHOICE_SATISFIED;
    if (transform == TRANSFORM_NONE)
        return transform;
    if (allowed != CHOICE_FREE) {
        *effect_out = CHOICE_DENIED;
        return transform;
    }
    *effect_out = CHOICE_WEAKENED;
    return TRANSFORM_NONE;
}

enum transform choice_apply(const struct choice *choice, enum sender_choice allowed,
                            enum transform transform, bool can_sign, bool has_key,
                            enum choice_effect *effect_out)
{
    bool is_signed = transform == TRANSFORM_SIGN || transform == TRANSFORM_SIGN_ENCRYPT;
    bool is_encrypted = transform == TRANSFORM_ENCRYPT || transform == TRANSFORM_SIGN_ENCRYPT;
    enum transform chosen;
    *effect_out = CHOICE_UNASKED;
    if (choice_text(choice) == NULL)
        return transform;
    *effect_out = CHOICE_DENIED;
    if (allowed == CHOICE_NONE)
        return transform;
    if (choice->plain)
        return weaken(allowed, transform, effect_out);
    *effect_out = CHOICE_UNMET;
    if (transform == TRANSFORM_REFUSE || (choice->encrypt && !has_key && !is_encrypted))
        return TRANSFORM_REFUSE;
    chosen = transform_of(is_signed || (choice->sign && can_sign), is_encrypted || choice->encrypt);
    if (choice->sign && !is_signed && !can_sign)
        *effect_out = CHOICE_UNMET;
    else
        *effect_out = chosen == transform ? CHOICE_SATISFIED : CHOICE_STRENGTHENED;
    return chosen;
}
