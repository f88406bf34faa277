/* Names for reports. */
#include "process_names.h"

const char *process_action_name(const struct reply *reply)
{
    if (!reply) {
        return "accepted";
    }
    return reply->code >= 500 ? "refused" : "deferred";
}

const char *process_mode_name(const struct recipient *recipient)
{
    switch (recipient->direction) {
    case DIRECTION_OUTGOING:
        return outgoing_mode_name((enum outgoing_mode)recipient->decision.mode);
    case DIRECTION_INCOMING:
        return incoming_mode_name((enum incoming_mode)recipient->decision.mode);
    case DIRECTION_NONE:
        break;
    }
    return "none";
}

const char *process_choice_text(enum choice_effect effect)
{
    switch (effect) {
    case CHOICE_UNASKED:
        break;
    case CHOICE_SATISFIED:
        return ", as the sender chose";
    case CHOICE_STRENGTHENED:
        return ", strengthened by the sender";
    case CHOICE_WEAKENED:
        return ", weakened by the sender";
    case CHOICE_DENIED:
        return ", which does not let the sender choose that";
    case CHOICE_UNMET:
        return ", and the sender chose what cannot be done";
    }
    return "";
}

const char *process_layer_name(enum layer_kind kind)
{
    switch (kind) {
    case LAYER_ENCRYPTED:
        return "encrypted";
    case LAYER_SIGNED_DETACHED:
        return "signed";
    case LAYER_SIGNED_OPAQUE:
        return "opaque-signed";
    }
    return "?";
}

const char *process_edit_name(enum edit_kind kind)
{
    switch (kind) {
    case EDIT_DELETE:
        return "delete";
    case EDIT_INSERT:
        return "insert";
    case EDIT_APPEND:
        return "append";
    case EDIT_CHANGE:
        return "change";
    }
    return "?";
}
