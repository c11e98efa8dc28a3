/* Every reason: a frame that gives it, and one that just misses it. */
#include "policy/apci.h"
#include "policy/asdu.h"
#include "proxy/link.h"
#include "tests/lib/guard_page.h"
#include "tests/lib/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 512

/* Who sent an ASDU, and to which route. */
enum from { C, M, CP, MP, C1, M1 };

struct asdu_pair {
    enum reason reason;
    uint16_t offset;
    enum from from;
    const char *hex;
    enum from near_from;
    const char *near;
    enum reason near_reason;
    uint16_t near_offset;
};

struct apci_pair {
    enum reason reason;
    uint16_t offset;
    const char *hex, *near;
};

struct side {
    uint16_t k;
    const char *before, *leg, *hex;
};

struct link_pair {
    enum reason reason;
    struct side bad, near;
};

#define STREAM(reason, offset, hex, near)
#define FRAME(reason, offset, hex, near)
#define ASDU(reason, offset, from, hex, near_from, near, near_reason, near_offset)
#define LINK(reason, k, before, leg, hex, near_k, near_before, near_leg, near_hex)
#define FIRST(reason, offset, from, hex)
#define ELSEWHERE(reason, file)

static const struct asdu_pair ASDUS[] = {
#undef ASDU
#define ASDU(reason, offset, from, hex, near_from, near, near_reason, near_offset)       \
    {REASON_##reason,      offset,     from, hex, near_from, near,                       \
     REASON_##near_reason, near_offset},
#include "tests/unit/reason_pairs.def"
#undef ASDU
#define ASDU(reason, offset, from, hex, near_from, near, near_reason, near_offset)
};

static const struct apci_pair STREAMS[] = {
#undef STREAM
#define STREAM(reason, offset, hex, near) {REASON_##reason, offset, hex, near},
#include "tests/unit/reason_pairs.def"
#undef STREAM
#define STREAM(reason, offset, hex, near)
};

static const struct apci_pair FRAMES[] = {
#undef FRAME
#define FRAME(reason, offset, hex, near) {REASON_##reason, offset, hex, near},
#include "tests/unit/reason_pairs.def"
#undef FRAME
#define FRAME(reason, offset, hex, near)
};

static const struct link_pair LINKS[] = {
#undef LINK
#define LINK(reason, k, before, leg, hex, near_k, near_before, near_leg, near_hex)       \
    {REASON_##reason, {k, before, leg, hex}, {near_k, near_before, near_leg, near_hex}},
#include "tests/unit/reason_pairs.def"
#undef LINK
#define LINK(reason, k, before, leg, hex, near_k, near_before, near_leg, near_hex)
};

static const struct first {
    enum reason reason;
    uint16_t offset;
    enum from from;
    const char *hex;
} FIRSTS[] = {
#undef FIRST
#define FIRST(reason, offset, from, hex) {REASON_##reason, offset, from, hex},
#include "tests/unit/reason_pairs.def"
#undef FIRST
#define FIRST(reason, offset, from, hex)
};

static const struct elsewhere {
    enum reason reason;
    const char *file;
} ELSEWHERES[] = {
#undef ELSEWHERE
#define ELSEWHERE(reason, file) {REASON_##reason, file},
#include "tests/unit/reason_pairs.def"
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct guard_page guard;

/* ---- how near is near ---- */

/* The same octets, or all but one: another, one more, one less. */
static bool is_one_apart(const char *a, const char *b, bool *same)
{
    uint8_t x[ROOM], y[ROOM];
    const size_t n = hex_octets(a, x, ROOM), m = hex_octets(b, y, ROOM);
    size_t head = 0, tail = 0;

    *same = n == m && memcmp(x, y, n) == 0;
    while (head < n && head < m && x[head] == y[head])
        head++;
    while (tail + head < n && tail + head < m && x[n - 1 - tail] == y[m - 1 - tail])
        tail++;
    return n - head - tail <= 1 && m - head - tail <= 1;
}

static void need_near(size_t row, const char *a, const char *b, unsigned int others)
{
    bool same;
    const bool near = is_one_apart(a, b, &same);

    if (!near || others + (same ? 0 : 1) != 1)
        fail_msg("row %zu: not near: %s | %s", row, a, b);
}

static void expect(size_t row, const char *hex, struct verdict v, enum reason reason,
                   uint16_t offset)
{
    if (v.reason != reason || v.offset != offset)
        fail_msg("row %zu: %s: %s at %u, not %s at %u", row, hex, reason_name(v.reason),
                 v.offset, reason_name(reason), offset);
}

/* ---- ASDUs ---- */

static struct verdict judge_asdu(const char *hex, enum from from, uint32_t quirks)
{
    uint8_t octets[ROOM];
    const size_t n = hex_octets(hex, octets, ROOM);
    const bool one = from == C1 || from == M1;
    struct profile p = {.cot_size = one ? 1 : 2, .ca_size = one ? 1 : 2};
    struct asdu a;

    p.ioa_size = one ? 1 : 3;
    if (from == CP || from == MP)
        assert_true(profile_allow(&p, QUIRK_SECAUTH, DIR_CONTROL));
    for (int dir = 0; dir < DIRECTIONS; dir++)
        p.quirks[dir] |= quirks & quirk_set_of((enum direction)dir);
    return asdu_parse(guard_page_put(&guard, octets, n), n,
                      from == C || from == CP || from == C1 ? DIR_CONTROL : DIR_MONITOR,
                      &p, &a);
}

static void test_asdus(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ASDUS); i++) {
        const struct asdu_pair *p = &ASDUS[i];
        need_near(i, p->hex, p->near, p->from != p->near_from);
        expect(i, p->hex, judge_asdu(p->hex, p->from, 0), p->reason, p->offset);
        expect(i, p->near, judge_asdu(p->near, p->near_from, 0), p->near_reason,
               p->near_offset);
        assert_false(p->reason == p->near_reason && p->offset == p->near_offset);
    }
}

/* The quirk that a verdict names lets this fault pass; where none is named, all of them
 * together do not.  None is for structure. */
static void test_asdus_and_quirks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ASDUS); i++) {
        const struct asdu_pair *p = &ASDUS[i];
        const struct verdict v = judge_asdu(p->hex, p->from, 0);
        const uint32_t quirks = v.quirk != QUIRK_NONE ? QUIRK_BIT(v.quirk) : UINT32_MAX;
        const struct verdict w = judge_asdu(p->hex, p->from, quirks);
        if (v.quirk == QUIRK_NONE)
            expect(i, p->hex, w, p->reason, p->offset);
        else
            expect(i, p->hex, w, REASON_OK, 0);
        assert_true(v.quirk == QUIRK_NONE ||
                    reason_info(p->reason)->class == REASON_CLASS_MEANING);
    }
}

static void test_first_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(FIRSTS); i++)
        expect(i, FIRSTS[i].hex, judge_asdu(FIRSTS[i].hex, FIRSTS[i].from, 0),
               FIRSTS[i].reason, FIRSTS[i].offset);
}

/* ---- frames ---- */

static struct verdict scan(const char *hex)
{
    uint8_t octets[ROOM];
    const size_t n = hex_octets(hex, octets, ROOM);
    size_t size;

    return apci_scan(guard_page_put(&guard, octets, n), n, &size);
}

static struct verdict parse(const char *hex)
{
    uint8_t octets[ROOM];
    const size_t n = hex_octets(hex, octets, ROOM);
    struct apci a;

    return apci_parse(guard_page_put(&guard, octets, n), n, &a);
}

static void test_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(STREAMS); i++) {
        need_near(i, STREAMS[i].hex, STREAMS[i].near, 0);
        expect(i, STREAMS[i].hex, scan(STREAMS[i].hex), STREAMS[i].reason,
               STREAMS[i].offset);
        expect(i, STREAMS[i].near, scan(STREAMS[i].near), REASON_OK, 0);
    }
    for (size_t i = 0; i < COUNT(FRAMES); i++) {
        need_near(i, FRAMES[i].hex, FRAMES[i].near, 0);
        expect(i, FRAMES[i].hex, parse(FRAMES[i].hex), FRAMES[i].reason,
               FRAMES[i].offset);
        expect(i, FRAMES[i].near, parse(FRAMES[i].near), REASON_OK, 0);
    }
}

/* ---- the link ---- */

static struct verdict arrive(struct link *link, char leg, const char *hex)
{
    uint8_t octets[ROOM];
    const size_t n = hex_octets(hex, octets, ROOM);

    return link_receive(link, leg == 'm' ? LEG_MASTER : LEG_STATION, octets, n);
}

/* All that can leave leaves. */
static void settle(struct link *link)
{
    for (int leg = 0; leg < LINK_LEGS; leg++) {
        struct link_frame frame;
        const uint8_t *octets;
        size_t size;
        while (link_next(link, (enum link_leg)leg, &frame)) {
            const struct link_decision d = {.ticket = frame.ticket, .verb = LINK_FORWARD};
            assert_true(link_decide(link, (enum link_leg)leg, &d));
        }
        for (int out = 0; out < LINK_LEGS; out++) {
            link_output(link, (enum link_leg)out, &octets, &size);
            link_output_consumed(link, (enum link_leg)out, size);
        }
    }
}

static struct verdict judge_link(const struct side *side)
{
    const struct link_config config = {.k = side->k, .output_size = LINK_OUTPUT_MIN};
    const size_t size = link_memory_size(&config);
    void *memory = malloc(size);
    struct link *link = link_init(&config, memory, size);
    char before[ROOM], *rest = NULL;

    assert_non_null(link);
    snprintf(before, sizeof before, "%s", side->before);
    for (char *w = strtok_r(before, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        assert_int_equal(arrive(link, w[0], w + 1).reason, REASON_OK);
        settle(link);
    }
    const struct verdict v = arrive(link, side->leg[0], side->hex);
    free(memory);
    return v;
}

static void test_link(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(LINKS); i++) {
        const struct side *bad = &LINKS[i].bad, *near = &LINKS[i].near;
        const unsigned int others = (bad->k != near->k) +
                                    (strcmp(bad->before, near->before) != 0) +
                                    (strcmp(bad->leg, near->leg) != 0);
        need_near(i, bad->hex, near->hex, others);
        assert_int_equal(judge_link(bad).reason, LINKS[i].reason);
        assert_int_equal(judge_link(near).reason, REASON_OK);
    }
}

/* ---- none is missing ---- */

static void test_every_reason_has_a_pair(void **state)
{
    (void)state;
    for (unsigned int id = 1; id < 256; id++) {
        size_t pairs = 0;
        if (reason_info(id) == NULL)
            continue;
        for (size_t i = 0; i < COUNT(ASDUS); i++)
            pairs += (unsigned int)ASDUS[i].reason == id;
        for (size_t i = 0; i < COUNT(STREAMS); i++)
            pairs += (unsigned int)STREAMS[i].reason == id;
        for (size_t i = 0; i < COUNT(FRAMES); i++)
            pairs += (unsigned int)FRAMES[i].reason == id;
        for (size_t i = 0; i < COUNT(LINKS); i++)
            pairs += (unsigned int)LINKS[i].reason == id;
        for (size_t i = 0; i < COUNT(ELSEWHERES); i++)
            pairs += (unsigned int)ELSEWHERES[i].reason == id &&
                     strlen(ELSEWHERES[i].file) > 0;
        if (pairs == 0)
            fail_msg("no pair for %s", reason_name(id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asdus),
        cmocka_unit_test(test_asdus_and_quirks),
        cmocka_unit_test(test_first_fault),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_every_reason_has_a_pair),
    };
    guard_page_open(&guard);
    const int failed = cmocka_run_group_tests_name("reason pairs", tests, NULL, NULL);
    guard_page_close(&guard);
    return failed;
}
