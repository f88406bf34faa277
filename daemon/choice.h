/* A sender's own choice for one message: X-Smimed, words at the beginning of the subject,
 * Sensitivity (RFC 2156 section 5.3.4). Whoever calls asks first whether the sender may choose. */
#ifndef DAEMON_CHOICE_H
#define DAEMON_CHOICE_H

#include <stdbool.h>

#include "config.h"
#include "outcome.h"

#define CHOICE_FIELD "X-Smimed"

struct choice {
    bool sign;
    bool encrypt;
    bool plain;   /* neither; never with one of the others, which are stronger */
    char *by;     /* the fields that said so: "X-Smimed, Subject"; NULL: nothing is asked for */
    char *unread; /* what X-Smimed says and nobody understands; NULL: nothing */
};

/* May any sender choose, by the setting or by a rule? Else no field means anything. */
bool choice_is_offered(const struct config *config);

/* Read what the header asks for. Returns 0 with *out filled (choice_clear()), -1 out of memory. */
int choice_read(const struct settings *settings, const struct header *header, struct choice *out);
void choice_clear(struct choice *choice);

/* What is asked for: "sign", "encrypt", "sign, encrypt", "plain"; NULL: nothing. */
const char *choice_text(const struct choice *choice);

/* Edits that take the words off all Subject fields (X-Smimed itself goes with all that speaks in
 * our name, see verdict_fields.h; Sensitivity is not ours and stays). Returns 0, -1 out of memory.
 */
int choice_strip(const struct settings *settings, const struct header *header,
                 struct outcome *outcome);

/* May the sender choose here? What the rule says counts before the setting; the setting alone never
 * lets him weaken encrypt-forced. Never CHOICE_UNDEFINED. */
enum sender_choice choice_allowed(const struct settings *settings, const struct decision *decision);

/* Make of the transform that the rule has led to what the sender asked for, as far as `allowed`.
 * Where he asked for encryption and there is no key, that is TRANSFORM_REFUSE. */
enum transform choice_apply(const struct choice *choice, enum sender_choice allowed,
                            enum transform transform, bool can_sign, bool has_key,
                            enum choice_effect *effect_out);

#endif
