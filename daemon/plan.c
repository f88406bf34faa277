/* Which recipients of one message get which transform. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

const char *transform_name(enum transform transform)
{
    static const char *const names[] = {
        [TRANSFORM_NONE] = "none",       [TRANSFORM_SIGN] = "sign",
        [TRANSFORM_ENCRYPT] = "encrypt", [TRANSFORM_SIGN_ENCRYPT] = "sign+encrypt",
        [TRANSFORM_OPEN] = "open",       [TRANSFORM_VERIFY] = "verify",
        [TRANSFORM_REFUSE] = "refuse",
    };
    return names[transform];
}

const char *direction_name(enum direction direction)
{
    static const char *const names[] = {
        [DIRECTION_NONE] = "none",
        [DIRECTION_OUTGOING] = "outgoing",
        [DIRECTION_INCOMING] = "incoming",
    };
    return names[direction];
}

const char *choice_effect_name(enum choice_effect effect)
{
    static const char *const names[] = {
        [CHOICE_UNASKED] = "unasked",
        [CHOICE_SATISFIED] = "satisfied",
        [CHOICE_STRENGTHENED] = "strengthened",
        [CHOICE_WEAKENED] = "weakened",
        [CHOICE_DENIED] = "denied",
        [CHOICE_UNMET] = "unmet",
    };
    return names[effect];
}

enum transform outgoing_transform(enum outgoing_mode mode, bool can_sign, bool has_key)
{
    switch (mode) {
    case OUTGOING_UNDEFINED:
    case OUTGOING_NONE:
        return TRANSFORM_NONE;
    case OUTGOING_SIGN:
        return can_sign ? TRANSFORM_SIGN : TRANSFORM_NONE;
    case OUTGOING_ENCRYPT_OPTIONAL:
        if (has_key)
            return can_sign ? TRANSFORM_SIGN_ENCRYPT : TRANSFORM_ENCRYPT;
        return can_sign ? TRANSFORM_SIGN : TRANSFORM_NONE;
    case OUTGOING_ENCRYPT_FORCED:
        return can_sign && has_key ? TRANSFORM_SIGN_ENCRYPT : TRANSFORM_REFUSE;
    }
    return TRANSFORM_REFUSE;
}

bool transform_is_encrypted(enum transform transform)
{
    return transform == TRANSFORM_ENCRYPT || transform == TRANSFORM_SIGN_ENCRYPT;
}

static bool transform_is_signed(enum transform transform)
{
    return transform == TRANSFORM_SIGN || transform == TRANSFORM_SIGN_ENCRYPT;
}

/* Those of `a`, in its order, that `b` has as well. */
static struct cipher_list common_ciphers(const struct cipher_list *a, const struct cipher_list *b)
{
    struct cipher_list common = {.count = 0};
    for (size_t i = 0; i < a->count; i++)
        if (cipher_list_has(b, a->items[i]))
            cipher_list_add(&common, a->items[i]);
    return common;
}

/* Can these two share one body? One signature is made for all who are to get such a one, whatever
 * their profiles; one ciphertext for all who read one of its ciphers (RFC 8551 section 2.7.2). */
static bool same_group(const struct recipient *a, const struct recipient *b)
{
    if (a->transform != b->transform || a->direction != b->direction)
        return false;
    if (transform_is_signed(a->transform) &&
        (a->signing.scheme != b->signing.scheme || a->signing.digest != b->signing.digest))
        return false;
    /* What stands in the open is the same for all who get the same ciphertext. */
    if (transform_is_encrypted(a->transform) && a->direction == DIRECTION_OUTGOING &&
        a->confidentiality != b->confidentiality)
        return false;
    if (transform_is_encrypted(a->transform) &&
        common_ciphers(&a->encryption.ciphers, &b->encryption.ciphers).count == 0)
        return false;
    /* A RecipientInfo names its owner to all who get the same ciphertext. */
    if (transform_is_encrypted(a->transform) && (a->blind || b->blind))
        return strcmp(a->canonical, b->canonical) == 0;
    /* What one of them must refuse, the other may have to take. */
    if (a->direction == DIRECTION_INCOMING)
        return a->decision.mode == b->decision.mode && a->insecure == b->insecure;
    return true;
}

static int by_size(const void *a, const void *b)
{
    const struct group *x = a;
    const struct group *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    /* Equal ones in the order of their first recipients, so that a plan is the same every time. */
    return x->members[0] < y->members[0] ? -1 : 1;
}

/* The first group that takes him; its ciphers become those that he reads as well. */
static struct group *group_of(struct plan *plan, const struct recipient *recipients, size_t member)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct group *group = &plan->groups[i];
        struct cipher_list common =
            common_ciphers(&group->ciphers, &recipients[member].encryption.ciphers);
        if (!same_group(&recipients[group->members[0]], &recipients[member]) ||
            (transform_is_encrypted(group->transform) && common.count == 0))
            continue;
        group->ciphers = common;
        return group;
    }
    return NULL;
}

enum encrypt_cipher plan_cipher(const struct group *group)
{
    enum encrypt_cipher strongest = group->ciphers.items[0];
    for (size_t i = 1; group->count > 1 && i < group->ciphers.count; i++)
        if (group->ciphers.items[i] < strongest)
            strongest = group->ciphers.items[i];
    return strongest;
}

int plan_make(const struct recipient *recipients, size_t count, struct plan *out)
{
    *out = (struct plan){0};
    if (count == 0)
        return 0;
    out->groups = calloc(count, sizeof *out->groups);
    if (out->groups == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct group *group = group_of(out, recipients, i);
        size_t *members;
        if (group == NULL) {
            group = &out->groups[out->count++];
            group->transform = recipients[i].transform;
            group->ciphers = recipients[i].encryption.ciphers;
        }
        members = reallocarray(group->members, group->count + 1, sizeof *members);
        if (members == NULL) {
            plan_clear(out);
            return -1;
        }
        group->members = members;
        group->members[group->count++] = i;
    }
    qsort(out->groups, out->count, sizeof *out->groups, by_size);
    return 0;
}

int plan_make_one(size_t count, struct plan *out)
{
    *out = (struct plan){0};
    if (count == 0)
        return 0;
    out->groups = calloc(1, sizeof *out->groups);
    if (out->groups == NULL)
        return -1;
    out->count = 1;
    out->groups->members = reallocarray(NULL, count, sizeof *out->groups->members);
    if (out->groups->members == NULL) {
        plan_clear(out);
        return -1;
    }
    out->groups->count = count;
    for (size_t i = 0; i < count; i++)
        out->groups->members[i] = i;
    return 0;
}

void plan_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->groups[i].members);
    free(plan->groups);
    *plan = (struct plan){0};
}
