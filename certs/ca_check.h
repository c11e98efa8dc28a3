/* Would a peer with this certificate be let in?  Asked without a connection, answered by
 * the rules of a handshake. */
#ifndef GATE104_CERTS_CA_CHECK_H
#define GATE104_CERTS_CA_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "certs/pem.h"
#include "certs/pins.h"
#include "certs/revocation_rule.h"
#include "certs/tls_failure.h"

#define CA_DETAIL_CAP 400u

struct ca_check {
    struct tls_pem peer; /* its certificate, then intermediates it would send */
    struct tls_pem ca;
    struct tls_pem crl; /* data NULL: none */
    struct revocation_rule revocation;
    const struct pins *pins; /* the certificates that alone may connect, or NULL */
    /* The name under which the peer, a server, is to be reached.  NULL: the peer is a
     * client. */
    const char *server_name;
};

struct ca_verdict {
    enum tls_failure failure;   /* TLS_FAIL_NONE: it would be accepted */
    char detail[CA_DETAIL_CAP]; /* what is known beyond that, or "" */
    bool no_crl;                /* revocation was not checked: no lists */
    bool crl_stale;             /* the list is out of date, or from the future */
    bool monitor_only;          /* accepted, but without commands (crl_stale) */
};

/* False with a sentence in `err` if the question makes no sense: a file that cannot be
 * read, a CA that is none, a list of another CA. */
bool ca_check_peer(const struct ca_check *check, struct ca_verdict *out, char *err,
                   size_t cap);

#endif
