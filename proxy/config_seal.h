/* Seals of the session log in the configuration.  Only proxy/config*.c include this. */
#ifndef GATE104_PROXY_CONFIG_SEAL_H
#define GATE104_PROXY_CONFIG_SEAL_H

#include "proxy/config_build.h"

/* audit.seal_key; the interval has been read. */
void config_seal_read(struct config_build *b, const config_setting_t *group);
void config_seal_free(struct config_seal *s);
bool config_seal_same(const struct config_seal *a, const struct config_seal *b);
/* c->hash, of the octets of the file.  False: the library fails. */
bool config_seal_hash(struct config *c, const char *octets, size_t n);
/* The key file and the state beside the log, as far as their names and rights tell. */
void config_seal_check(const struct config *c, struct config_errors *errs);

#endif
