/* A session as octets, with the certificates its peer sent: libssl keeps only the first
 * of them.  Between the resume*.c files alone. */
#ifndef GATE104_CERTS_RESUME_OCTETS_H
#define GATE104_CERTS_RESUME_OCTETS_H

#include "certs/resume.h"

/* Fills id, once, size and octets.  False: it does not fit, or is none to be resumed. */
bool resume_octets_write(struct resume_session *s, SSL_SESSION *session,
                         STACK_OF(X509) * sent);
/* Reads octets that may have been written by a process that was taken over: lengths,
 * leftovers, and that it is the session of this id.  NULL: there is something wrong.
 * *sent gets the certificates. */
SSL_SESSION *resume_octets_read(const struct resume_session *s, STACK_OF(X509) * *sent);

#endif
