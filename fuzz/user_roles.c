/* The extension of IEC 62351-8 in a certificate: refused and all zero, or within the
 * bounds of its ASN.1; written again in DER it is the same octets.  What holds on a route
 * is in the extension, and known to the route.
 *
 * Target functions: user_roles_read user_roles_text_good role_set_evaluate role_set_text
 *   role_event_info user_roles_fault_text
 * Options: -max_len=1100
 *
 * Input: an octet for the route's settings, then the extension's value. */
#include "fuzz/lib/fuzz.h"

#include "certs/role_set.h"

#include <string.h>

/* ---- DER, written from the end to the front ---- */

struct writer {
    uint8_t buf[2 * USER_ROLES_DER_MAX];
    size_t at; /* of the first octet */
};

static void put(struct writer *w, const void *p, size_t n)
{
    FUZZ_CHECK(n <= w->at);
    w->at -= n;
    memcpy(w->buf + w->at, p, n);
}

/* Tag and length of the value that ends at `end`. */
static void put_head(struct writer *w, uint8_t tag, size_t end)
{
    const size_t n = end - w->at;
    const uint8_t low = (uint8_t)n, high = (uint8_t)(n >> 8);

    put(w, &low, 1);
    if (n >= 0x100)
        put(w, &high, 1);
    if (n >= 0x80)
        put(w, n >= 0x100 ? "\x82" : "\x81", 1);
    put(w, &tag, 1);
}

static void put_number(struct writer *w, uint8_t tag, int64_t v)
{
    const size_t end = w->at;
    int64_t rest = v;
    uint8_t octet;

    for (int i = 0; i < 8; i++) {
        octet = (uint8_t)rest;
        put(w, &octet, 1);
        rest >>= 8;
        if (rest == (octet >= 0x80 ? -1 : 0))
            break;
    }
    put_head(w, tag, end);
}

static void put_text(struct writer *w, const char *text)
{
    const size_t end = w->at;

    put(w, text, strlen(text));
    put_head(w, 0x0C, end);
}

static void put_entry(struct writer *w, const struct user_role_info *e)
{
    const size_t end = w->at;
    size_t ids;

    if (e->has_sequence)
        put_number(w, 0x02, e->sequence);
    if (e->operation != USER_ROLE_NO_OPERATION)
        put_number(w, 0x0A, e->operation);
    if (e->has_definition)
        put_text(w, e->definition);
    put_number(w, 0x02, e->revision);
    put_text(w, e->area);
    ids = w->at;
    for (size_t i = e->role_count; i > 0; i--)
        put_number(w, 0x02, e->role[i - 1]);
    put_head(w, 0x30, ids);
    put_head(w, 0x30, end);
}

static void check_again(const struct user_roles *r, const uint8_t *der, size_t n)
{
    struct writer w = {.at = sizeof w.buf};

    for (size_t i = r->count; i > 0; i--)
        put_entry(&w, &r->entry[i - 1]);
    put_head(&w, 0x30, sizeof w.buf);
    FUZZ_CHECK(sizeof w.buf - w.at == n);
    FUZZ_CHECK(memcmp(w.buf + w.at, der, n) == 0);
}

/* ---- bounds ---- */

static void check_text(const char *text, size_t cap)
{
    const size_t n = strnlen(text, cap);

    FUZZ_CHECK(n < cap);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK((uint8_t)text[i] >= 0x20 && text[i] != 0x7F);
}

static void check_entry(const struct user_role_info *e)
{
    FUZZ_CHECK(e->role_count >= 1 && e->role_count <= USER_ROLES_PER_ENTRY);
    FUZZ_CHECK(e->area[0] != '\0');
    check_text(e->area, sizeof e->area);
    check_text(e->definition, sizeof e->definition);
    FUZZ_CHECK(e->operation <= USER_ROLE_CHANGE);
}

/* ---- what holds ---- */

static bool carried(const struct user_roles *r, int16_t role)
{
    for (size_t i = 0; i < r->count; i++)
        for (size_t k = 0; k < r->entry[i].role_count; k++)
            if (r->entry[i].role[k] == role &&
                r->entry[i].operation != USER_ROLE_DELETE &&
                strcmp(r->entry[i].area, "rtu-7") == 0)
                return true;
    return false;
}

static void check_set(const struct role_settings *s, const struct role_set *set,
                      const struct user_roles *r)
{
    char text[ROLE_SET_TEXT_MAX];

    FUZZ_CHECK(set->count <= ROLE_SET_MAX);
    for (size_t i = 0; i < set->count; i++) {
        FUZZ_CHECK(set->held[i].role == -2 ||
                   (set->held[i].role >= 0 && set->held[i].role <= 6));
        FUZZ_CHECK(set->held[i].role >= 0 || s->named_count == 1);
        FUZZ_CHECK(carried(r, set->held[i].role));
    }
    FUZZ_CHECK(set->events >> ROLE_EVENTS == 0);
    for (unsigned int e = 0; e < ROLE_EVENTS; e++)
        FUZZ_CHECK(role_event_info(e)->number[0] == '1');
    role_set_text(s, set, text);
    check_text(text, sizeof text);
    FUZZ_CHECK((strcmp(text, "none") == 0) == (set->count == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct user_roles none;
    struct role_settings s = {.area_count = 1, .area = {"rtu-7"}};
    enum user_roles_fault fault;
    struct user_roles r;
    struct role_set set;

    if (size == 0)
        return 0;
    s.has_revision = data[0] & 1;
    s.revision = data[0] >> 4;
    s.named_count = data[0] >> 1 & 1;
    s.named[0] = (struct role_private){-2, "AGGREGATOR"};
    /* The default is for certificates without the extension. */
    s.has_default = true;
    s.default_role = 6;
    memset(&r, 0xA5, sizeof r);
    fault = user_roles_read(data + 1, size - 1, &r);
    role_set_evaluate(&s, ROLE_TOKEN_ONE, data + 1, size - 1, &set);
    check_set(&s, &set, &r);
    FUZZ_CHECK(set.malformed == (fault != USER_ROLES_GOOD));
    FUZZ_CHECK((user_roles_fault_text(fault)[0] == '\0') == (fault == USER_ROLES_GOOD));
    if (fault != USER_ROLES_GOOD) {
        FUZZ_CHECK(memcmp(&r, &none, sizeof r) == 0);
        FUZZ_CHECK(set.count == 0 && set.events != 0);
        return 0;
    }
    FUZZ_CHECK(r.count >= 1 && r.count <= USER_ROLES_ENTRIES_MAX);
    for (size_t i = 0; i < r.count; i++)
        check_entry(&r.entry[i]);
    check_again(&r, data + 1, size - 1);
    return 0;
}
