/* The fields by which a sender chooses. They come from users, and are read before anything is known
 * of the message. Lines of the input are "name:value". */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "choice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add_fields(struct header *header, char *text)
{
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *colon = strchr(line, ':');
        if (colon == NULL || colon == line)
            continue;
        *colon = '\0';
        if (header_add(header, line, colon + 1) != 0)
            abort();
    }
}

/* What goes out in a Subject is ASCII, and ends a line only to fold it. */
static void check_subject(const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        if ((unsigned char)*p >= 0x80)
            abort();
        if (*p == '\r' && (p[1] != '\n' || (p[2] != ' ' && p[2] != '\t')))
            abort();
        if (*p == '\n' && (p == value || p[-1] != '\r'))
            abort();
    }
}

static void check_choice(const struct choice *choice)
{
    bool asks = choice->sign || choice->encrypt || choice->plain;
    enum choice_effect effect;
    if (choice->plain && (choice->sign || choice->encrypt))
        abort();
    if (asks != (choice_text(choice) != NULL) || (asks && choice->by == NULL))
        abort();
    /* encryption that was asked for is done or refused, whatever the rule says */
    for (int transform = TRANSFORM_NONE; choice->encrypt && transform <= TRANSFORM_SIGN_ENCRYPT;
         transform++)
        for (int has = 0; has <= 3; has++) {
            enum transform got = choice_apply(choice, CHOICE_STRENGTHEN, (enum transform)transform,
                                              has & 1, has & 2, &effect);
            if (got != TRANSFORM_REFUSE && !transform_is_encrypted(got))
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char encrypt[] = "[encrypt] [verschl\xc3\xbcsseln]";
    static char sign[] = "[sign] geheim";
    static char plain[] = "[plain]";
    const struct settings settings = {.encrypt_words = encrypt,
                                      .sign_words = sign,
                                      .plain_words = plain,
                                      .confidential_encrypts = true};
    struct header header = {0};
    struct outcome outcome = {0};
    struct choice choice;
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    add_fields(&header, text);
    if (choice_read(&settings, &header, &choice) != 0 ||
        choice_strip(&settings, &header, &outcome) != 0 ||
        outcome_edit_header(&outcome, &header) != 0)
        abort();
    check_choice(&choice);
    for (size_t i = 0; i < outcome.edit_count; i++)
        check_subject(outcome.edits[i].value);
    choice_clear(&choice);
    outcome_clear(&outcome);
    header_clear(&header);
    free(text);
    return 0;
}
