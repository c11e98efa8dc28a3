/* What each role is told by the monitor at its start, and its octets on the way.
 *
 * The monitor encodes, the role decodes; a decoder treats the octets as hostile (exact
 * lengths, every number in its range, nothing left over) and never reads a file.
 * Decoded structs own their memory until *_free().  No OpenSSL, no libconfig here. */
#ifndef GATE104_PROXY_ROLE_CONFIG_H
#define GATE104_PROXY_ROLE_CONFIG_H

#include "certs/pins.h"
#include "certs/revocation_rule.h"
#include "certs/role_set.h"
#include "certs/tls_rules.h"
#include "policy/profile.h"
#include "proxy/record_settings.h"
#include "proxy/recording_settings.h"
#include "proxy/rekey.h"
#include "proxy/role_config_files.h"
#include "proxy/role_config_ocsp.h"
#include "proxy/role_config_points.h"
#include "proxy/role_config_ship.h"
#include "sandbox/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTE_NAME_MAX   63u
#define ROUTES_MAX       1024u
#define ENDPOINTS_MAX    16u /* listen or target addresses of a route */
#define SOURCES_MAX      64u /* networks a route accepts connections from */
#define PEER_NAME_MAX    253u
#define POLICY_HASH_SIZE 32u
#define RESUME_S_MAX     86400u /* IEC 62351-3: at most 24 h */

enum route_mode {
    ROUTE_PROTECT_RTU = 1, /* TLS accepted, plain 104 dialled */
    ROUTE_WRAP_MASTER = 2, /* plain 104 accepted, TLS dialled */
};

/* A network a route accepts connections from: the first `bits` bits of `addr` (4 or 16
 * octets used, as `family` says). */
struct source_net {
    uint8_t family; /* 4 or 6 */
    uint8_t bits;
    uint8_t addr[16];
};

/* A tls worker's number names its group too. */
#define TLS_WORKER_GROUP(id)    ((id) >> 20)
#define TLS_WORKER_ID(group, n) ((uint32_t)(group) << 20 | ((uint32_t)(n)&0xFFFFFu))

/* ---- broker ---- */

/* A broker counts its sessions up from here.  With seconds as incarnation the numbers
 * grow over all restarts, and stay below 2^53, which every JSON reader can hold. */
#define BROKER_FIRST_SESSION(incarnation) ((uint64_t)(incarnation) << 20)

struct broker_route {
    uint16_t index; /* of the route in the configuration file; the same in every role */
    char name[ROUTE_NAME_MAX + 1];
    enum route_mode mode;
    uint32_t gate;  /* number of the gate process that serves it */
    uint32_t group; /* number of the group of tls workers that serve it */
    uint32_t max_sessions;
    uint32_t t0_s; /* dial time-out, seconds */
    size_t listen_count;
    struct msg_endpoint listen[ENDPOINTS_MAX];
    size_t target_count;
    struct msg_endpoint target[ENDPOINTS_MAX];
    size_t source_count; /* 0: from anywhere */
    struct source_net source[SOURCES_MAX];
};

struct broker_config {
    uint32_t incarnation;  /* its session numbers begin at BROKER_FIRST_SESSION() */
    uint32_t max_sessions; /* all routes together */
    uint32_t handshakes_per_source; /* sessions one source address may have in set-up */
    uint32_t sessions_per_worker;
    size_t route_count;
    struct broker_route *route;
};

/* ---- tls worker: serves the routes of one group (same certificate, CAs, CRLs) ---- */

struct tls_route {
    uint16_t index;
    char name[ROUTE_NAME_MAX + 1];
    enum route_mode mode;
    char peer_name[PEER_NAME_MAX + 1]; /* wrap-master: DNS name or IP address */
    uint32_t update_answer_s; /* a peer that is alive has sent something by then */
};

struct tls_config {
    uint32_t group;
    uint16_t key;    /* number of its key in the signer */
    uint32_t signer; /* number of the signer process that has the certificate's key */
    uint32_t sessions_per_worker;
    uint32_t handshake_s;
    struct rekey_settings rekey;
    struct tls_rules rules;
    char *cert_pem;      /* chain, leaf first */
    char *second_pem;    /* the same for a key of the other type; "" when there is none */
    uint16_t second_key; /* number of its key in the signer */
    uint32_t resume_s;   /* how long a session may be resumed; 0: not at all */
    char *ca_pem;
    char *crl_pem; /* "" when there is none */
    struct revocation_rule revocation;
    uint32_t revalidate_s; /* how often peers of running sessions are verified again */
    struct pins pins;
    struct ocsp_config ocsp;
    size_t route_count;
    struct tls_route *route;
};

/* ---- gate ---- */

struct gate_route {
    uint16_t index;
    char name[ROUTE_NAME_MAX + 1];
    enum route_mode mode;
    bool enforce;           /* false: observe */
    bool mirror_unknown;    /* of what no rule speaks it is said that it is unknown */
    struct profile profile; /* what its stations speak */
    uint32_t max_sessions;
    uint16_t k, w;
    uint32_t t1_s, t2_s, t3_s;
    struct role_settings roles;
    uint8_t policy_hash[POLICY_HASH_SIZE]; /* SHA-256 of the policy file's octets */
    uint8_t *policy;                       /* blob for policy_load() */
    size_t policy_size;
    struct record_settings record;
    bool commands_closed; /* by an operator, while it runs; not encoded */
};

struct gate_config {
    uint32_t gate;
    bool commands_sync; /* commands wait until their record is on disk */
    bool log_closes;    /* no session while the log does not work */
    uint32_t handshake_s;
    uint32_t t0_max_s; /* longest a dial of the broker may take, all addresses */
    size_t route_count;
    struct gate_route *route;
};

/* ---- signer ---- */

/* A group of tls workers has at most two keys. */
#define SIGNER_KEYS_MAX (2u * ROUTES_MAX)

struct signer_key {
    char path[4096]; /* or "pkcs11:...", certs/pkcs11_uri.h */
    uint32_t group;  /* of tls workers, which alone may use it */
    struct tls_rules rules;
    bool server;       /* may sign as TLS server */
    bool client;       /* may sign as TLS client */
    bool single;       /* its workers serve one session each */
    uint32_t resume_s; /* how long the sessions of its group may be kept; 0: not at all */
};

struct signer_config {
    size_t key_count;
    struct signer_key *key;
};

/* ---- audit ---- */

struct audit_route {
    char name[ROUTE_NAME_MAX + 1];
    uint32_t gate;          /* number of the gate process that may tell of it */
    struct profile profile; /* to tell an APDU's fields in the log */
    const struct audit_points *points; /* names of its objects; NULL: none */
    bool recorded;                     /* its APDUs are */
};

struct audit_seal_settings {
    char key[4096]; /* path of the signing key; "": no seals */
    uint32_t interval_s;
};

struct audit_config {
    char dir[4096];
    struct files_settings files;
    struct audit_seal_settings seal;
    struct ship_config ship;
    struct recording_settings recording;
    size_t route_count; /* by route index */
    struct audit_route *route;
    size_t points_count; /* lists of points, which routes may share */
    struct audit_points *points;
};

/* Encoders: a malloc'd buffer in *out (to be freed), its size as result; 0 when out of
 * memory or a field is out of range. */
size_t broker_config_encode(const struct broker_config *c, uint8_t **out);
size_t tls_config_encode(const struct tls_config *c, uint8_t **out);
size_t gate_config_encode(const struct gate_config *c, uint8_t **out);
size_t signer_config_encode(const struct signer_config *c, uint8_t **out);
size_t audit_config_encode(const struct audit_config *c, uint8_t **out);

/* Decoders: false when anything is wrong; then nothing needs to be freed. */
bool broker_config_decode(const uint8_t *p, size_t n, struct broker_config *c);
bool tls_config_decode(const uint8_t *p, size_t n, struct tls_config *c);
bool gate_config_decode(const uint8_t *p, size_t n, struct gate_config *c);
bool signer_config_decode(const uint8_t *p, size_t n, struct signer_config *c);
bool audit_config_decode(const uint8_t *p, size_t n, struct audit_config *c);

void broker_config_free(struct broker_config *c);
void tls_config_free(struct tls_config *c);
void gate_config_free(struct gate_config *c);
void signer_config_free(struct signer_config *c);
void audit_config_free(struct audit_config *c);

/* role_config_same.c: the same settings of roles; the same profile and records. */
bool role_config_same_roles(const struct role_settings *a, const struct role_settings *b);
bool role_config_same_stations(const struct gate_route *a, const struct gate_route *b);

#endif
