/* Reading a small file whole.  No OpenSSL, no allocation; any process. */
#ifndef GATE104_CERTS_READ_ALL_H
#define GATE104_CERTS_READ_ALL_H

#include <stddef.h>
#include <sys/types.h>

/* Octets read from a descriptor up to its end, at most cap: a file that may have `cap -
 * 1` octets is too large when it gives cap.  -1 with errno. */
ssize_t read_all(int fd, char *buf, size_t cap);

#endif
