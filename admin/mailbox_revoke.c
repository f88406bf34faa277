/* smimectl mailbox revoke: a certificate that came by CMP is given up. */
#include <stdlib.h>

#include "command.h"
#include "enrol.h"
#include "mailbox_commands.h"
#include "mailbox_listing.h"
#include "tell.h"
#include "why.h"

static int revoke(struct context *context, const char *address, int64_t id,
                  const struct enrol_reason *reason)
{
    char *why = NULL;
    int code = EXIT_REFUSED;
    int64_t revoked = 0;
    enum store_status status = enrol_revoke(context->store, &context->config->settings, address, id,
                                            reason, context->now, &revoked, &why);
    if (status == STORE_OK) {
        tell_note("certificate %lld of %s is revoked: nothing is signed with it any more, and mail "
                  "that was encrypted to it is decrypted as before",
                  (long long)revoked, address);
        code = mailbox_show_one(context, address) ? EXIT_REFUSED : EXIT_DONE;
    } else {
        mailbox_tell_failure(address, status, &why);
        tell_next("Nothing was changed here. If it has to stop at once: smimectl mailbox "
                  "deactivate %s",
                  address);
    }
    why_free(&why);
    return code;
}

int mailbox_revoke(struct context *context)
{
    const char *id_text = argument_value(context->arguments, OPTION_ID);
    const char *reason_text = argument_value(context->arguments, OPTION_REASON);
    const struct enrol_reason *reason =
        enrol_reason_named(reason_text ? reason_text : "unspecified");
    int64_t id = 0;
    if (id_text && id_argument(id_text, &id)) {
        tell_error("\"%s\" is no certificate id; mailbox show lists them", id_text);
        return EXIT_USAGE;
    }
    if (!reason) {
        tell_error("\"%s\" is no reason; there are unspecified, keyCompromise, "
                   "affiliationChanged, superseded, cessationOfOperation and privilegeWithdrawn",
                   reason_text);
        return EXIT_USAGE;
    }
    if (context_store(context)) {
        return EXIT_REFUSED;
    }
    char *address = mailbox_managed_argument(context, context->words[0]);
    int code = address ? revoke(context, address, id, reason) : EXIT_REFUSED;
    free(address);
    return code;
}
