/* IP endpoints: text, socket addresses, networks.  Pure; any process. */
#ifndef GATE104_PROXY_ENDPOINT_H
#define GATE104_PROXY_ENDPOINT_H

#include "proxy/role_config.h"
#include "sandbox/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* "[" 45 "]:" 5 NUL, rounded up */
#define ENDPOINT_TEXT_MAX 56

/* False unless family, padding and unused octets are as messages.h says. */
bool endpoint_valid(const struct msg_endpoint *e);
/* "10.0.1.10:2404" or "[2001:db8::1]:2404". */
void endpoint_text(const struct msg_endpoint *e, char out[ENDPOINT_TEXT_MAX]);
/* Gives the length of *ss. */
socklen_t endpoint_to_sockaddr(const struct msg_endpoint *e, struct sockaddr_storage *ss);
/* False for a family that is not IP.  IPv4 in IPv6 (::ffff:a.b.c.d) becomes IPv4, so that
 * an access list has one way to name it. */
bool endpoint_from_sockaddr(const struct sockaddr_storage *ss, struct msg_endpoint *e);
/* True if both name the same address, whatever the port. */
bool endpoint_same_address(const struct msg_endpoint *a, const struct msg_endpoint *b);
/* True if the address lies in the network. */
bool endpoint_in_net(const struct msg_endpoint *e, const struct source_net *net);

#endif
