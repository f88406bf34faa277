/* Languages of what is written for the users of mailboxes. */
#ifndef ADMIN_CLIENT_LANGUAGE_H
#define ADMIN_CLIENT_LANGUAGE_H

enum client_language { CLIENT_ENGLISH, CLIENT_GERMAN };
#define CLIENT_LANGUAGE_COUNT 2

#endif
