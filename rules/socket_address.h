/* Addresses of milter sockets, as libmilter and the MTAs write them. Internal to rules/. */
#ifndef RULES_SOCKET_ADDRESS_H
#define RULES_SOCKET_ADDRESS_H

#include <stdbool.h>

/* Check "unix:/path", "inet:port@host" or "inet6:port@host". Returns 0 with *key_out a new string
 * that is the same for two texts that name the same socket, or -1 with *why. */
int socket_address_check(const char *text, char **key_out, char **why);

bool socket_address_is_unix(const char *text);

#endif
