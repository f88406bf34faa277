/* Certificates by CMP: what waits for a CA, and what runs out soon. */
#ifndef DAEMON_ENROLMENT_CHORE_H
#define DAEMON_ENROLMENT_CHORE_H

#include "gateway.h"

/* Renew what a CA issued before it expires, and go on with the enrolments that are due. What is
 * not done in ENROLMENT_CHORE_S is done by the next run. */
void enrolment_chore(struct gateway *gateway, time_t now);

#define ENROLMENT_CHORE_S 40         /* less than CHORE_MAX_S */
#define ENROLMENT_CHORE_INTERVAL_S 5 /* what is due waits so long at most */

#endif
