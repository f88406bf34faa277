/* The table of what has to be done from time to time. */
#include "chores.h"

#include "enrolment_chore.h"
#include "expiry.h"
#include "notice_chore.h"
#include "revocation_chore.h"

#define DAY_S (24 * 60 * 60)

const struct chore chores[] = {
    {"looking for certificates that expire", DAY_S, expiry_warn},
    {"looking for certificates to renew", RENEWAL_CHORE_INTERVAL_S, renewal_chore},
    {"enrolments", ENROLMENT_CHORE_INTERVAL_S, enrolment_chore},
    {"looking after revocation", REVOCATION_CHORE_INTERVAL_S, revocation_chore},
    {"noting what expires", EXPIRY_NOTICE_INTERVAL_S, expiry_note},
    {"notices", NOTICE_CHORE_INTERVAL_S, notice_chore}, /* last: what was noted goes at once */
};

const size_t chore_count = sizeof chores / sizeof *chores;
