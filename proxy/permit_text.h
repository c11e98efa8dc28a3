/* What an operator writes of a permit, and how it is told to people. */
#ifndef GATE104_PROXY_PERMIT_TEXT_H
#define GATE104_PROXY_PERMIT_TEXT_H

#include "policy/permit.h"

#include <stddef.h>

#define PERMIT_REASON_MAX 120u /* octets */
/* Of permit_scope_text: what one field of the log holds, and a NUL. */
#define PERMIT_TEXT_CAP 256u

/* What an operator asks for. */
struct permit_request {
    char route[64]; /* "": not given */
    struct permit_scope scope;
    uint32_t seconds;  /* 0: not given */
    uint32_t commands; /* 0: any number */
    bool persist;
    char reason[PERMIT_REASON_MAX + 1];
};

/* "90s", "15m", "8h", "1d": 1 second to 7 days.  False: it is none of that. */
bool permit_duration(const char *text, uint32_t *seconds);
/* Reads fields of the form key=value with a tab between: route, types, ca, ioa, peer,
 * for, commands, persist, reason.  False, with a sentence for the operator in err, unless
 * all are good and each is there at most once. */
bool permit_request_read(const char *fields, struct permit_request *out, char *err,
                         size_t errcap);
/* "types C_SC_NA_1 ca 1 ioa 1001-1100"; false if that does not fit.  Who may use it is
 * not in it. */
bool permit_scope_text(const struct permit_scope *s, uint32_t commands,
                       char out[PERMIT_TEXT_CAP]);

#endif
