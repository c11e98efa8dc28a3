/* The options of the commands of gate104 pki: one table, one reader. */
#ifndef GATE104_PROXY_PKI_OPTIONS_H
#define GATE104_PROXY_PKI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define PKI_LIST_MAX 32u

enum pki_command {
    PKI_INIT = 1u << 0,
    PKI_ISSUE = 1u << 1,
    PKI_CSR = 1u << 2,
    PKI_SIGN = 1u << 3,
    PKI_REVOKE = 1u << 4,
    PKI_CRL = 1u << 5,
    PKI_LIST = 1u << 6,
    PKI_SHOW = 1u << 7,
    PKI_CHECK = 1u << 8,
    PKI_ENROL = 1u << 9,
};

struct pki_list {
    size_t count;
    const char *item[PKI_LIST_MAX];
};

/* NULL, 0, false: not given. */
struct pki_options {
    const char *command; /* its name, for messages */
    const char *name, *out, *key, *cert, *use, *reason, *crl_url, *config, *route,
        *server_name, *server, *user, *password_file, *ca_out;
    struct pki_list ca, crl, san, role, aor;
    int days, crl_days, rsa, revision, wait, timeout;
    bool accept_names, renew, force, has_revision;
    size_t word_count; /* what is no option */
    char *const *word;
};

/* Reads argv (argv[0] is the command's name) for one command; false after a sentence on
 * standard error.  *o points into argv. */
bool pki_options_read(struct pki_options *o, enum pki_command command, int argc,
                      char **argv);
/* A sentence on standard error that ends with where help is; gives false. */
bool pki_misuse(const struct pki_options *o, const char *what, const char *word);
/* True if the option is there; else a sentence. */
bool pki_needs(const struct pki_options *o, const void *value, const char *option);
/* True if there are exactly n words that are no options; else a sentence. */
bool pki_words(const struct pki_options *o, size_t n, const char *what);

/* Prints the options of a command. */
#include <stdio.h>
void pki_options_print(FILE *out, enum pki_command command);

#endif
