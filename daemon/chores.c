/* The table of what has to be done from time to time. */
#include "chores.h"

#include "expiry.h"

#define DAY_S (24 * 60 * 60)

const struct chore chores[] = {
    {"looking for certificates that expire", DAY_S, expiry_warn},
};

const size_t chore_count = sizeof chores / sizeof *chores;
