/* Sending a notice: putting its mail together and handing it to the mail server. */
#ifndef DAEMON_NOTICE_DELIVERY_H
#define DAEMON_NOTICE_DELIVERY_H

#include "handover.h"
#include "notice.h"

/* Compose the mail: its text and fields depend on `mail` and the settings alone, and on `now` only
 * in how many days are left. A template that is broken is logged, and the text that is built in
 * used. Then hand it over, with the null sender so that nothing comes back. Of several
 * administrators those whom the server refuses are left out. HANDOVER_DONE: at least one got it,
 * and *why (NULL otherwise) names those who did not; HANDOVER_DEFERRED and HANDOVER_REFUSED with
 * *why. There has to be a recipient. Takes up to work_timeout_s for each refusal. */
enum handover_status notice_deliver(const struct settings *settings,
                                    const struct spool_options *spool,
                                    const struct notice_mail *mail, time_t now, char **why);

#endif
