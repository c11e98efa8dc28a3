/* The reader of IEC 62351-8's extension takes what the standard allows, in DER, and
 * nothing else. */
#include "certs/user_roles.h"
#include "tests/lib/guard_page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 2048u

static struct guard_page page;

/* A public implementation's test vector. */
static const char FREEIPA[] = "3027302530040202"
                              "00FF"
                              "0C0A"
                              "4F757473746174696F6E"
                              "0202"
                              "00FF"
                              "0C0A"
                              "49454336323335312D38"
                              "0A0103";

static size_t octets(const char *hex, uint8_t *out)
{
    const size_t n = strlen(hex) / 2;

    assert_true(n <= ROOM);
    for (size_t i = 0; i < n; i++) {
        unsigned int v;
        assert_int_equal(sscanf(hex + 2 * i, "%2X", &v), 1);
        out[i] = (uint8_t)v;
    }
    return n;
}

/* Reads from memory that ends where the octets end. */
static enum user_roles_fault read_exactly(const uint8_t *p, size_t n,
                                          struct user_roles *out)
{
    return user_roles_read(guard_page_put(&page, p, n), n, out);
}

static enum user_roles_fault read_hex(const char *hex, struct user_roles *out)
{
    uint8_t p[ROOM];
    const size_t n = octets(hex, p);

    return read_exactly(p, n, out);
}

static void test_vector(void **state)
{
    struct user_roles r;

    (void)state;
    assert_int_equal(read_hex(FREEIPA, &r), USER_ROLES_GOOD);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.entry[0].role_count, 1);
    assert_int_equal(r.entry[0].role[0], 255);
    assert_string_equal(r.entry[0].area, "Outstation");
    assert_int_equal(r.entry[0].revision, 255);
    assert_true(r.entry[0].has_definition);
    assert_string_equal(r.entry[0].definition, "IEC62351-8");
    assert_int_equal(r.entry[0].operation, USER_ROLE_CHANGE);
    assert_false(r.entry[0].has_sequence);
}

/* ---- one entry around which the cases are written ---- */

/* SEQUENCE with a minimal length around the hex. */
static void wrap(const char *tag, const char *inner, char *out, size_t cap)
{
    const size_t n = strlen(inner) / 2;

    if (n < 0x80)
        (void)snprintf(out, cap, "%s%02zX%s", tag, n, inner);
    else if (n < 0x100)
        (void)snprintf(out, cap, "%s81%02zX%s", tag, n, inner);
    else
        (void)snprintf(out, cap, "%s82%04zX%s", tag, n, inner);
}

static enum user_roles_fault read_entry(const char *fields, struct user_roles *r)
{
    static char entry[4 * ROOM], whole[5 * ROOM];

    wrap("30", fields, entry, sizeof entry);
    wrap("30", entry, whole, sizeof whole);
    return read_hex(whole, r);
}

#define ROLE_1 "3003020101"
#define AREA_A "0C0141"
#define REV_1  "020101"

static void test_fields(void **state)
{
    struct user_roles r;

    (void)state;
    assert_int_equal(read_entry(ROLE_1 AREA_A REV_1, &r), USER_ROLES_GOOD);
    assert_false(r.entry[0].has_definition || r.entry[0].has_sequence);
    assert_int_equal(r.entry[0].operation, USER_ROLE_NO_OPERATION);
    assert_int_equal(read_entry(ROLE_1 AREA_A REV_1 "0205"
                                                    "00FFFFFFFF",
                                &r),
                     USER_ROLES_GOOD);
    assert_true(r.entry[0].has_sequence && r.entry[0].sequence == UINT32_MAX);
    assert_int_equal(read_entry(ROLE_1 AREA_A REV_1 "0C00"
                                                    "0A0101"
                                                    "020100",
                                &r),
                     USER_ROLES_GOOD);
    assert_true(r.entry[0].has_definition && r.entry[0].definition[0] == '\0');
    assert_int_equal(r.entry[0].operation, USER_ROLE_ADD);
    assert_true(r.entry[0].has_sequence && r.entry[0].sequence == 0);
    assert_int_equal(read_entry("3008"
                                "02028000"
                                "02027FFF" AREA_A "020100",
                                &r),
                     USER_ROLES_GOOD);
    assert_int_equal(r.entry[0].role[0], INT16_MIN);
    assert_int_equal(r.entry[0].role[1], INT16_MAX);
    assert_int_equal(read_entry(ROLE_1 "0C04"
                                       "F09F9080" REV_1,
                                &r),
                     USER_ROLES_GOOD);
    assert_string_equal(r.entry[0].area, "\xF0\x9F\x90\x80");
}

struct refusal {
    const char *fields;
    enum user_roles_fault fault;
};

static const struct refusal refusals[] = {
    {"3000" AREA_A REV_1, USER_ROLES_MALFORMED}, /* no role */
    {"3005"
     "0203008000" AREA_A REV_1,
     USER_ROLES_ROLE}, /* 32768 */
    {"3005"
     "0203FF7FFF" AREA_A REV_1,
     USER_ROLES_ROLE},
    {"300B"
     "0209"
     "010000000000000000" AREA_A REV_1,
     USER_ROLES_ROLE},
    {"3004"
     "02020001" AREA_A REV_1,
     USER_ROLES_MALFORMED}, /* not minimal */
    {"3004"
     "0202FFFF" AREA_A REV_1,
     USER_ROLES_MALFORMED},
    {"3002"
     "0200" AREA_A REV_1,
     USER_ROLES_MALFORMED},
    {"3003"
     "0A0101" AREA_A REV_1,
     USER_ROLES_MALFORMED}, /* wrong tag */
    {"3103"
     "020101" AREA_A REV_1,
     USER_ROLES_MALFORMED}, /* SET */
    {ROLE_1 "0C00" REV_1, USER_ROLES_AREA},
    {ROLE_1 "0C01"
            "0A" REV_1,
     USER_ROLES_AREA}, /* control character */
    {ROLE_1 "0C01"
            "00" REV_1,
     USER_ROLES_AREA},
    {ROLE_1 "0C01"
            "7F" REV_1,
     USER_ROLES_AREA},
    {ROLE_1 "0C01"
            "C3" REV_1,
     USER_ROLES_AREA}, /* UTF-8 that ends early */
    {ROLE_1 "0C02"
            "C080" REV_1,
     USER_ROLES_AREA}, /* longer than needed */
    {ROLE_1 "0C02"
            "C285" REV_1,
     USER_ROLES_AREA}, /* C1 control */
    {ROLE_1 "0C03"
            "EDA080" REV_1,
     USER_ROLES_AREA}, /* surrogate */
    {ROLE_1 "0C04"
            "F4908080" REV_1,
     USER_ROLES_AREA}, /* beyond 10FFFF */
    {ROLE_1 "0C01"
            "80" REV_1,
     USER_ROLES_AREA},
    {ROLE_1 "1301"
            "41" REV_1,
     USER_ROLES_MALFORMED}, /* PrintableString */
    {ROLE_1 AREA_A, USER_ROLES_MALFORMED},
    {ROLE_1 AREA_A "02020100", USER_ROLES_REVISION},
    {ROLE_1 AREA_A "0201FF", USER_ROLES_REVISION},
    {ROLE_1 AREA_A REV_1 "0C01"
                         "07",
     USER_ROLES_DEFINITION},
    {ROLE_1 AREA_A REV_1 "0A0100", USER_ROLES_OPERATION},
    {ROLE_1 AREA_A REV_1 "0A0104", USER_ROLES_OPERATION},
    {ROLE_1 AREA_A REV_1 "0A020100", USER_ROLES_OPERATION},
    {ROLE_1 AREA_A REV_1 "0201FF", USER_ROLES_SEQUENCE},
    {ROLE_1 AREA_A REV_1 "0205"
                         "0100000000",
     USER_ROLES_SEQUENCE},
    {ROLE_1 AREA_A REV_1 "0A0101"
                         "0C0141",
     USER_ROLES_MALFORMED}, /* order */
    {ROLE_1 AREA_A REV_1 "020101"
                         "020101",
     USER_ROLES_MALFORMED},
    {ROLE_1 AREA_A REV_1 "0500", USER_ROLES_MALFORMED},
    {AREA_A ROLE_1 REV_1, USER_ROLES_MALFORMED},
    {"308103"
     "020101" AREA_A REV_1,
     USER_ROLES_MALFORMED}, /* length not minimal */
    {"30820003"
     "020101" AREA_A REV_1,
     USER_ROLES_MALFORMED},
    {"3080"
     "020101"
     "0000" AREA_A REV_1,
     USER_ROLES_MALFORMED}, /* indefinite */
    {"3083000003"
     "020101" AREA_A REV_1,
     USER_ROLES_MALFORMED},
    {"30FF"
     "020101" AREA_A REV_1,
     USER_ROLES_MALFORMED},
};

static void test_refused(void **state)
{
    struct user_roles zero, r;

    (void)state;
    memset(&zero, 0, sizeof zero);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        memset(&r, 0xA5, sizeof r);
        if (read_entry(refusals[i].fields, &r) != refusals[i].fault)
            fail_msg("%s: not fault %d", refusals[i].fields, (int)refusals[i].fault);
        assert_memory_equal(&r, &zero, sizeof r);
    }
}

/* Public Go code writes a bare string into this extension; it is no role. */
static void test_misuse(void **state)
{
    struct user_roles r;

    (void)state;
    assert_int_equal(read_hex("0C08"
                              "4F50455241544F52",
                              &r),
                     USER_ROLES_MALFORMED);
    assert_int_equal(read_hex("4F50455241544F52", &r), USER_ROLES_MALFORMED);
    assert_int_equal(read_hex("300A0C08"
                              "4F50455241544F52",
                              &r),
                     USER_ROLES_MALFORMED);
    assert_int_equal(read_hex("", &r), USER_ROLES_MALFORMED);
    assert_int_equal(read_hex("3000", &r), USER_ROLES_MALFORMED);
    assert_int_equal(read_hex("30023000", &r), USER_ROLES_MALFORMED);
}

/* n times the hex. */
static void repeat(const char *hex, size_t n, char *out)
{
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        strcat(out, hex);
}

static void test_sizes(void **state)
{
    static char text[2 * ROOM], field[2 * ROOM], all[3 * ROOM];
    struct user_roles r;

    (void)state;
    for (size_t n = USER_ROLES_AREA_MAX; n <= USER_ROLES_AREA_MAX + 1; n++) {
        repeat("41", n, text);
        wrap("0C", text, field, sizeof field);
        (void)snprintf(all, sizeof all, "%s%s%s", ROLE_1, field, REV_1);
        assert_int_equal(read_entry(all, &r),
                         n == USER_ROLES_AREA_MAX ? USER_ROLES_GOOD : USER_ROLES_AREA);
    }
    for (size_t n = USER_ROLES_DEFINITION_MAX; n <= USER_ROLES_DEFINITION_MAX + 1; n++) {
        repeat("41", n, text);
        wrap("0C", text, field, sizeof field);
        (void)snprintf(all, sizeof all, "%s%s", ROLE_1 AREA_A REV_1, field);
        assert_int_equal(read_entry(all, &r), n == USER_ROLES_DEFINITION_MAX
                                                  ? USER_ROLES_GOOD
                                                  : USER_ROLES_DEFINITION);
    }
    for (size_t n = USER_ROLES_PER_ENTRY; n <= USER_ROLES_PER_ENTRY + 1; n++) {
        repeat("020101", n, text);
        wrap("30", text, field, sizeof field);
        (void)snprintf(all, sizeof all, "%s%s", field, AREA_A REV_1);
        assert_int_equal(read_entry(all, &r), n == USER_ROLES_PER_ENTRY
                                                  ? USER_ROLES_GOOD
                                                  : USER_ROLES_MALFORMED);
    }
    for (size_t n = USER_ROLES_ENTRIES_MAX; n <= USER_ROLES_ENTRIES_MAX + 1; n++) {
        repeat("300B" ROLE_1 AREA_A REV_1, n, text);
        wrap("30", text, all, sizeof all);
        assert_int_equal(read_hex(all, &r), n == USER_ROLES_ENTRIES_MAX
                                                ? USER_ROLES_GOOD
                                                : USER_ROLES_MALFORMED);
    }
}

/* ---- damage ---- */

static void test_prefixes(void **state)
{
    uint8_t p[ROOM];
    const size_t n = octets(FREEIPA, p);
    struct user_roles r;

    (void)state;
    for (size_t i = 0; i < n; i++)
        assert_int_not_equal(read_exactly(p, i, &r), USER_ROLES_GOOD);
    p[n] = 0;
    assert_int_equal(read_exactly(p, n + 1, &r), USER_ROLES_MALFORMED);
}

/* What is taken after one octet has changed differs in the value of a field: the change
 * was in contents, not in tags and lengths.  (The last tag may name another field.) */
static void test_mutations(void **state)
{
    static const uint8_t heads[] = {0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 22, 23, 26, 27, 39};
    uint8_t p[ROOM];
    const size_t n = octets(FREEIPA, p);
    struct user_roles r;
    size_t good = 0;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        const uint8_t was = p[i];
        for (unsigned int v = 0; v < 256; v++) {
            p[i] = (uint8_t)v;
            if (v == was || read_exactly(p, n, &r) != USER_ROLES_GOOD)
                continue;
            good++;
            if (memchr(heads, (int)i, sizeof heads))
                fail_msg("octet %zu may be %02X", i, v);
        }
        p[i] = was;
    }
    assert_true(good > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector),    cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_sizes),     cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_mutations),
    };

    guard_page_open(&page);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
