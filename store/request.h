/* Requests and enrolments as rows of the database. Internal to store/.
 *
 * All are called inside a transaction that writes. */
#ifndef STORE_REQUEST_H
#define STORE_REQUEST_H

#include "sql.h"

/* Keep a request, as store_request_put() does. An enrolment that the mailbox has is over. */
enum store_status request_insert(struct sql *sql, const char *address, const struct blob *sealed,
                                 const struct blob *csr, bool replace, time_t now, char **why);

/* Forget the request of a mailbox, if there is one, and its key. */
enum store_status request_delete(struct sql *sql, int64_t mailbox, char **why);

/* Forget the enrolment of a mailbox, if there is one. */
enum store_status enrolment_delete(struct sql *sql, int64_t mailbox, char **why);

/* The request of a mailbox was answered by this certificate: an enrolment that it has is over. The
 * certificate's CA is remembered, unless it was another way that the answer came; then it is noted
 * for the administrator, too. */
enum store_status enrolment_finish(struct store *store, int64_t mailbox, int64_t certificate,
                                   char **why);

/* STORE_REFUSED with a sentence when we had the certificate revoked. */
enum store_status enrolled_refuse_revoked(struct sql *sql, int64_t certificate, char **why);

#endif
