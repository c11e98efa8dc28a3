#include "fuzz/lib/policy_probe.h"

#include "fuzz/lib/fuzz.h"
#include "fuzz/lib/policy_naive.h"

#include <string.h>

#define RULES_PROBED  12u
#define RANGES_PROBED 3u
#define EDGES_MAX     (2u + 4u * RANGES_PROBED)
#define OBJECTS       3u

struct edges {
    size_t count;
    uint32_t at[EDGES_MAX];
};

static void add_edge(struct edges *e, uint32_t v, uint32_t max)
{
    if (v <= max)
        e->at[e->count++] = v;
}

/* Both ends of the first ranges, what lies before and behind them, and both extremes. */
static void find_edges(struct edges *e, const uint8_t *ranges, size_t count,
                       size_t octets, uint32_t max)
{
    e->count = 0;
    add_edge(e, 0, max);
    add_edge(e, max, max);
    for (size_t i = 0; i < count && i < RANGES_PROBED; i++, ranges += 2 * octets) {
        const uint8_t *end = ranges + octets;
        const uint32_t first = octets == 2 ? fuzz_get16(ranges) : fuzz_get32(ranges);
        const uint32_t last = octets == 2 ? fuzz_get16(end) : fuzz_get32(end);
        add_edge(e, first - 1, max);
        add_edge(e, first, max);
        add_edge(e, last, max);
        add_edge(e, last + 1, max);
    }
}

/* The same of the first areas of a rule, and the ranges of all of them. */
static void find_places(struct edges *ca, struct edges *ioa, const struct naive_rule *r)
{
    const uint8_t *ranges = r->areas + 7 * r->area_count;

    ca->count = 0;
    for (size_t i = 0; i < r->area_count && i < RANGES_PROBED; i++) {
        const uint32_t at = fuzz_get16(r->areas + 7 * i + 1);
        add_edge(ca, at - 1, 65535);
        add_edge(ca, at, 65535);
        add_edge(ca, at + 1, 65535);
    }
    find_edges(ioa, ranges, fuzz_get32(r->areas + 3), 4, ASDU_IOA_MAX);
}

/* The nearest number a float can hold; the elements of all types with a value begin with
 * it or with its octets.  Without bounds, octets that are qualifiers of all kinds. */
static void fill_elements(uint8_t *p, size_t n, const uint8_t *bounds, uint8_t other)
{
    double v;
    float f;

    memset(p, bounds == NULL ? other : 0, n);
    if (bounds == NULL || n == 0)
        return;
    memcpy(&v, bounds, sizeof v);
    if (v >= -3e38 && v <= 3e38) {
        f = (float)v;
        memcpy(p, &f, n < sizeof f ? n : sizeof f);
    }
    if (n < sizeof f && v >= -32768 && v <= 32767) {
        const int16_t small = (int16_t)(v >= -1 && v < 1 ? v * 32768 : v);
        memcpy(p, &small, n < sizeof small ? n : sizeof small);
    }
}

/* An ASDU of one object, or of three that count up where the type allows. */
static void ask(const uint8_t *blob, const struct policy *p, const struct naive_rule *r,
                uint8_t type, uint32_t ca, uint32_t ioa)
{
    const struct type_info *info = type_info(type);
    static const uint8_t causes[] = {6, 8, 3, 20};
    uint8_t octets[9 + OBJECTS * 20] = {type,        1,           causes[ioa % 4],
                                        ioa / 4 % 3, (uint8_t)ca, (uint8_t)(ca >> 8)};
    const size_t count = (info->sq & TYPE_SQ_1) != 0 && !info->single ? OBJECTS : 1;
    struct asdu a;

    for (size_t i = 0; i < 3; i++)
        octets[6 + i] = (uint8_t)(ioa >> 8 * i);
    octets[1] = (uint8_t)(count > 1 ? 0x80 | count : 1);
    for (size_t i = 0; i < count; i++)
        fill_elements(octets + 9 + i * info->size, info->size,
                      r->value == NULL ? NULL : r->value + 8 * (i % 2),
                      (uint8_t)(ioa * 37));
    if (type == 125)
        octets[12] = 0;
    /* Rules may speak of types that only a quirk lets through. */
    struct profile lenient = PROFILE_104;
    for (unsigned int dir = 0; dir < DIRECTIONS; dir++)
        lenient.quirks[dir] = quirk_set_of((enum direction)dir);
    (void)asdu_parse(octets, 9 + count * info->size, DIR_MONITOR, &lenient, &a);
    FUZZ_CHECK(a.objects != NULL);
    naive_compare(blob, p, DIR_CONTROL, &a);
    naive_compare(blob, p, DIR_MONITOR, &a);
}

static void probe_rule(const uint8_t *blob, const struct policy *p,
                       const struct naive_rule *r, unsigned int skip)
{
    struct edges ca, ioa;

    find_edges(&ca, r->ca, r->ca_count, 2, 65535);
    find_edges(&ioa, r->ioa, r->ioa_count, 4, ASDU_IOA_MAX);
    if (r->areas != NULL)
        find_places(&ca, &ioa, r);
    for (unsigned int id = 0; id < 256; id++) {
        if ((r->types[id / 8] >> id % 8 & 1) == 0 || skip-- > 0)
            continue;
        for (size_t i = 0; i < ca.count; i++)
            for (size_t k = 0; k < ioa.count; k++)
                ask(blob, p, r, (uint8_t)id, ca.at[i], ioa.at[k]);
        return;
    }
}

static void check_ranges(const uint8_t *r, size_t count, size_t octets, uint32_t max)
{
    uint32_t next = 0; /* the smallest number that may come */

    for (size_t i = 0; i < count; i++, r += 2 * octets) {
        const uint8_t *end = r + octets;
        const uint32_t first = octets == 2 ? fuzz_get16(r) : fuzz_get32(r);
        const uint32_t last = octets == 2 ? fuzz_get16(end) : fuzz_get32(end);
        FUZZ_CHECK(first >= next && first <= last && last <= max);
        next = last + 1;
    }
}

static void check_rule(const struct policy *p, size_t i, const struct naive_rule *r)
{
    const char *name = policy_rule_name(p, (int32_t)i);

    check_ranges(r->ca, r->ca_count, 2, ASDU_CA_ALL);
    check_ranges(r->ioa, r->ioa_count, 4, ASDU_IOA_MAX);

    FUZZ_CHECK(strlen(name) == r->name_size && r->name_size <= POLICY_NAME_MAX);
    FUZZ_CHECK(memcmp(name, r->name, r->name_size) == 0);
}

void policy_probe(const uint8_t *blob, size_t n, const struct policy *p)
{
    struct policy_stats stats;
    size_t at = NAIVE_FIRST;

    policy_stats(p, &stats);
    FUZZ_CHECK(policy_rule_count(p) == naive_count(blob));
    FUZZ_CHECK(stats.rules == naive_count(blob) && stats.indexes <= 2 * TYPE_COUNT);
    FUZZ_CHECK((uint8_t)policy_default(p, DIR_CONTROL) == blob[12]);
    FUZZ_CHECK((uint8_t)policy_default(p, DIR_MONITOR) == blob[13]);
    for (size_t i = 0; i < naive_count(blob); i++) {
        const struct naive_rule r = naive_read(blob, &at);
        FUZZ_CHECK(at <= n);
        check_rule(p, i, &r);
        if (i < RULES_PROBED) {
            probe_rule(blob, p, &r, 0);
            probe_rule(blob, p, &r, blob[at - 1] % 8u);
        }
    }
    /* Or a section follows, see policy/policy_private.h. */
    FUZZ_CHECK(at == n || blob[at] == 1 || blob[at] == 2);
}
