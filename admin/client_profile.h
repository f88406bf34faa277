/* Apple's configuration profiles, for iPhone, iPad and Mac. */
#ifndef ADMIN_CLIENT_PROFILE_H
#define ADMIN_CLIENT_PROFILE_H

#include <stddef.h>
#include <stdio.h>

#include "client_account.h"
#include "client_language.h"

struct client_identity {
    const unsigned char *pkcs12; /* of the mailbox's certificate and key; NULL: none */
    size_t length;
};

/* Write a profile (.mobileconfig) with the account: IMAP or else POP3, or else Exchange ActiveSync,
 * which only iPhone and iPad know. With an identity the profile holds it, and mail is signed with
 * it; the program asks for its password. The same account gives the same identifiers, so a newer
 * profile replaces an older one. Returns 0, -1 when out of memory. */
int client_profile_write(FILE *out, const struct client_account *account,
                         const struct client_identity *identity, enum client_language language);

#endif
