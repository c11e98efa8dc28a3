/* Packets as nobody should send them, and descriptors of every kind; for tests only. */
#ifndef GATE104_TESTS_LIB_RAW_PACKET_H
#define GATE104_TESTS_LIB_RAW_PACKET_H

#include <stdbool.h>
#include <stddef.h>

/* T TCP, t TCP over IPv6, U Unix seqpacket; wrong everywhere: S Unix stream, G Unix
 * datagram, D UDP, P pipe, L TCP that listens, V Unix seqpacket that listens. */
#define RAW_FD_KINDS "TUSGDPLV"
#define RAW_FDS_MAX  32u

struct raw_packet {
    unsigned int type;
    size_t header_len; /* what the header says */
    const void *payload;
    size_t len;        /* what is sent */
    const char *kinds; /* descriptors to go with it, a letter each; NULL: none */
};

/* A new descriptor of a kind, or -1. */
int raw_fd(char kind);
bool raw_fd_is_cloexec(int fd);

/* Sends to a SOCK_SEQPACKET descriptor, without waiting; the descriptors are made for it
 * and closed here. */
bool raw_packet_send(int fd, const struct raw_packet *p);
/* The same for octets that have not even a header. */
bool raw_octets_send(int fd, const void *p, size_t n, const char *kinds);

/* Descriptors this process holds. */
size_t raw_fds_open(void);
/* Setup and teardown of a cmocka test that must not leave a descriptor open. */
int raw_fds_count(void **state);
int raw_fds_same(void **state);

#endif
