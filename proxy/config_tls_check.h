/* For config_check() alone. */
#ifndef GATE104_PROXY_CONFIG_TLS_CHECK_H
#define GATE104_PROXY_CONFIG_TLS_CHECK_H

#include "proxy/config.h"

/* Do the certificates of the group fit the suites that its rules offer? */
void config_tls_check(const struct config *c, size_t group, struct config_errors *errs);

#endif
