/* What a mailbox goes through to get its certificate from a CA by CMP: the request, polls, the
 * confirmation, key updates, revocation.
 *
 * What is under way stands in the store (enrolment.h there). Every step can be made by any process,
 * and after a crash by the next one. */
#ifndef DAEMON_ENROLMENT_ENROL_H
#define DAEMON_ENROLMENT_ENROL_H

#include "enrolment.h"
#include "settings.h"

enum enrol_result {
    ENROL_ACTIVE,  /* the certificate is installed and signs */
    ENROL_WAITING, /* the CA has not decided; the next step is due later */
    ENROL_RETRY,   /* it went wrong (*why), and is tried again later */
    ENROL_FAILED,  /* it went wrong for good (*why) */
    ENROL_NONE,    /* nothing is pending, or somebody else is at it */
    ENROL_ERROR,   /* ours (*why): store, memory; it is tried again where that can be noted */
};

/* The CA of this name, or the first one that issues for `address`; NULL if there is none. */
const struct cmp_setting *enrol_ca_named(const struct settings *settings, const char *name);
const struct cmp_setting *enrol_ca_for(const struct settings *settings, const char *address);

/* Check what the settings of a CA name: files, names, subject. Returns 0, -1 with a sentence. */
int enrol_ca_check(const struct cmp_setting *ca, char **why);

/* Make a key and its request for the mailbox of `address`, and have enrol_step() see to them.
 * STORE_REFUSED with the reason: no such mailbox, a request is pending already, an update of a
 * mailbox that has no key that signs. */
enum store_status enrol_begin(struct store *store, const struct settings *settings,
                              const struct cmp_setting *ca, const char *address,
                              enum enrolment_kind kind, time_t now, char **why);

/* Ask the CA, or ask it again, whether that is due or not. Takes a few times timeout_s of the CA at
 * most. */
enum enrol_result enrol_step(struct store *store, const struct settings *settings,
                             const char *address, time_t now, char **why);

/* Why a certificate is revoked (RFC 5280 section 5.3.1). */
struct enrol_reason {
    const char *name;
    int code; /* -1: none is given */
};

/* "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation" or
 * "privilegeWithdrawn", in any case; NULL for others. A hold is none: we forget it never. */
const struct enrol_reason *enrol_reason_named(const char *name);

/* Have a certificate that came by CMP revoked: the one with this id, 0 for the one that signs or
 * signed last. STORE_REFUSED with the reason, also where the CA refuses or cannot be reached.
 * *revoked_out is its id. */
enum store_status enrol_revoke(struct store *store, const struct settings *settings,
                               const char *address, int64_t certificate_id,
                               const struct enrol_reason *reason, time_t now, int64_t *revoked_out,
                               char **why);

#endif
