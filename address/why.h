/* One sentence that says why something failed.
 *
 * Libraries neither log nor exit: a function that can fail takes `char **why` last, where *why is
 * NULL or a sentence that the function may replace. The caller releases it with why_free(). */
#ifndef ADDRESS_WHY_H
#define ADDRESS_WHY_H

/* Replace *why by a formatted English sentence. `why` may be NULL (nobody asks). The sentence is
 * one line: control characters in it are written as \xNN. */
void why_set(char **why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "prefix: " before the sentence in *why; with an empty *why the prefix becomes the sentence.
 */
void why_prefix(char **why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The sentence, or "no reason given". Never NULL. */
const char *why_text(char *const *why);

void why_free(char **why);

#endif
