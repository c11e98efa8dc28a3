/* What is wrong, or soon will be, with the certificates and revocation lists of a
 * configuration.  For whoever checks one before it is used; opens no files. */
#ifndef GATE104_CERTS_PEM_CHECK_H
#define GATE104_CERTS_PEM_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define PEM_CHECK_TEXT 256u

/* PEM text and the name of its file. */
struct pem_text {
    const char *name;
    const char *text; /* NUL-terminated */
};

struct pem_finding {
    bool error; /* false: a warning */
    char what[PEM_CHECK_TEXT];
    char remedy[PEM_CHECK_TEXT];
};
typedef void (*pem_report_fn)(void *ctx, const struct pem_finding *finding);

/* Own certificate and its chain, at the time `now` (seconds since 1970): parses, valid
 * now, not in its last 60 days, leaf first and each issued by the next, key
 * long enough, usable as TLS server (`server`) and as TLS client (`client`). */
void pem_check_chain(const struct pem_text *chain, bool server, bool client, time_t now,
                     pem_report_fn report, void *ctx);
/* Trust anchors: parse, are CAs, valid now, not near their end. */
void pem_check_ca(const struct pem_text *ca, time_t now, pem_report_fn report, void *ctx);
/* A revocation list: parses, complete, signed by one of the CAs in the `ca_count` texts,
 * not past its nextUpdate. */
void pem_check_crl(const struct pem_text *crl, const struct pem_text *ca, size_t ca_count,
                   time_t now, pem_report_fn report, void *ctx);
/* Each CA of `ca` has a list among the `crl_count` texts, if there is any list at all. */
void pem_check_coverage(const struct pem_text *ca, const struct pem_text *crl,
                        size_t crl_count, pem_report_fn report, void *ctx);

#endif
