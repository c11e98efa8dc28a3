/* TLS of the simulator: plain OpenSSL, both roles, the only file that includes it. */
#ifndef GATE104_SIM_TLS_IO_H
#define GATE104_SIM_TLS_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_RECORD_MAX 16384u

struct sim_tls_options {
    bool on;
    const char *cert, *key, *ca_file;
    const char *peer_name; /* client: DNS name or IP address the certificate must carry */
    const char *tls_min, *tls_max; /* "1.2", "1.3" or NULL */
    const char *ciphers;           /* TLS 1.2 suites in OpenSSL's words, or NULL */
};

enum sim_io {
    SIM_IO_DONE,
    SIM_IO_WANT_READ,
    SIM_IO_WANT_WRITE,
    SIM_IO_END,
    SIM_IO_ERROR
};

struct sim_tls_context;
struct sim_tls;

/* NULL on error, with the reason in why[0..n). */
struct sim_tls_context *sim_tls_context_new(const struct sim_tls_options *o, bool server,
                                            char *why, size_t n);
void sim_tls_context_free(struct sim_tls_context *c);

/* Takes over no descriptor: the caller closes fd after sim_tls_free. */
struct sim_tls *sim_tls_new(struct sim_tls_context *c, int fd);
void sim_tls_free(struct sim_tls *t);

enum sim_io sim_tls_handshake(struct sim_tls *t, char *why, size_t n);
/* Reads from at most one TLS record.  *got is 0 unless SIM_IO_DONE. */
enum sim_io sim_tls_read(struct sim_tls *t, uint8_t *out, size_t max, size_t *got,
                         char *why, size_t n);
/* The same without taking the octets away. */
enum sim_io sim_tls_peek(struct sim_tls *t, uint8_t *out, size_t max, size_t *got,
                         char *why, size_t n);
/* Octets of the current record that were decrypted and not yet read. */
size_t sim_tls_pending(const struct sim_tls *t);
/* Writes all of it as one record (n <= SIM_RECORD_MAX) or nothing; call again with the
 * same octets when it wants more. */
enum sim_io sim_tls_write(struct sim_tls *t, const uint8_t *in, size_t size, char *why,
                          size_t n);
/* Says goodbye to the peer (close_notify), without waiting. */
void sim_tls_goodbye(struct sim_tls *t);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384, peer CN=..., serial ..." */
void sim_tls_describe(const struct sim_tls *t, char *out, size_t n);

#endif
