#include "certs/user_roles.h"

#include <string.h>

/* X.690 identifier octets: universal class. */
enum tag {
    TAG_INTEGER = 0x02,
    TAG_ENUMERATED = 0x0A,
    TAG_UTF8STRING = 0x0C,
    TAG_SEQUENCE = 0x30,
};

/* What is left of the contents of one value. */
struct der {
    const uint8_t *p;
    size_t n;
};

static bool next_is(const struct der *d, enum tag tag)
{
    return d->n > 0 && d->p[0] == tag;
}

/* Takes a value with this tag: its contents go to `out`.  X.690 10.1: the length is
 * definite and in the fewest octets; two of them hold all there can be here. */
static bool take(struct der *d, enum tag tag, struct der *out)
{
    size_t head = 2, size;

    if (d->n < 2 || d->p[0] != tag)
        return false;
    size = d->p[1];
    if (size >= 0x80) {
        const size_t octets = size & 0x7F;

        if (octets < 1 || octets > 2 || d->n < 2 + octets)
            return false;
        size = octets == 1 ? d->p[2] : (size_t)d->p[2] << 8 | d->p[3];
        if (size < (octets == 1 ? 0x80u : 0x100u))
            return false;
        head += octets;
    }
    if (size > d->n - head)
        return false;
    *out = (struct der){d->p + head, size};
    d->p += head + size;
    d->n -= head + size;
    return true;
}

/* An INTEGER or ENUMERATED of any size.  X.690 8.3.2: in the fewest octets.  `fits` is
 * false for what 64 bits do not hold. */
static bool take_number(struct der *d, enum tag tag, int64_t *v, bool *fits)
{
    struct der c;
    uint64_t bits;

    if (!take(d, tag, &c) || c.n == 0)
        return false;
    if (c.n > 1 &&
        ((c.p[0] == 0x00 && c.p[1] < 0x80) || (c.p[0] == 0xFF && c.p[1] >= 0x80)))
        return false;
    bits = c.p[0] >= 0x80 ? UINT64_MAX : 0;
    *fits = c.n <= sizeof bits;
    for (size_t i = 0; i < c.n && *fits; i++)
        bits = bits << 8 | c.p[i];
    memcpy(v, &bits, sizeof *v);
    return true;
}

/* A number of min..max; `fault` for one outside. */
static enum user_roles_fault take_range(struct der *d, enum tag tag, int64_t min,
                                        int64_t max, enum user_roles_fault fault,
                                        int64_t *v)
{
    bool fits;

    if (!take_number(d, tag, v, &fits))
        return USER_ROLES_MALFORMED;
    return fits && *v >= min && *v <= max ? USER_ROLES_GOOD : fault;
}

/* ---- text ---- */

/* Octets of the UTF-8 letter at p, of which n > 0 are there; 0 if it is none. */
static size_t letter(const uint8_t *p, size_t n)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t size = p[0] < 0x80   ? 1
                        : p[0] < 0xC0 ? 0
                        : p[0] < 0xE0 ? 2
                        : p[0] < 0xF0 ? 3
                                      : 4;
    uint32_t c;

    if (size == 1)
        return p[0] >= 0x20 && p[0] != 0x7F ? 1 : 0;
    if (size == 0 || size > n || p[0] > 0xF4)
        return 0;
    c = p[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (c < smallest[size] || c < 0xA0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    return size;
}

bool user_roles_text_good(const uint8_t *p, size_t n)
{
    size_t at = 0;

    while (at < n) { /* every turn takes at least an octet */
        const size_t size = letter(p + at, n - at);

        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

static enum user_roles_fault take_text(struct der *d, size_t min, size_t max,
                                       enum user_roles_fault fault, char *out)
{
    struct der c;

    if (!take(d, TAG_UTF8STRING, &c))
        return USER_ROLES_MALFORMED;
    if (c.n < min || c.n > max || !user_roles_text_good(c.p, c.n))
        return fault;
    memcpy(out, c.p, c.n);
    out[c.n] = '\0';
    return USER_ROLES_GOOD;
}

/* ---- the structure ---- */

static enum user_roles_fault take_role_ids(struct der *d, struct user_role_info *e)
{
    enum user_roles_fault fault = USER_ROLES_GOOD;
    struct der ids;
    int64_t v;

    if (!take(d, TAG_SEQUENCE, &ids) || ids.n == 0)
        return USER_ROLES_MALFORMED;
    while (ids.n > 0 && fault == USER_ROLES_GOOD) { /* at most USER_ROLES_PER_ENTRY */
        if (e->role_count == USER_ROLES_PER_ENTRY)
            return USER_ROLES_MALFORMED;
        fault = take_range(&ids, TAG_INTEGER, INT16_MIN, INT16_MAX, USER_ROLES_ROLE, &v);
        if (fault == USER_ROLES_GOOD)
            e->role[e->role_count++] = (int16_t)v;
    }
    return fault;
}

/* The tags are universal, so they tell which of the optional fields are there. */
static enum user_roles_fault take_optional(struct der *d, struct user_role_info *e)
{
    enum user_roles_fault fault = USER_ROLES_GOOD;
    int64_t v = 0;

    e->has_definition = next_is(d, TAG_UTF8STRING);
    if (e->has_definition)
        fault = take_text(d, 0, USER_ROLES_DEFINITION_MAX, USER_ROLES_DEFINITION,
                          e->definition);
    if (fault == USER_ROLES_GOOD && next_is(d, TAG_ENUMERATED)) {
        fault = take_range(d, TAG_ENUMERATED, USER_ROLE_ADD, USER_ROLE_CHANGE,
                           USER_ROLES_OPERATION, &v);
        e->operation = (enum user_role_operation)v;
    }
    e->has_sequence = fault == USER_ROLES_GOOD && next_is(d, TAG_INTEGER);
    if (e->has_sequence) {
        fault = take_range(d, TAG_INTEGER, 0, UINT32_MAX, USER_ROLES_SEQUENCE, &v);
        e->sequence = (uint32_t)v;
    }
    return fault;
}

static enum user_roles_fault take_entry(struct der *d, struct user_role_info *e)
{
    enum user_roles_fault fault;
    struct der c;
    int64_t v = 0;

    if (!take(d, TAG_SEQUENCE, &c))
        return USER_ROLES_MALFORMED;
    fault = take_role_ids(&c, e);
    if (fault == USER_ROLES_GOOD)
        fault = take_text(&c, 1, USER_ROLES_AREA_MAX, USER_ROLES_AREA, e->area);
    if (fault == USER_ROLES_GOOD)
        fault = take_range(&c, TAG_INTEGER, 0, UINT8_MAX, USER_ROLES_REVISION, &v);
    e->revision = (uint8_t)v;
    if (fault == USER_ROLES_GOOD)
        fault = take_optional(&c, e);
    return fault == USER_ROLES_GOOD && c.n > 0 ? USER_ROLES_MALFORMED : fault;
}

static enum user_roles_fault read_all(const uint8_t *der, size_t n,
                                      struct user_roles *out)
{
    enum user_roles_fault fault = USER_ROLES_GOOD;
    struct der whole = {der, n};
    struct der entries;

    if (n > USER_ROLES_DER_MAX || !take(&whole, TAG_SEQUENCE, &entries) || whole.n > 0 ||
        entries.n == 0)
        return USER_ROLES_MALFORMED;
    while (entries.n > 0 && fault == USER_ROLES_GOOD) { /* USER_ROLES_ENTRIES_MAX */
        if (out->count == USER_ROLES_ENTRIES_MAX)
            return USER_ROLES_MALFORMED;
        fault = take_entry(&entries, &out->entry[out->count++]);
    }
    return fault;
}

enum user_roles_fault user_roles_read(const uint8_t *der, size_t n,
                                      struct user_roles *out)
{
    enum user_roles_fault fault;

    memset(out, 0, sizeof *out);
    fault = read_all(der, n, out);
    if (fault != USER_ROLES_GOOD)
        memset(out, 0, sizeof *out);
    return fault;
}

const char *user_roles_fault_text(enum user_roles_fault fault)
{
    static const char *const text[USER_ROLES_FAULTS] = {
        [USER_ROLES_GOOD] = "",
        [USER_ROLES_MALFORMED] = "it is not IECUserRoles in DER",
        [USER_ROLES_ROLE] = "a role id is out of range",
        [USER_ROLES_AREA] = "an area of responsibility is empty, too long or no text",
        [USER_ROLES_REVISION] = "a revision is out of range",
        [USER_ROLES_DEFINITION] = "a role definition is too long or no text",
        [USER_ROLES_OPERATION] = "an operation is not add, delete or change",
        [USER_ROLES_SEQUENCE] = "a sequence number is out of range",
    };

    return (size_t)fault < USER_ROLES_FAULTS ? text[fault] : text[USER_ROLES_MALFORMED];
}
