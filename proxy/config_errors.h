/* What is wrong with a configuration: every finding with its place and its remedy.
 * Monitor and command line only. */
#ifndef GATE104_PROXY_CONFIG_ERRORS_H
#define GATE104_PROXY_CONFIG_ERRORS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* More findings than this are counted, not kept. */
#define CONFIG_FINDINGS_MAX 200u

enum config_severity { CONFIG_WARNING, CONFIG_ERROR };

/* Texts are UTF-8 without control characters, whatever the file held. */
struct config_finding {
    enum config_severity severity;
    unsigned int line; /* 0: the file as a whole */
    char file[512];
    char key[192];    /* "routes[0].listen[1]", or "" */
    char what[512];   /* what is wrong */
    char remedy[384]; /* what to do about it */
};

struct config_errors {
    struct config_finding *item;
    size_t count;    /* kept in item */
    size_t errors;   /* all, kept or not */
    size_t warnings; /* all, kept or not */
};

/* Where a finding belongs. */
struct config_place {
    const char *file;
    unsigned int line;
    const char *key; /* may be NULL */
};

void config_errors_init(struct config_errors *e);
void config_errors_free(struct config_errors *e);

/* Adds a finding.  `what` is a printf format.  A finding that does not fit into memory is
 * still counted, so that an error is never taken for success. */
__attribute__((format(printf, 5, 6))) void
config_errors_add(struct config_errors *e, enum config_severity severity,
                  const struct config_place *at, const char *remedy, const char *what,
                  ...);
__attribute__((format(printf, 5, 0))) void
config_errors_vadd(struct config_errors *e, enum config_severity severity,
                   const struct config_place *at, const char *remedy, const char *what,
                   va_list ap);

/* One line each, as compilers write them:
 *   FILE:LINE: error: KEY: what is wrong; what to do */
void config_errors_print(const struct config_errors *e, FILE *out);

/* Copies text and writes control characters and octets that are not UTF-8 as \xNN; cut
 * to cap. */
void config_text_clean(char *out, size_t cap, const char *text);
/* The size of the well-formed UTF-8 character at p (n octets are there, n > 0), or 0. */
size_t config_utf8_size(const unsigned char *p, size_t n);

#endif
