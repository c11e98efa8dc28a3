/* `gate104 log verify`, also as the program gate104-verify: reads what it is asked for
 * and prints what proxy/audit_verify.h says.  Nothing here needs more than libcrypto. */
#ifndef GATE104_PROXY_CLI_LOG_VERIFY_H
#define GATE104_PROXY_CLI_LOG_VERIFY_H

#include "proxy/audit_verify.h"

#define LOG_VERIFY_ARGUMENTS                                                             \
    "DIR|FILE [--key PUB.pem]... [--seed FILE|-]... [--anchors FILE] [--log-alone] "     \
    "[--json] [--quiet]"

struct log_verify_request {
    const char *path;
    struct audit_public_key keys[AUDIT_VERIFY_KEYS];
    uint8_t seeds[AUDIT_VERIFY_KEYS][AUDIT_SEED_SIZE];
    struct audit_anchors anchors;
    struct audit_verify_options options;
    bool json;
    bool quiet;
};

/* argv[0] is the command's name.  False: what is wrong was said. */
bool log_verify_request(struct log_verify_request *r, int argc, char **argv);
void log_verify_request_free(struct log_verify_request *r);

/* ---- log_verify_print.c ---- */

void log_verify_print(const struct log_verify_request *r, const struct audit_verdict *v);
void log_verify_print_json(const struct log_verify_request *r,
                           const struct audit_verdict *v);

/* Parses, verifies, prints; gives the exit status. */
int log_verify(int argc, char **argv);

#endif
