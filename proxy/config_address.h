/* Addresses in configuration files: IP literals only, for there is no resolver in
 * gate104.  Pure; monitor and command line. */
#ifndef GATE104_PROXY_CONFIG_ADDRESS_H
#define GATE104_PROXY_CONFIG_ADDRESS_H

#include "proxy/role_config.h"

struct config_fault {
    char what[160];
    char remedy[160];
};

/* "10.0.1.10:2404" or "[2001:db8::1]:2404"; the port is 1..65535.  False: see fault. */
bool config_parse_endpoint(const char *text, struct msg_endpoint *e,
                           struct config_fault *fault);
/* "10.0.0.0/24", "2001:db8::/32" or a single address.  False: see fault. */
bool config_parse_net(const char *text, struct source_net *net,
                      struct config_fault *fault);

/* 127.0.0.0/8 or ::1. */
bool config_is_loopback(const struct msg_endpoint *e);
/* 0.0.0.0 or ::, which stand for every address of the machine. */
bool config_is_wildcard(const struct msg_endpoint *e);
/* 224.0.0.0/4, 255.255.255.255 or ff00::/8: no station is there. */
bool config_is_multicast(const struct msg_endpoint *e);
/* True if both cannot be listened on at once. */
bool config_listen_clash(const struct msg_endpoint *a, const struct msg_endpoint *b);

#endif
