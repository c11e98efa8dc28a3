/* The program gate104-pki: certificates by hand.  With the signer the only one that reads
 * private keys; it is started by the operator and is no part of a running gate104d.
 *
 * Exit status, of all commands: */
#ifndef GATE104_PROXY_PKI_PKI_H
#define GATE104_PROXY_PKI_PKI_H

#include <stdbool.h>
#include <stddef.h>

#include "certs/ca_cert.h"
#include "proxy/pki/options.h"

#define PKI_EXIT_DONE   0
#define PKI_EXIT_FAILED 1 /* not done, and nothing changed; check: would be refused */
#define PKI_EXIT_MISUSE 2
#define PKI_EXIT_LATER  3 /* enrol: the server wants to be asked again */

#define PKI_ERR_CAP 1536u

/* The commands; argv[0] is the command's name. */
int pki_init(int argc, char **argv);
int pki_issue(int argc, char **argv);
int pki_csr(int argc, char **argv);
int pki_sign(int argc, char **argv);
int pki_revoke(int argc, char **argv);
int pki_crl(int argc, char **argv);
int pki_list(int argc, char **argv);
int pki_show(int argc, char **argv);
int pki_check(int argc, char **argv);
int pki_enrol(int argc, char **argv);

/* Prints "gate104 pki COMMAND: err" and gives PKI_EXIT_FAILED. */
int pki_failed(const struct pki_options *o, const char *err);

/* What a certificate is to contain, out of the options; pki_want_free() it in any case.
 * `request` may be NULL.  False: *misuse tells a wrong option from the rest. */
struct pki_want {
    struct ca_want want;
    X509_NAME *subject;
    GENERAL_NAMES *names;
};
bool pki_want_make(struct pki_want *w, const struct pki_options *o, X509_REQ *request,
                   char *err, size_t cap);
void pki_want_free(struct pki_want *w);

/* Writes BIO text to a new file and frees it; NULL fails. */
bool pki_write(const char *path, BIO *bio, char *err, size_t cap);
/* Prints where the certificate is and what it is. */
void pki_tell(const X509 *cert, const char *path);

/* Several files as one text.  NULL with a sentence; free with free(). */
char *pki_join(const struct pki_list *files, size_t *n, char *err, size_t cap);

#endif
