/* cmp = ( { name = "ca"; url = "https://ca.example.com/cmp"; ... } ): a CA that issues certificates
 * by CMP (RFC 4210, RFC 9483), and how it and we prove who we are. */
#ifndef RULES_CMP_SETTING_H
#define RULES_CMP_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "pattern.h"

enum cmp_request_type { CMP_REQUEST_IR, CMP_REQUEST_CR };
enum cmp_update_by { CMP_UPDATE_BY_MAILBOX, CMP_UPDATE_BY_CREDENTIAL };

/* Strings that are not set are "". */
struct cmp_setting {
    char *name;
    char *url;
    char *ca_file;               /* PEM, whom https trusts; "": the system's TLS authorities */
    struct pattern_list domains; /* whose certificates it issues; empty: all */
    /* our credential: either of the two */
    char *reference;   /* of the shared secret */
    char *secret_file; /* its first line */
    char *certificate_file;
    char *key_file;
    /* the CA's: needed for answers that are signed */
    char *server_certificate; /* the one that signs answers */
    char *trust_file;         /* anchors above it, with `recipient` */
    char *recipient;          /* distinguished name of the CA */
    /* what is asked for */
    enum cmp_request_type request;
    char *key;     /* kind, as new_key_make() takes it */
    char *subject; /* "{address}" stands for the address; "": CN = the address */
    bool implicit_confirm;
    enum cmp_update_by update_by; /* whose signature protects updates and revocations */
    int renew_before_days;        /* 0: never by itself */
    int poll_min_s;
    int poll_max_s;
    int timeout_s; /* of each exchange */
    int give_up_days;
};

/* Release what it owns. */
void cmp_setting_clear(struct cmp_setting *cmp);

#endif
