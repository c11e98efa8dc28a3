/* What the encoders and decoders of role_config.h share.  Nobody else includes this. */
#ifndef GATE104_PROXY_ROLE_CONFIG_WIRE_H
#define GATE104_PROXY_ROLE_CONFIG_WIRE_H

#include "proxy/role_config.h"
#include "sandbox/wire.h"

/* First octet of every encoded configuration, so that none is taken for another's. */
enum role_config_kind {
    ROLE_CONFIG_BROKER = 0xB1,
    ROLE_CONFIG_TLS = 0xB2,
    ROLE_CONFIG_GATE = 0xB3,
    ROLE_CONFIG_SIGNER = 0xB4,
    ROLE_CONFIG_AUDIT = 0xB5,
    ROLE_CONFIG_FETCHER = 0xB6,
};

/* Numbers beyond these are refused, whatever they mean. */
#define SESSIONS_TOTAL_MAX 65535u
#define PER_WORKER_MAX     1024u
#define SECONDS_MAX        172800u

/* ---- writing ---- */

/* A buffer of `size` octets to encode into; NULL: out of memory. */
uint8_t *role_config_begin(struct wire_writer *w, size_t size,
                           enum role_config_kind kind);
/* Hands the buffer over, or frees it when something did not fit. */
size_t role_config_finish(struct wire_writer *w, uint8_t **out);
/* u32 length, then the octets. */
void role_config_put_long(struct wire_writer *w, const void *p, size_t n);
void role_config_put_bool(struct wire_writer *w, bool v);
void role_config_put_endpoint(struct wire_writer *w, const struct msg_endpoint *e);

void role_config_put_revocation(struct wire_writer *w, const struct revocation_rule *r);
/* The rules of TLS, three octets. */
void role_config_put_rules(struct wire_writer *w, const struct tls_rules *rules);

/* ---- reading: all set r->bad on anything out of range ---- */

void role_config_open(struct wire_reader *r, const uint8_t *p, size_t n,
                      enum role_config_kind kind);
uint32_t role_config_get_range(struct wire_reader *r, uint32_t min, uint32_t max);
bool role_config_get_bool(struct wire_reader *r);
void role_config_get_rules(struct wire_reader *r, struct tls_rules *rules);
enum route_mode role_config_get_mode(struct wire_reader *r);
/* Not empty, printable ASCII. */
void role_config_get_name(struct wire_reader *r, char *out, size_t cap);
/* An absolute path: a role has no folder of its own. */
void role_config_get_path(struct wire_reader *r, char *out, size_t cap);
/* An absolute path, or the name of a key in a token. */
void role_config_get_key_name(struct wire_reader *r, char *out, size_t cap);
void role_config_get_endpoint(struct wire_reader *r, struct msg_endpoint *e);
void role_config_get_revocation(struct wire_reader *r, struct revocation_rule *rule);
void role_config_put_ocsp(struct wire_writer *w, const struct ocsp_config *c);
void role_config_get_ocsp(struct wire_reader *r, struct ocsp_config *c);
/* Octets with a u32 length of at most `max`: malloc'ed, with a NUL behind them; NULL when
 * bad. */
uint8_t *role_config_get_long(struct wire_reader *r, size_t max, size_t *n);
/* The same for text: bad if it holds a NUL. */
char *role_config_get_text(struct wire_reader *r, size_t max);
/* An array of `count` elements of `size` octets, zeroed, if each of them can still take
 * `least` octets of the input; NULL when bad. */
void *role_config_get_array(struct wire_reader *r, size_t count, size_t size,
                            size_t least);

#endif
