/* The edits that header protection makes. */
#include "header_edits.h"

#include "profile_policy.h"

int header_edits_hide(enum confidentiality policy, const struct header *header,
                      struct outcome *outcome)
{
    int rc = 0;
    /* From the highest index down: a deletion leaves those still to come as they are. */
    for (size_t i = header->count; rc == 0 && i-- > 0;) {
        switch (protection_exposure(policy, header->fields[i].name)) {
        case EXPOSURE_SAME:
            break;
        case EXPOSURE_OBSCURED:
            rc = outcome_edit_field(outcome, EDIT_CHANGE, header, i, PROTECTION_SUBJECT);
            break;
        case EXPOSURE_REMOVED:
            rc = outcome_edit_field(outcome, EDIT_DELETE, header, i, NULL);
            break;
        }
    }
    return rc;
}

static int replace_all(const char *name, const struct header *before, const struct header *after,
                       struct outcome *outcome)
{
    size_t old = header_count(before, name);
    size_t new = header_count(after, name);
    for (size_t i = 0; i < new; i++)
        if (outcome_edit(outcome, i < old ? EDIT_CHANGE : EDIT_APPEND, name, i < old ? i + 1 : 0,
                         header_get(after, name, i)->value) != 0)
            return -1;
    for (size_t i = old; i > new; i--)
        if (outcome_edit(outcome, EDIT_DELETE, name, i, NULL) != 0)
            return -1;
    return 0;
}

int header_edits_restore(const struct restored *restored, const struct header *header,
                         struct outcome *outcome)
{
    for (size_t i = 0; i < restored->name_count; i++)
        if (replace_all(restored->names[i], header, &restored->fields, outcome) != 0)
            return -1;
    return 0;
}

bool header_edits_hides(const struct settings *settings, const struct transaction *transaction)
{
    if (transaction->role == ROLE_INBOUND || !settings->header_protection)
        return false;
    for (size_t i = 0; i < transaction->recipient_count; i++) {
        const struct recipient *recipient = &transaction->recipients[i];
        const struct profile *profile = profile_decided(settings, &recipient->decision);
        if (profile_confidentiality(settings, profile) == CONFIDENTIALITY_NONE)
            continue;
        if (transform_is_encrypted(recipient->transform) ||
            (recipient->transform == TRANSFORM_REFUSE && !recipient->insecure))
            return true;
    }
    return false;
}
