#include "tests/lib/sealed_log.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL (sizeof ",\"prev\":\"\"}\n" - 1 + AUDIT_HASH_HEX_SIZE)

static void must(bool good)
{
    if (!good)
        abort();
}

static void hmac(uint8_t key[AUDIT_HASH_SIZE], const void *p, size_t n,
                 uint8_t out[AUDIT_HASH_SIZE])
{
    must(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, AUDIT_HASH_SIZE, p, n, out,
                   AUDIT_HASH_SIZE, NULL) != NULL);
}

void sealed_log_init(struct sealed_log *l)
{
    uint8_t private[32];
    size_t size = sizeof l->pub.raw;
    uint8_t hash[AUDIT_HASH_SIZE];

    memset(l, 0, sizeof *l);
    memset(private, 7, sizeof private);
    memset(l->seed, 8, sizeof l->seed);
    l->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private, 32);
    must(l->key && EVP_PKEY_get_raw_public_key(l->key, l->pub.raw, &size) == 1);
    must(audit_hash(l->pub.raw, sizeof l->pub.raw, hash));
    memcpy(l->pub.id, hash, sizeof l->pub.id);
    hmac(l->seed, "gate104 seal first", strlen("gate104 seal first"), l->mac);
    l->epoch = l->first = 1;
}

void sealed_log_free(struct sealed_log *l)
{
    EVP_PKEY_free(l->key);
    l->key = NULL;
}

/* The line that is next, with this between severity and prev. */
static size_t build(const struct sealed_log *l, const char *from, const char *event,
                    const char *severity, const char *body, char out[AUDIT_LINE_MAX + 1])
{
    char prev[AUDIT_HASH_HEX_SIZE + 1];
    unsigned int ms = (unsigned int)l->lines * 250;
    int n;

    audit_hex(l->prev, sizeof l->prev, prev);
    n = snprintf(out, AUDIT_LINE_MAX + 1,
                 "{\"v\":1,\"seq\":%zu,\"time\":\"2026-11-21T12:00:%02u.%03uZ\","
                 "\"mono_ms\":%u,\"boot\":\"7d1daca7\",\"from\":\"%s\",\"event\":\"%s\","
                 "\"severity\":\"%s\"%s,\"prev\":\"%s\"}\n",
                 l->lines + 1, ms / 1000, ms % 1000, 5000 + ms, from, event, severity,
                 body, prev);
    must(n > 0 && (unsigned int)n <= AUDIT_LINE_MAX);
    return (size_t)n;
}

static void put(struct sealed_log *l, const char *line, size_t n)
{
    size_t at = l->start[l->lines];

    must(l->lines < SEALED_LINES && at + n <= SEALED_MAX);
    memcpy(l->text + at, line, n);
    must(audit_hash(line, n, l->prev));
    l->start[++l->lines] = at + n;
}

void sealed_log_add(struct sealed_log *l, const char *event, const char *severity,
                    const char *body)
{
    char line[AUDIT_LINE_MAX + 1];
    const char *from = strncmp(event, "system.", 7) == 0 ? "monitor-0"
                       : strncmp(event, "log.", 4) == 0  ? "audit-0"
                                                         : "gate-0";

    l->counts.commands += strcmp(event, "op.command") == 0;
    l->counts.refusals += strcmp(event, "policy.refused") == 0;
    l->counts.gaps += strcmp(event, "log.gap") == 0;
    l->counts.alarms += strcmp(severity, "alarm") == 0;
    put(l, line, build(l, from, event, severity, body, line));
}

static void add_hex(char *body, const char *name, const uint8_t *p, size_t n)
{
    char hex[2 * AUDIT_SEAL_SIG_SIZE + 1];
    size_t used = strlen(body);

    audit_hex(p, n, hex);
    must(snprintf(body + used, AUDIT_LINE_MAX - used, ",\"%s\":\"%s\"", name, hex) > 0);
}

/* label, and the line as it is so far */
static size_t labelled(const struct sealed_log *l, const char *label, const char *body,
                       char out[AUDIT_LINE_MAX + 64])
{
    size_t n = strlen(label);

    memcpy(out, label, n);
    return n + build(l, "audit-0", "log.seal", "notice", body, out + n);
}

void sealed_log_seal(struct sealed_log *l, const char *why)
{
    char body[AUDIT_LINE_MAX], text[AUDIT_LINE_MAX + 64];
    uint8_t config[AUDIT_HASH_SIZE], mac[AUDIT_HASH_SIZE], sig[AUDIT_SEAL_SIG_SIZE];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t size = sizeof sig, n;

    memset(config, 0x5A, sizeof config);
    (void)snprintf(body, sizeof body,
                   ",\"epoch\":%" PRIu64 ",\"why\":\"%s\",\"first_seq\":%" PRIu64
                   ",\"records\":%" PRIu64 ",\"commands\":%" PRIu64
                   ",\"refusals\":%" PRIu64 ",\"alarms\":%" PRIu64 ",\"gaps\":%" PRIu64
                   ",\"clock\":\"synchronized\",\"version\":\"0.1.0\"",
                   l->epoch, why, l->first, l->lines + 1 - l->first, l->counts.commands,
                   l->counts.refusals, l->counts.alarms, l->counts.gaps);
    add_hex(body, "config_sha256", config, sizeof config);
    add_hex(body, "key", l->pub.id, sizeof l->pub.id);
    add_hex(body, "seal_prev", l->before, sizeof l->before);
    n = labelled(l, "gate104 seal mac 1\n", body, text);
    hmac(l->mac, text, n, mac);
    add_hex(body, "mac", mac, sizeof mac);
    n = labelled(l, "gate104 seal sig 1\n", body, text);
    must(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, l->key) == 1 &&
         EVP_DigestSign(ctx, sig, &size, (const unsigned char *)text, n) == 1);
    EVP_MD_CTX_free(ctx);
    add_hex(body, "sig", sig, sizeof sig);
    put(l, text, build(l, "audit-0", "log.seal", "notice", body, text));
    memcpy(l->before, l->prev, sizeof l->before);
    memset(&l->counts, 0, sizeof l->counts);
    hmac(l->mac, "gate104 seal next", strlen("gate104 seal next"), mac);
    memcpy(l->mac, mac, sizeof l->mac);
    l->epoch++;
    l->first = l->lines + 1;
}

void sealed_log_relink(char *text, size_t n)
{
    uint8_t hash[AUDIT_HASH_SIZE];
    char hex[AUDIT_HASH_HEX_SIZE + 1];
    char *end = text + n;
    bool known = false;

    for (char *at = text; at < end;) {
        char *nl = memchr(at, '\n', (size_t)(end - at));

        if (!nl)
            return;
        if (known && (size_t)(nl + 1 - at) > TAIL) {
            audit_hex(hash, sizeof hash, hex);
            memcpy(nl + 1 - TAIL + strlen(",\"prev\":\""), hex, AUDIT_HASH_HEX_SIZE);
        }
        must(audit_hash(at, (size_t)(nl + 1 - at), hash));
        known = true;
        at = nl + 1;
    }
}
