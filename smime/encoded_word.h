/* Encoded words (RFC 2047) that programs read differently. */
#ifndef SMIME_ENCODED_WORD_H
#define SMIME_ENCODED_WORD_H

/* Bits of how they are read: each set of them is a way in which some program does it. What else
 * does not belong into base64 is always passed over, and its end needs no padding. */
enum encoded_word_reading {
    ENCODED_WORD_ANEW = 1, /* a '=' in base64 ends it, and another one begins; else it is nothing */
    ENCODED_WORD_OUTER = 2, /* of a word that begins within another one, the outer one counts; else
                               the inner */
};
#define ENCODED_WORD_READINGS 4U

/* `value` (of a field) written so that every program reads its encoded words with
 * ENCODED_WORD_ANEW: the base64 of those that are not well-formed is, and what could be taken for
 * an outer word is none. All else stays as it is. A new string, NULL when out of memory. */
char *encoded_words_repair(const char *value);

/* `value` as GMime must be given it to find what people see with this `reading`: all its encoded
 * words are in quoted-printable and have no NUL. Words in UTF-16 and the like are read as far as
 * they are ASCII. A new string, NULL when out of memory. */
char *encoded_words_for_gmime(const char *value, unsigned reading);

#endif
