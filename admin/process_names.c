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
