/* Sockets of the simulator. */
#ifndef GATE104_SIM_NET_H
#define GATE104_SIM_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* "HOST:PORT" or "[v6]:PORT" to a non-blocking listening socket; -1 with why set. */
int sim_net_listen(const char *where, char *why, size_t n);
/* A non-blocking socket that is connecting or connected; -1 with why set. */
int sim_net_connect(const char *where, char *why, size_t n);
/* The same, to an address that `allows` (NULL: any). */
int sim_net_connect_if(const char *where, bool (*allows)(const struct sockaddr *to),
                       char *why, size_t n);
/* The port a socket is bound to, 0 on error. */
uint16_t sim_net_port(int fd);
/* Accepts one connection, non-blocking; -1 when there is none.  peer gets "ADDR:PORT". */
int sim_net_accept(int fd, char *peer, size_t n);

#endif
