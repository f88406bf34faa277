/* Telling a sender that some recipients got his message with less protection than was asked for.
 *
 * What counts: what he asked for himself (choice.h) and did not get; and, where notify_sender says
 * so, a rule encrypt-optional that found no key. What is refused is none of this: of that he hears
 * by a reply or a report. Nor are recipients in managed domains: their mail never leaves us. */
#ifndef DAEMON_WEAKER_H
#define DAEMON_WEAKER_H

#include "gateway.h"
#include "outgoing_judgement.h"
#include "transaction.h"

/* Set `weakness` of every recipient, once they have been judged. */
void weaker_find(const struct judgement *judgement);

/* Note it for the sender: once for a message, however often it comes. Nobody is told who is no
 * sender of ours, the null sender, or a program that writes by itself (RFC 3834 section 2). To be
 * called when the message has been handed to the MTA; `id` is for the log. What goes wrong is
 * logged, and changes nothing for the message. */
void weaker_note(const struct gateway *gateway, const struct transaction *transaction,
                 const char *id);

#endif
