/* A CA that is asked by CMP, made ready from its settings: who we are to it, and whom we believe.
 */
#ifndef DAEMON_ENROLMENT_CMP_CA_H
#define DAEMON_ENROLMENT_CMP_CA_H

#include <time.h>

#include <openssl/cmp.h>

#include "settings.h"
#include "store.h"

#define CMP_MAX_SECRET_BYTES 1024

struct cmp_ca;

/* Read what the settings name. The file of a secret or a private key must belong to us or root and
 * be closed to others; of group members only root's group may read it. `setting` must outlive the
 * CA. NULL with a sentence. */
struct cmp_ca *cmp_ca_open(const struct cmp_setting *setting, char **why);

/* Secrets are wiped. */
void cmp_ca_free(struct cmp_ca **ca);

const struct cmp_setting *cmp_ca_setting(const struct cmp_ca *ca);

/* The certificate with which we prove who we are, borrowed; NULL where that is a secret. */
X509 *cmp_ca_credential(const struct cmp_ca *ca);

/* A context that proves who we are by the credential of the settings, or where `own` is not NULL by
 * that key and certificate, and that believes whom the settings say, as of `now`. NULL with a
 * sentence; OSSL_CMP_CTX_free(). */
OSSL_CMP_CTX *cmp_ca_context(const struct cmp_ca *ca, const struct identity *own, time_t now,
                             char **why);

#endif
