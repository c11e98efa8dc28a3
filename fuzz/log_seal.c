/* Seals and what an auditor gives with them: a line that is taken for a seal is, octet by
 * octet, the one line that its members make; members are found where a JSON parser finds
 * them; keys, seeds and anchors are taken in one form.
 *
 * Target functions: audit_seal_parse audit_field audit_field_number audit_field_hex
 *   audit_field_text audit_public_key_read audit_seed_read audit_anchors_add
 *   audit_anchors_see
 * Options: -max_len=3000
 *
 * Input: what it is, and then a line; the members between severity and prev; a key in
 * PEM; a seed; a line of anchors. */
#include "fuzz/lib/fuzz.h"

#include "proxy/audit_field.h"
#include "proxy/audit_verify_anchor.h"
#include "proxy/audit_verify_key.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAIL (sizeof ",\"prev\":\"\"}\n" - 1 + AUDIT_HASH_HEX_SIZE)

/* ---- a seal ---- */

static size_t render(const struct audit_seal_line *s, char out[AUDIT_LINE_MAX])
{
    char config[65], key[17], before[65], mac[65], sig[129];

    audit_hex(s->config, sizeof s->config, config);
    audit_hex(s->key, sizeof s->key, key);
    audit_hex(s->before, sizeof s->before, before);
    audit_hex(s->mac, sizeof s->mac, mac);
    audit_hex(s->sig, sizeof s->sig, sig);
    return (size_t)snprintf(
        out, AUDIT_LINE_MAX,
        ",\"epoch\":%llu,\"why\":\"%s\",\"first_seq\":%llu,\"records\":%llu,"
        "\"commands\":%llu,\"refusals\":%llu,\"alarms\":%llu,\"gaps\":%llu,"
        "\"clock\":\"%s\",\"version\":\"%s\",\"config_sha256\":\"%s\",\"key\":\"%s\","
        "\"seal_prev\":\"%s\",\"mac\":\"%s\",\"sig\":\"%s\"",
        (unsigned long long)s->epoch, s->why, (unsigned long long)s->first_seq,
        (unsigned long long)s->records, (unsigned long long)s->counts.commands,
        (unsigned long long)s->counts.refusals, (unsigned long long)s->counts.alarms,
        (unsigned long long)s->counts.gaps, s->clock, s->version, config, key, before,
        mac, sig);
}

static void check_seal(const char *line, size_t n)
{
    struct audit_seal_line s;
    char text[AUDIT_LINE_MAX];
    const char *fault = audit_seal_parse(line, n, &s);

    if (fault) {
        FUZZ_CHECK(fault[0] != '\0');
        return;
    }
    const size_t size = render(&s, text);
    FUZZ_CHECK(s.rest_at + TAIL == n && size < s.rest_at);
    FUZZ_CHECK(memcmp(line + s.rest_at - size, text, size) == 0);
    FUZZ_CHECK(memcmp(line + s.mac_at, ",\"mac\":\"", 8) == 0);
    FUZZ_CHECK(memcmp(line + s.sig_at, ",\"sig\":\"", 8) == 0);
    FUZZ_CHECK(s.epoch > 0 && s.first_seq > 0);
}

/* ---- members ---- */

static bool is_flat(const json_t *value)
{
    return value && !json_is_object(value) && !json_is_array(value) &&
           !json_is_null(value);
}

/* What is found has the value that JSON has for it, unless it stands behind an object. */
static void check_members(const char *line, size_t n)
{
    json_t *o = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    const char *key;
    json_t *value;

    json_object_foreach(o, key, value)
    {
        uint64_t number;
        char text[64];

        if (audit_field_number(line, n, key, &number))
            FUZZ_CHECK(json_is_integer(value) &&
                       (uint64_t)json_integer_value(value) == number);
        if (audit_field_text(line, n, key, text, sizeof text))
            FUZZ_CHECK(json_is_string(value) &&
                       strcmp(json_string_value(value), text) == 0);
        size_t size;
        if (audit_field(line, n, key, &size))
            FUZZ_CHECK(is_flat(value) && size > 0);
    }
    json_decref(o);
}

static void check_line(const char *line, size_t n)
{
    struct audit_envelope e;
    uint8_t hash[AUDIT_HASH_SIZE];

    if (audit_envelope_parse(line, n, &e) != NULL)
        return;
    check_seal(line, n);
    check_members(line, n);
    (void)audit_field_hex(line, n, "last_sha256", hash, sizeof hash);
}

static void check_body(const uint8_t *p, size_t n)
{
    static const char head[] =
        "{\"v\":1,\"seq\":6,\"time\":\"2026-11-21T12:00:59.020Z\",\"mono_ms\":3838020,"
        "\"boot\":\"7d1daca7\",\"from\":\"audit-0\",\"event\":\"log.seal\","
        "\"severity\":\"notice\"";
    char *line = malloc(sizeof head - 1 + n + TAIL);

    FUZZ_CHECK(line != NULL);
    memcpy(line, head, sizeof head - 1);
    memcpy(line + sizeof head - 1, p, n);
    memcpy(line + sizeof head - 1 + n, ",\"prev\":\"", 9);
    memset(line + sizeof head - 1 + n + 9, '7', AUDIT_HASH_HEX_SIZE);
    memcpy(line + sizeof head - 1 + n + TAIL - 3, "\"}\n", 3);
    check_line(line, sizeof head - 1 + n + TAIL);
    free(line);
}

/* ---- what an auditor gives ---- */

static void check_seed(const char *text, size_t n)
{
    uint8_t seed[AUDIT_SEED_SIZE], again[AUDIT_SEED_SIZE];
    char hex[2 * AUDIT_SEED_SIZE + 1];

    if (audit_seed_read(text, n, seed) != NULL)
        return;
    audit_hex(seed, sizeof seed, hex);
    FUZZ_CHECK(audit_seed_read(hex, strlen(hex), again) == NULL);
    FUZZ_CHECK(memcmp(seed, again, sizeof seed) == 0);
}

static void check_anchor(const char *text, size_t n)
{
    struct audit_anchors a;
    struct audit_place_in_log at = {.line = 1};

    audit_anchors_init(&a);
    if (audit_anchors_add(&a, text, n) == NULL && a.n == 1) {
        const struct audit_anchor x = a.list[0];

        FUZZ_CHECK(x.epoch > 0 && audit_anchors_missing(&a, 0, 0) == a.list);
        FUZZ_CHECK(audit_anchors_see(&a, x.hash, x.epoch, &at));
        FUZZ_CHECK(audit_anchors_missing(&a, 0, 0) == NULL &&
                   audit_anchors_found(&a) == 1);
    }
    audit_anchors_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    const unsigned int what = fuzz_u8(&in) % 5;
    uint8_t *copy = fuzz_copy(in.p, in.left);
    struct audit_public_key key;

    switch (what) {
    case 0: check_line((const char *)copy, in.left); break;
    case 1: check_body(copy, in.left); break;
    case 2: (void)audit_public_key_read((const char *)copy, in.left, &key); break;
    case 3: check_seed((const char *)copy, in.left); break;
    default: check_anchor((const char *)copy, in.left); break;
    }
    free(copy);
    return 0;
}
