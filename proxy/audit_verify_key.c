#include "proxy/audit_verify_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define SIG_LABEL  "gate104 seal sig 1\n"
#define MAC_LABEL  "gate104 seal mac 1\n"
#define LABEL_SIZE (sizeof SIG_LABEL - 1)

_Static_assert(sizeof MAC_LABEL == sizeof SIG_LABEL, "both have one size");

/* ---- what an operator gives ---- */

/* SubjectPublicKeyInfo of an Ed25519 key, up to its 32 octets (RFC 8410 section 4). */
static const uint8_t spki[] = {0x30, 0x2A, 0x30, 0x05, 0x06, 0x03,
                               0x2B, 0x65, 0x70, 0x03, 0x21, 0x00};
/* Base64 of the 44 octets. */
#define SPKI_BASE64 60u

/* The digits between the two lines of the frame (RFC 7468), without blanks. */
static size_t pem_body(const char *pem, size_t n, char out[SPKI_BASE64 + 1])
{
    static const char head[] = "-----BEGIN PUBLIC KEY-----";
    static const char foot[] = "-----END PUBLIC KEY-----";
    const char *at = memmem(pem, n, head, sizeof head - 1);
    const char *end;
    size_t used = 0;

    if (!at)
        return 0;
    at += sizeof head - 1;
    end = memmem(at, (size_t)(pem + n - at), foot, sizeof foot - 1);
    for (; end && at < end; at++) {
        if (*at == '\n' || *at == '\r' || *at == ' ' || *at == '\t')
            continue;
        if (used == SPKI_BASE64)
            return 0;
        out[used++] = *at;
    }
    out[used] = '\0';
    return used;
}

const char *audit_public_key_read(const char *pem, size_t n, struct audit_public_key *out)
{
    char body[SPKI_BASE64 + 1];
    uint8_t der[SPKI_BASE64 / 4 * 3];
    uint8_t hash[AUDIT_HASH_SIZE];

    if (memmem(pem, n, "PRIVATE KEY", sizeof "PRIVATE KEY" - 1))
        return "a private key: give the public one, and keep this where it belongs";
    if (!memmem(pem, n, "-----BEGIN", sizeof "-----BEGIN" - 1))
        return "no PEM file";
    /* 45 octets with the last one made of padding. */
    if (pem_body(pem, n, body) != SPKI_BASE64 ||
        EVP_DecodeBlock(der, (const unsigned char *)body, SPKI_BASE64) != sizeof der ||
        body[SPKI_BASE64 - 1] != '=' || body[SPKI_BASE64 - 2] == '=' ||
        memcmp(der, spki, sizeof spki) != 0)
        return "no Ed25519 public key";
    memcpy(out->raw, der + sizeof spki, sizeof out->raw);
    if (!audit_hash(out->raw, sizeof out->raw, hash))
        return "no SHA-256 in libcrypto";
    memcpy(out->id, hash, sizeof out->id);
    return NULL;
}

const char *audit_seed_read(const char *text, size_t n, uint8_t seed[AUDIT_SEED_SIZE])
{
    char digits[2 * AUDIT_SEED_SIZE + 4];
    uint8_t hash[AUDIT_HASH_SIZE];
    uint8_t check[2];
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        char c = text[i];

        if (c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (used == sizeof digits)
            return "more digits than a seed has";
        digits[used++] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    }
    if (used != 2 * AUDIT_SEED_SIZE && used != sizeof digits)
        return "not the 64 hex digits of a seed, and four check digits";
    if (!audit_unhex(digits, seed, AUDIT_SEED_SIZE))
        return "not a hex digit";
    if (used == sizeof digits && (!audit_hash(seed, AUDIT_SEED_SIZE, hash) ||
                                  !audit_unhex(digits + 2 * AUDIT_SEED_SIZE, check, 2) ||
                                  memcmp(check, hash, sizeof check) != 0))
        return "the check digits do not fit: look for a slip of the hand";
    OPENSSL_cleanse(digits, sizeof digits);
    return NULL;
}

/* ---- over which octets ---- */

/* label, line[0, upto), line[rest, n) */
static size_t covered(const char label[LABEL_SIZE], const char *line, size_t upto,
                      size_t rest, size_t n, uint8_t out[AUDIT_LINE_MAX + 32])
{
    const size_t at = LABEL_SIZE;

    memcpy(out, label, at);
    memcpy(out + at, line, upto);
    memcpy(out + at + upto, line + rest, n - rest);
    return at + upto + n - rest;
}

bool audit_seal_signed(const struct audit_public_key *k, const char *line, size_t n,
                       const struct audit_seal_line *s)
{
    uint8_t text[AUDIT_LINE_MAX + 32];
    size_t size = covered(SIG_LABEL, line, s->sig_at, s->rest_at, n, text);
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->raw, sizeof k->raw);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, s->sig, sizeof s->sig, text, size) == 1;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return good;
}

/* ---- MAC ---- */

static bool hmac(const uint8_t key[AUDIT_HASH_SIZE], const void *p, size_t n,
                 uint8_t out[AUDIT_HASH_SIZE])
{
    size_t size = 0;

    return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, AUDIT_HASH_SIZE, p, n, out,
                     AUDIT_HASH_SIZE, &size) &&
           size == AUDIT_HASH_SIZE;
}

bool audit_epoch_first(struct audit_epoch_key *k, const uint8_t seed[AUDIT_SEED_SIZE])
{
    static const char label[] = "gate104 seal first";

    k->epoch = 1;
    return hmac(seed, label, sizeof label - 1, k->key);
}

bool audit_epoch_advance(struct audit_epoch_key *k, uint64_t epoch)
{
    static const char label[] = "gate104 seal next";
    uint8_t next[AUDIT_HASH_SIZE];

    while (k->epoch < epoch) {
        if (!hmac(k->key, label, sizeof label - 1, next))
            return false;
        memcpy(k->key, next, sizeof next);
        k->epoch++;
    }
    OPENSSL_cleanse(next, sizeof next);
    return true;
}

bool audit_seal_maced(const struct audit_epoch_key *k, const char *line, size_t n,
                      const struct audit_seal_line *s)
{
    uint8_t text[AUDIT_LINE_MAX + 32];
    uint8_t mac[AUDIT_HASH_SIZE];
    size_t size = covered(MAC_LABEL, line, s->mac_at, s->rest_at, n, text);

    return k->epoch == s->epoch && hmac(k->key, text, size, mac) &&
           CRYPTO_memcmp(mac, s->mac, sizeof mac) == 0;
}
