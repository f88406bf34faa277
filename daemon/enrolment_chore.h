/* Certificates by CMP: what waits for a CA, and what runs out soon. */
#ifndef DAEMON_ENROLMENT_CHORE_H
#define DAEMON_ENROLMENT_CHORE_H

#include "gateway.h"

/* Go on with the enrolments that are due. */
void enrolment_chore(struct gateway *gateway, time_t now);

/* Begin to renew what a CA issued before it expires. */
void renewal_chore(struct gateway *gateway, time_t now);

/* What is not done in this time is done by the next run. */
#define ENROLMENT_CHORE_S 40         /* less than CHORE_MAX_S */
#define ENROLMENT_CHORE_INTERVAL_S 5 /* what is due waits so long at most */
#define RENEWAL_CHORE_INTERVAL_S 600

#endif
