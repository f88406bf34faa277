/* What notices say, in German and English. */
#ifndef DAEMON_NOTICE_TEXT_H
#define DAEMON_NOTICE_TEXT_H

#include <stdbool.h>

#include "notice.h"

enum notice_language { NOTICE_GERMAN, NOTICE_ENGLISH };

/* What stands for the words of a notice in its mail. All UTF-8. */
struct notice_words {
    char *headline; /* half a line: what it is about, or how many there are */
    char *items;    /* a paragraph for each, LF line ends */
};

/* Write the notices of a mail in one language, as of `now`. Returns 0 with *out filled
 * (notice_words_clear()), -1 out of memory. */
int notice_words_make(const struct notice_list *notices, enum notice_language language, time_t now,
                      struct notice_words *out);
void notice_words_clear(struct notice_words *words);

/* One notice as one line of English, for the log: a new string, NULL out of memory. */
char *notice_sentence(const struct notice *notice, time_t now);

/* The texts around them that are built in, for administrators and for senders. */
const char *notice_text_built_in(bool to_sender);

#endif
