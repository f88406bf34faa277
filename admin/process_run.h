/* One message through the same code as in the daemon, with no MTA. */
#ifndef ADMIN_PROCESS_RUN_H
#define ADMIN_PROCESS_RUN_H

#include <time.h>

#include "arguments.h"
#include "message_io.h"
#include "process_report.h"

/* What an MTA would say of a message. */
struct envelope {
    enum role role;
    const char *from; /* "" is the null sender */
    const struct option_values *to;
    const char *login; /* NULL: none given */
    bool no_tls;       /* it came in the clear */
    bool client_known;
    unsigned char client[16];
    time_t now;
};

/* Read a message from `descriptor` and treat it. Without login and client an outgoing message
 * counts as sent by the owner of its sender's address: gateway->config is changed for that. Returns
 * 0 with *result filled; -1 told. Either way process_result_clear(). */
int process_run(struct gateway *gateway, const struct envelope *envelope, int descriptor,
                struct process_result *result, enum line_ends *ends_out);
void process_result_clear(struct process_result *result);

#endif
