/* Seals against the test vectors of doc/log-format.md. */
#include "proxy/audit_seal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include <cmocka.h>

#define VECTORS "tests/vectors/log/"

static char key_path[64];
static struct audit_seal_key *key;

static size_t slurp(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");
    size_t n;

    assert_non_null(f);
    n = fread(out, 1, cap, f);
    assert_true(n < cap);
    out[n] = '\0';
    (void)fclose(f);
    return n;
}

/* A checkout does not keep the mode that a key needs. */
static void copy_key(mode_t mode)
{
    char pem[1024];
    size_t n = slurp(VECTORS "seal.key", pem, sizeof pem);
    int fd;

    (void)unlink(key_path);
    fd = open(key_path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0 && write(fd, pem, n) == (ssize_t)n);
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static int set_up(void **state)
{
    char err[300] = "";

    (void)state;
    (void)snprintf(key_path, sizeof key_path, "/tmp/seal_test.%d", (int)getpid());
    assert_true(audit_seal_warm_up());
    copy_key(0600);
    key = audit_seal_key_load(key_path, err, sizeof err);
    if (!key)
        print_error("%s\n", err);
    return key ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    audit_seal_key_free(key);
    return unlink(key_path);
}

static void seed_of(uint8_t seed[AUDIT_SEED_SIZE])
{
    for (unsigned int i = 0; i < AUDIT_SEED_SIZE; i++)
        seed[i] = (uint8_t)(32 + i);
}

static void assert_hex(const uint8_t *p, size_t n, const char *want)
{
    char hex[200];

    assert_true(2 * n < sizeof hex);
    audit_hex(p, n, hex);
    assert_string_equal(hex, want);
}

static void test_keys(void **state)
{
    uint8_t seed[AUDIT_SEED_SIZE];
    uint8_t k[AUDIT_MAC_KEY_SIZE];
    char text[AUDIT_SEED_TEXT_SIZE];
    char want[AUDIT_SEED_TEXT_SIZE + 1];

    (void)state;
    seed_of(seed);
    assert_true(audit_seal_first(seed, k));
    assert_hex(k, sizeof k,
               "973cd954e603dac9099e3c8bed7b1f77fc08efab648779fbfad6e450b62b4917");
    assert_true(audit_seal_next(k));
    assert_hex(k, sizeof k,
               "7970361f1c5d4bf9f097987116d19f0926cce8d4ac7b62451cb5dadaaadff7be");
    assert_hex(audit_seal_key_id(key), AUDIT_KEY_ID_SIZE, "56475aa75463474c");
    assert_true(audit_seal_seed_text(seed, text));
    want[slurp(VECTORS "seed", want, sizeof want) - 1] = '\0';
    assert_string_equal(text, want);
}

static void test_key_text(void **state)
{
    char pem[AUDIT_KEY_PEM_SIZE];
    char want[1024];

    (void)state;
    assert_true(audit_seal_key_pem(key, false, pem));
    (void)slurp(VECTORS "seal.pub", want, sizeof want);
    assert_string_equal(pem, want);
    assert_true(audit_seal_key_pem(key, true, pem));
    (void)slurp(VECTORS "seal.key", want, sizeof want);
    assert_string_equal(pem, want);
}

/* Line n (from 1) of the sealed log. */
static size_t line_of(unsigned int n, char out[AUDIT_LINE_MAX])
{
    FILE *f = fopen(VECTORS "sealed.jsonl", "r");

    assert_non_null(f);
    for (unsigned int i = 0; i < n; i++)
        assert_non_null(fgets(out, AUDIT_LINE_MAX, f));
    (void)fclose(f);
    return strlen(out);
}

/* What the seal on line n counts and is chained to, from the lines before it. */
static void prepare(unsigned int n, unsigned int seal_before, struct audit_tally *t,
                    struct audit_stamp *stamp)
{
    static const struct event_info *info;
    char line[AUDIT_LINE_MAX];
    size_t size;

    memset(t, 0, sizeof *t);
    t->first_seq = 1;
    if (seal_before > 0) {
        uint8_t hash[AUDIT_HASH_SIZE];

        size = line_of(seal_before, line);
        assert_true(audit_hash(line, size, hash));
        audit_tally_sealed(t, seal_before, 1, hash);
    }
    for (unsigned int i = seal_before + 1; i < n; i++) {
        (void)line_of(i, line);
        info = event_info(strstr(line, "op.command")       ? EVENT_COMMAND
                          : strstr(line, "policy.refused") ? EVENT_REFUSED
                                                           : EVENT_SYSTEM_START);
        audit_tally_add(t, info);
    }
    size = line_of(n - 1, line);
    stamp->seq = n;
    assert_true(audit_hash(line, size, stamp->prev));
    assert_true(audit_unhex("dd2efb164b6a4961672d7993502f5762cf355cba3d788a9c89961db781e4"
                            "7900",
                            t->config, AUDIT_HASH_SIZE));
}

static void assert_seal(unsigned int n, unsigned int seal_before, const char *why,
                        const char *clock, struct audit_stamp *stamp)
{
    static const struct audit_place place = {.boot = "7d1daca7"};
    struct audit_seal_facts facts = {
        .epoch = seal_before > 0 ? 2 : 1, .why = why, .clock = clock};
    uint8_t seed[AUDIT_SEED_SIZE];
    uint8_t k[AUDIT_MAC_KEY_SIZE];
    char want[AUDIT_LINE_MAX];
    char got[AUDIT_LINE_MAX];
    struct audit_tally t;
    size_t size = line_of(n, want);

    prepare(n, seal_before, &t, stamp);
    facts.covered = &t;
    seed_of(seed);
    assert_true(audit_seal_first(seed, k));
    if (seal_before > 0)
        assert_true(audit_seal_next(k));
    assert_int_equal(audit_seal_build(key, k, &place, stamp, "audit-0", &facts, got),
                     size);
    got[size] = '\0';
    assert_string_equal(got, want);
    assert_true(audit_seal_mac_fits(k, got, size));
}

static void test_vectors(void **state)
{
    /* 2026-11-21T12:00:00Z */
    struct audit_stamp first = {.utc = {1795262400, 18000000}, .mono_ms = 3779018};
    struct audit_stamp second = {.utc = {1795262459, 20000000}, .mono_ms = 3838020};

    (void)state;
    assert_seal(3, 0, "start", "synchronized", &first);
    assert_seal(6, 3, "interval", "unsynchronized", &second);
}

/* Each octet but those of the signature is under the MAC. */
static void test_mac_covers(void **state)
{
    uint8_t seed[AUDIT_SEED_SIZE];
    uint8_t k[AUDIT_MAC_KEY_SIZE];
    char line[AUDIT_LINE_MAX];
    size_t size = line_of(3, line);
    const char *sig = strstr(line, ",\"sig\"");
    const char *prev = strstr(line, ",\"prev\":");

    (void)state;
    seed_of(seed);
    assert_true(audit_seal_first(seed, k));
    for (size_t i = 0; i < size; i++) {
        line[i] ^= 1;
        assert_int_equal(audit_seal_mac_fits(k, line, size),
                         line + i >= sig && line + i < prev);
        line[i] ^= 1;
    }
    k[0] ^= 1;
    assert_false(audit_seal_mac_fits(k, line, size));
}

/* A seal is a record like any other: its form is the envelope's and jansson's. */
static void test_form(void **state)
{
    struct audit_envelope e;
    char line[AUDIT_LINE_MAX];
    size_t size = line_of(6, line);
    json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    char *again = json ? json_dumps(json, JSON_COMPACT) : NULL;

    (void)state;
    assert_null(audit_envelope_parse(line, size, &e));
    assert_string_equal(e.event, "log.seal");
    assert_non_null(again);
    assert_int_equal(strlen(again), size - 1);
    assert_memory_equal(again, line, size - 1);
    free(again);
    json_decref(json);
}

static void refused(const char *path, const char *why)
{
    char err[300] = "";

    assert_null(audit_seal_key_load(path, err, sizeof err));
    if (!strstr(err, why))
        fail_msg("\"%s\" lacks \"%s\"", err, why);
}

static void test_key_files(void **state)
{
    char fifo[80];
    int fd;

    (void)state;
    copy_key(0640);
    refused(key_path, "mode 0640); chmod 600");
    copy_key(0604);
    refused(key_path, "chmod 600");
    copy_key(0600);
    fd = open(key_path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    refused(key_path, "no Ed25519 key");
    assert_true(write(fd, "nonsense", 8) == 8);
    refused(key_path, "gate104 log keygen");
    (void)close(fd);
    (void)snprintf(fifo, sizeof fifo, "%s.fifo", key_path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    refused(fifo, "not a regular file");
    assert_int_equal(unlink(fifo), 0);
    refused(fifo, "check the path");
    copy_key(0600);
}

/* Another kind of key does not sign seals. */
static void test_other_kind(void **state)
{
    static const char x25519[] =
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VuBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
        "-----END PRIVATE KEY-----\n";
    int fd = open(key_path, O_WRONLY | O_TRUNC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, x25519, sizeof x25519 - 1), sizeof x25519 - 1);
    (void)close(fd);
    refused(key_path, "no Ed25519 key");
    copy_key(0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),       cmocka_unit_test(test_key_text),
        cmocka_unit_test(test_vectors),    cmocka_unit_test(test_mac_covers),
        cmocka_unit_test(test_form),       cmocka_unit_test(test_key_files),
        cmocka_unit_test(test_other_kind),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
