#include "proxy/audit_seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#define MAC_LABEL "gate104 seal mac 1\n"
#define SIG_LABEL "gate104 seal sig 1\n"
#define FIRST     "gate104 seal first"
#define NEXT      "gate104 seal next"

#define MAC_SIZE 32u
#define SIG_SIZE 64u
/* ,"prev":"<64 digits>"} and the newline. */
#define TAIL_SIZE (sizeof ",\"prev\":\"" - 1 + AUDIT_HASH_HEX_SIZE + sizeof "\"}\n" - 1)

/* ---- the MAC and its keys ---- */

static EVP_MAC *hmac(void)
{
    static EVP_MAC *mac;

    if (!mac)
        mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    return mac;
}

static bool mac_of(const uint8_t key[AUDIT_MAC_KEY_SIZE], const void *p, size_t n,
                   uint8_t out[MAC_SIZE])
{
    OSSL_PARAM digest[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *ctx = hmac() ? EVP_MAC_CTX_new(hmac()) : NULL;
    size_t size = 0;
    bool good = ctx && EVP_MAC_init(ctx, key, AUDIT_MAC_KEY_SIZE, digest) == 1 &&
                EVP_MAC_update(ctx, p, n) == 1 &&
                EVP_MAC_final(ctx, out, &size, MAC_SIZE) == 1 && size == MAC_SIZE;

    EVP_MAC_CTX_free(ctx);
    return good;
}

bool audit_seal_first(const uint8_t seed[AUDIT_SEED_SIZE],
                      uint8_t key[AUDIT_MAC_KEY_SIZE])
{
    return mac_of(seed, FIRST, sizeof FIRST - 1, key);
}

bool audit_seal_next(uint8_t key[AUDIT_MAC_KEY_SIZE])
{
    uint8_t next[MAC_SIZE];
    bool good = mac_of(key, NEXT, sizeof NEXT - 1, next);

    OPENSSL_cleanse(key, AUDIT_MAC_KEY_SIZE);
    memcpy(key, next, sizeof next);
    OPENSSL_cleanse(next, sizeof next);
    return good;
}

bool audit_seal_seed_text(const uint8_t seed[AUDIT_SEED_SIZE],
                          char out[AUDIT_SEED_TEXT_SIZE])
{
    uint8_t check[AUDIT_HASH_SIZE];

    if (!audit_hash(seed, AUDIT_SEED_SIZE, check))
        return false;
    for (size_t i = 0; i < AUDIT_SEED_SIZE; i += 4) {
        audit_hex(seed + i, 4, out + i / 4 * 9);
        out[i / 4 * 9 + 8] = '-';
    }
    audit_hex(check, 2, out + 72);
    return true;
}

/* ---- the line ---- */

/* All of it up to the MAC.  0 if it does not fit. */
static size_t put_body(const struct audit_place *place, const struct audit_stamp *stamp,
                       const char *from, const struct audit_seal_facts *f,
                       const uint8_t id[AUDIT_KEY_ID_SIZE], char out[AUDIT_LINE_MAX])
{
    const struct audit_tally *t = f->covered;
    char key[2 * AUDIT_KEY_ID_SIZE + 1];
    char config[AUDIT_HASH_HEX_SIZE + 1];
    char before[AUDIT_HASH_HEX_SIZE + 1];
    char time[AUDIT_LINE_TIME_SIZE];
    int n;

    audit_line_time(&stamp->utc, time);
    audit_hex(id, AUDIT_KEY_ID_SIZE, key);
    audit_hex(t->config, AUDIT_HASH_SIZE, config);
    audit_hex(t->seal_hash, AUDIT_HASH_SIZE, before);
    n = snprintf(out, AUDIT_LINE_MAX,
                 "{\"v\":%d,\"seq\":%" PRIu64 ",\"time\":\"%s\",\"mono_ms\":%" PRIu64
                 ",\"boot\":\"%s\",\"from\":\"%s\",\"event\":\"log.seal\","
                 "\"severity\":\"notice\",\"epoch\":%" PRIu64
                 ",\"why\":\"%s\",\"first_seq\":%" PRIu64 ",\"records\":%" PRIu64
                 ",\"commands\":%" PRIu64 ",\"refusals\":%" PRIu64 ",\"alarms\":%" PRIu64
                 ",\"gaps\":%" PRIu64 ",\"clock\":\"%s\",\"version\":\"" GATE104_VERSION
                 "\",\"config_sha256\":\"%s\",\"key\":\"%s\",\"seal_prev\":\"%s\"",
                 AUDIT_FORMAT_VERSION, stamp->seq, time, stamp->mono_ms, place->boot,
                 from, f->epoch, f->why, t->first_seq, stamp->seq - t->first_seq,
                 t->commands, t->refusals, t->alarms, t->gaps, f->clock, config, key,
                 before);
    return n > 0 && (size_t)n < AUDIT_LINE_MAX - 512 ? (size_t)n : 0;
}

/* label | body | tail, as MAC and signature take it. */
struct input {
    size_t size;
    uint8_t octets[sizeof MAC_LABEL + AUDIT_LINE_MAX];
};

_Static_assert(sizeof MAC_LABEL == sizeof SIG_LABEL, "one room for both");

static void join(struct input *in, const char *label, const char *body, size_t n,
                 const char tail[TAIL_SIZE])
{
    size_t label_size = strlen(label);

    memcpy(in->octets, label, label_size);
    memcpy(in->octets + label_size, body, n);
    memcpy(in->octets + label_size + n, tail, TAIL_SIZE);
    in->size = label_size + n + TAIL_SIZE;
}

/* Adds ,"key":"<hex>" behind n octets; gives what there is then. */
static size_t put_hex(char *out, size_t n, const char *key, const uint8_t *p, size_t size)
{
    char hex[2 * SIG_SIZE + 1];

    audit_hex(p, size, hex);
    return n + (size_t)snprintf(out + n, AUDIT_LINE_MAX - n, ",\"%s\":\"%s\"", key, hex);
}

static void put_tail(const struct audit_stamp *stamp, char out[TAIL_SIZE + 1])
{
    char prev[AUDIT_HASH_HEX_SIZE + 1];

    audit_hex(stamp->prev, AUDIT_HASH_SIZE, prev);
    (void)snprintf(out, TAIL_SIZE + 1, ",\"prev\":\"%s\"}\n", prev);
}

size_t audit_seal_build(const struct audit_seal_key *key,
                        const uint8_t mac_key[AUDIT_MAC_KEY_SIZE],
                        const struct audit_place *place, const struct audit_stamp *stamp,
                        const char *from, const struct audit_seal_facts *facts,
                        char out[AUDIT_LINE_MAX])
{
    char tail[TAIL_SIZE + 1];
    uint8_t mac[MAC_SIZE];
    uint8_t sig[SIG_SIZE];
    struct input in;
    size_t n = put_body(place, stamp, from, facts, audit_seal_key_id(key), out);

    if (n == 0)
        return 0;
    put_tail(stamp, tail);
    join(&in, MAC_LABEL, out, n, tail);
    if (!mac_of(mac_key, in.octets, in.size, mac))
        return 0;
    n = put_hex(out, n, "mac", mac, sizeof mac);
    join(&in, SIG_LABEL, out, n, tail);
    if (!audit_seal_key_sign(key, in.octets, in.size, sig))
        return 0;
    n = put_hex(out, n, "sig", sig, sizeof sig);
    memcpy(out + n, tail, TAIL_SIZE);
    return n + TAIL_SIZE;
}

bool audit_seal_mac_fits(const uint8_t mac_key[AUDIT_MAC_KEY_SIZE], const char *line,
                         size_t n)
{
    uint8_t there[MAC_SIZE];
    uint8_t mac[MAC_SIZE];
    struct input in;
    const char *hex;
    size_t size;

    if (n > AUDIT_LINE_MAX || n < TAIL_SIZE)
        return false;
    hex = audit_member_text(line, n, "mac", &size);
    if (!hex || size != sizeof mac * 2 || !audit_unhex(hex, there, sizeof there))
        return false;
    join(&in, MAC_LABEL, line, (size_t)(hex - line) - (sizeof ",\"mac\":\"" - 1),
         line + n - TAIL_SIZE);
    return mac_of(mac_key, in.octets, in.size, mac) &&
           CRYPTO_memcmp(mac, there, sizeof mac) == 0;
}

/* ---- start ---- */

/* Room for keys; a power of two. */
#define HEAP_OCTETS 32768u
#define HEAP_LEAST  32u

bool audit_seal_warm_up(void)
{
    uint8_t key[AUDIT_MAC_KEY_SIZE] = {0};

    /* Where it fails keys are in ordinary memory, and wiped as well. */
    if (!CRYPTO_secure_malloc_initialized())
        (void)CRYPTO_secure_malloc_init(HEAP_OCTETS, HEAP_LEAST);
    return audit_hash_warm_up() && audit_seal_next(key);
}
