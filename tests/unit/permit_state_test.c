/* Permits that outlive gate104d: what is left of their time, and files that are not what
 * was written; and what operators write of a permit. */
#include "proxy/audit_hash.h"
#include "proxy/permit_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BOOT     "11111111-2222-3333-4444-555555555555"
#define NEXT     "11111111-2222-3333-4444-555555555556"

static uint8_t octets[PERMIT_STATE_OCTETS];
static struct permit_kept back[PERMIT_STATE_MAX];

static struct permit_kept kept(uint32_t id, uint64_t left_ms)
{
    struct permit_kept p = {.id = id,
                            .left_ms = left_ms,
                            .route = "rtu-7",
                            .reason = "work order 4711",
                            .by = 0,
                            .confirmed = 1000,
                            .scope = {.ca_count = 1,
                                      .ca = {{1, 1}},
                                      .ioa_count = 2,
                                      .ioa = {{1, 5}, {9, 9}},
                                      .subject = "CN=Master"}};

    policy_types_set(p.scope.types, 45);
    return p;
}

static size_t encode(const struct permit_moment *when, const struct permit_kept *p,
                     size_t count)
{
    const size_t n = permit_state_encode(when, p, count, octets, sizeof octets);

    assert_true(n > 0);
    return n;
}

static void test_time(void **state)
{
    static const struct {
        struct permit_moment then, now;
        uint64_t left_ms; /* of 1000; 0: over */
    } rows[] = {
        {{BOOT, 50, 5000}, {BOOT, 50, 5000}, 1000},
        {{BOOT, 50, 5000}, {BOOT, 150, 5100}, 900},
        /* Within a boot the wall clock says nothing. */
        {{BOOT, 50, 5000}, {BOOT, 150, 1}, 900},
        {{BOOT, 50, 5000}, {BOOT, 150, 99999999}, 900},
        {{BOOT, 50, 5000}, {BOOT, 1049, 5000}, 1},
        {{BOOT, 50, 5000}, {BOOT, 1050, 5000}, 0},
        {{BOOT, 50, 5000}, {BOOT, UINT64_MAX, 5000}, 0},
        /* Between boots it counts, but never backwards. */
        {{BOOT, 50, 5000}, {NEXT, 1, 5100}, 900},
        {{BOOT, 50, 5000}, {NEXT, 1, 5999}, 1},
        {{BOOT, 50, 5000}, {NEXT, 1, 6000}, 0},
        {{BOOT, 50, 5000}, {NEXT, 1, 4999}, 1000},
        {{BOOT, 50, 5000}, {NEXT, 1, 0}, 1000},
    };
    const struct permit_kept p = kept(123456, 1000);

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t n = encode(&rows[i].then, &p, 1);
        size_t count;

        assert_true(permit_state_decode(octets, n, &rows[i].now, back, &count));
        if (count != (rows[i].left_ms > 0) ||
            (count > 0 && back[0].left_ms != rows[i].left_ms))
            fail_msg("row %zu: %zu, %llu ms", i, count,
                     (unsigned long long)back[0].left_ms);
    }
}

static void test_what_cannot_be(void **state)
{
    const struct permit_moment then = {BOOT, 50, 5000}, earlier = {BOOT, 49, 5000};
    const struct permit_kept p = kept(123456, 1000);
    const size_t n = encode(&then, &p, 1);
    size_t count;

    (void)state;
    assert_false(permit_state_decode(octets, n, &earlier, back, &count));
    assert_int_equal(count, 0);
}

static void test_all_comes_back(void **state)
{
    const struct permit_moment when = {BOOT, 50, 5000};
    static struct permit_kept p[PERMIT_STATE_MAX + 1];
    size_t count;
    size_t n;

    (void)state;
    for (uint32_t i = 0; i <= PERMIT_STATE_MAX; i++) {
        p[i] = kept(200000 + i, PERMIT_MS_MAX);
        memset(p[i].route, 'r', sizeof p[i].route - 1);
        memset(p[i].reason, '!', sizeof p[i].reason - 1);
        memset(p[i].scope.subject, 'x', sizeof p[i].scope.subject - 1);
        p[i].scope.has_fingerprint = true;
    }
    n = encode(&when, p, PERMIT_STATE_MAX);
    assert_true(permit_state_decode(octets, n, &when, back, &count));
    assert_int_equal(count, PERMIT_STATE_MAX);
    assert_memory_equal(back, p, sizeof back);
    assert_int_equal(
        permit_state_encode(&when, p, PERMIT_STATE_MAX + 1, octets, sizeof octets), 0);
    n = encode(&when, p, 0);
    assert_true(permit_state_decode(octets, n, &when, back, &count));
    assert_int_equal(count, 0);
}

static void test_every_bit(void **state)
{
    const struct permit_moment when = {BOOT, 50, 5000};
    const struct permit_kept p[] = {kept(123456, 1000), kept(123457, 1000)};
    const size_t n = encode(&when, p, 2);
    size_t count;

    (void)state;
    for (size_t i = 0; i < 8 * n; i++) {
        octets[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_false(permit_state_decode(octets, n, &when, back, &count));
        octets[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t cut = 0; cut < n; cut++)
        assert_false(permit_state_decode(octets, cut, &when, back, &count));
    assert_false(permit_state_decode(octets, n + 1, &when, back, &count));
    assert_true(permit_state_decode(octets, n, &when, back, &count));
    assert_int_equal(count, 2);
}

/* Who can write the file can hash it, too. */
static void test_well_hashed_lies(void **state)
{
    const struct permit_moment when = {BOOT, 50, 5000};
    struct permit_kept lie[] = {
        kept(99999, 1000),  kept(1000000, 1000), kept(123456, PERMIT_MS_MAX + 1),
        kept(123456, 1000), kept(123456, 1000),  kept(123456, 1000),
        kept(123456, 1000), kept(123456, 1000),  kept(123456, 1000),
        kept(123456, 1000), kept(123456, 1000),  kept(123456, 0)};
    const struct permit_kept twice[] = {kept(123456, 1000), kept(123456, 1000)};
    size_t count;

    (void)state;
    lie[3].confirmed = lie[3].by;
    lie[4].reason[0] = '\0';
    lie[5].reason[3] = '\x1b';
    lie[6].reason[3] = '\t';
    lie[7].route[0] = '\0';
    lie[8].scope.ioa[1].first = 4;
    policy_types_set(lie[9].scope.types, 1);
    lie[10].scope.subject[1] = '\x7F';
    for (size_t i = 0; i < COUNT(lie); i++) {
        const size_t n = encode(&when, &lie[i], 1);

        if (permit_state_decode(octets, n, &when, back, &count) || count != 0)
            fail_msg("lie %zu", i);
    }
    assert_false(
        permit_state_decode(octets, encode(&when, twice, 2), &when, back, &count));
}

static void test_file(void **state)
{
    char dir[] = "/tmp/gate104-permit-XXXXXX";
    char name[64];
    const struct permit_kept p = kept(123456, 60000);
    struct permit_moment now;
    struct stat st;
    size_t count;

    (void)state;
    assert_true(permit_moment_now(&now));
    assert_non_null(mkdtemp(dir));
    (void)snprintf(name, sizeof name, "%s/" PERMIT_STATE_NAME, dir);
    assert_int_equal(permit_state_load(dir, &now, back, &count), PERMIT_STATE_MISSING);
    assert_true(permit_state_store(dir, &now, &p, 1));
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(permit_state_load(dir, &now, back, &count), PERMIT_STATE_FOUND);
    assert_int_equal(count, 1);
    assert_memory_equal(back, &p, sizeof p);
    assert_int_equal(chmod(name, 0640), 0);
    assert_int_equal(permit_state_load(dir, &now, back, &count), PERMIT_STATE_DAMAGED);
    assert_int_equal(count, 0);
    assert_true(permit_state_store(dir, &now, NULL, 0));
    assert_int_equal(permit_state_load(dir, &now, back, &count), PERMIT_STATE_MISSING);
    assert_int_equal(symlink("/etc/passwd", name), 0);
    assert_int_equal(permit_state_load(dir, &now, back, &count), PERMIT_STATE_UNREADABLE);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_equal(permit_state_load(dir, &now, back, &count), PERMIT_STATE_UNREADABLE);
    assert_false(permit_state_store(dir, &now, &p, 1));
    assert_int_equal(rmdir(name), 0);
    (void)snprintf(name, sizeof name, "%s/" PERMIT_STATE_NAME ".new", dir);
    (void)unlink(name);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(permit_state_load(dir, &now, back, &count), PERMIT_STATE_MISSING);
    assert_false(permit_state_store(dir, &now, &p, 1));
}

/* ---- what operators write ---- */

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        uint32_t seconds; /* 0: none */
    } rows[] = {
        {"1s", 1},      {"90s", 90}, {"15m", 900},     {"15min", 900},    {"8h", 28800},
        {"7d", 604800}, {"0s", 0},   {"0m", 0},        {"8d", 0},         {"604801s", 0},
        {"", 0},        {"15", 0},   {"m", 0},         {"-1m", 0},        {"1m ", 0},
        {" 1m", 0},     {"1.5h", 0}, {"99999999h", 0}, {"999999999s", 0}, {"1h30m", 0},
        {"1M", 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint32_t seconds = 0;

        if (permit_duration(rows[i].text, &seconds) != (rows[i].seconds > 0) ||
            seconds != rows[i].seconds)
            fail_msg("\"%s\": %u", rows[i].text, seconds);
    }
}

static void test_request(void **state)
{
    struct permit_request q;
    char text[PERMIT_TEXT_CAP];
    char err[200];

    (void)state;
    assert_true(permit_request_read("reason=\xC3\xA4 = b\troute=r\tfor=15m\tioa=9,1-3,4"
                                    "\tca=2\ttypes=C_SC_NA_1,C_DC_NA_1\tcommands=7"
                                    "\tpersist=yes\tpeer=CN=x,O=y z",
                                    &q, err, sizeof err));
    assert_string_equal(q.route, "r");
    assert_string_equal(q.reason, "\xC3\xA4 = b");
    assert_string_equal(q.scope.subject, "CN=x,O=y z");
    assert_true(q.seconds == 900 && q.commands == 7 && q.persist);
    assert_true(permit_scope_text(&q.scope, q.commands, text));
    assert_string_equal(text, "types C_SC_NA_1,C_DC_NA_1 ca 2 ioa 1-4,9 commands 7");
    assert_true(permit_request_read("route=r\tfor=1s\treason=x\tpeer="
                                    "00FFaa00000000000000000000000000000000000000000000"
                                    "00000000000001",
                                    &q, err, sizeof err));
    assert_true(q.scope.has_fingerprint && q.scope.subject[0] == '\0');
    assert_int_equal(q.scope.fingerprint[1], 0xFF);
    assert_int_equal(q.scope.fingerprint[31], 1);
    assert_true(permit_scope_text(&q.scope, 0, text));
    assert_string_equal(text, "all types");
}

static void test_bad_requests(void **state)
{
    static const char *const rows[][2] = {
        {"", "no such field"},
        {"\t", "no such field"},
        {"route", "no such field"},
        {"routes=r", "no such field"},
        {"route=", "route is empty"},
        {"route=r\troute=r", "route is there twice"},
        {"route=r\treason=x", "for how long"},
        {"route=r\tfor=1s", "needs a reason"},
        {"for=1s\treason=x", "name it"},
        {"route=r\tfor=1s\treason=x\ty", "no such field"},
        {"route=r\tfor=1s\treason=a\x01z", "control"},
        {"route=r\tfor=1s\treason=a\xC2\x9Fz", "control"},
        {"route=r\tfor=1s\treason=a\xC3", "not UTF-8"},
        {"route=r\tfor=1s\treason=x\tioa=1-2-3", "no list"},
        {"route=r\tfor=1s\treason=x\tioa=-5", "no list"},
        {"route=r\tfor=1s\treason=x\tioa=0x10", "no list"},
        {"route=r\tfor=1s\treason=x\tca=65536", "out of range"},
        {"route=r\tfor=1s\treason=x\tpersist=no", "persist is yes"},
        {"route=r\tfor=1s\treason=x\tcommands=100001", "no number"},
        {"route=r\tfor=1s\treason=x\ttypes=C_SC_NA_1,", "no type"},
        {"route=r\tfor=1s\treason=x\tpeer=CN=abc...", "too long"},
        {"route=r\tfor=1s\treason=x\tpeer=CN=\xC3\xA4", "printable"},
    };
    struct permit_request q;
    char err[200];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (permit_request_read(rows[i][0], &q, err, sizeof err) ||
            !strstr(err, rows[i][1]))
            fail_msg("\"%s\": %s", rows[i][0], err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_all_comes_back),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_well_hashed_lies),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_bad_requests),
    };

    if (!audit_hash_warm_up())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
