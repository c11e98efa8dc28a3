#include "policy/secauth.h"

#include "policy/acsl.h"
#include "policy/asdu_private.h"

#define SEGMENT_FIN  0x80u
#define SEGMENT_FIR  0x40u
#define SEGMENT_BOTH (SEGMENT_FIN | SEGMENT_FIR)
#define AR_TAIL      6u /* challenge sequence number and user, before the MAC */
#define MAC_MIN      4u /* HMAC-SHA-1 cut to 4 octets */
#define MAC_MAX      64u
#define LENGTHS_MAX  3u

/* `fixed` octets, then as many as the little endian lengths of two octets at `length`
 * (counted from the first of them; 0 ends the list) say, then the rest. */
struct layout {
    uint8_t type_id;
    bool segmented; /* begins with the segmentation octet */
    uint8_t fixed;
    uint8_t length[LENGTHS_MAX];
    uint8_t rest_min, rest_max;
    bool rest_optional; /* no octet at all is right, too */
};

#define REST_NOTHING        0, 0, false
#define REST_MAC            MAC_MIN, MAC_MAX, false
#define REST_MAC_OR_NOTHING MAC_MIN, MAC_MAX, true
#define REST_ANY            1, ASDU_SIZE_MAX, false

/* All but S_AR_NA_1 (83), which holds an ASDU. */
static const struct layout LAYOUTS[] = {
    {81, true, 10, {8}, REST_NOTHING},          /* challenge */
    {82, true, 8, {6}, REST_NOTHING},           /* reply */
    {84, false, 2, {0}, REST_NOTHING},          /* key status request */
    {85, true, 11, {9}, REST_MAC_OR_NOTHING},   /* key status */
    {86, true, 8, {6}, REST_NOTHING},           /* session key change */
    {87, true, 22, {20}, REST_NOTHING},         /* error */
    {90, true, 16, {10, 12, 14}, REST_NOTHING}, /* user status change */
    {91, true, 5, {1, 3}, REST_NOTHING},        /* update key change request */
    {92, true, 8, {6}, REST_NOTHING},           /* update key change reply */
    {93, true, 8, {6}, REST_MAC},               /* update key, symmetric */
    {94, true, 8, {6}, REST_ANY},               /* update key, asymmetric: a signature */
    {95, true, 0, {0}, REST_MAC},               /* update key confirmation */
};
#define LAYOUTS_N (sizeof LAYOUTS / sizeof LAYOUTS[0])

/* The lengths lie in the fixed octets. */
/*@ predicate layout_sound(struct layout *l) =
      \forall integer i; 0 <= i < 3 && l->length[i] != 0 ==> l->length[i] + 1 < l->fixed;
 */

/* The n octets at p are all but the header and the segmentation octet. */
/*@ requires judging(j) && n <= 249 && at <= 7 && \valid_read(p + (0 .. n - 1));
    requires \valid_read(layout) && layout_sound(layout);
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures kept: j->tolerated == \old(j->tolerated); */
static bool check_layout(struct judgement *j, const struct layout *layout,
                         const uint8_t *p, size_t n, size_t at)
{
    size_t told = layout->fixed;

    if (n < told)
        return judgement_fault(j, REASON_SHORT, at + n, QUIRK_NONE);
    /*@ loop invariant 0 <= i <= 3 && layout->fixed <= told <= layout->fixed + i * 65535;
        loop assigns i, told;
        loop variant 3 - i; */
    for (size_t i = 0; i < LENGTHS_MAX && layout->length[i] != 0; i++)
        told += p[layout->length[i]] + 256u * p[layout->length[i] + 1u];
    if (n < told)
        return judgement_fault(j, REASON_SHORT, at + n, QUIRK_NONE);

    const size_t rest = n - told;
    if (rest > layout->rest_max)
        return judgement_fault(j, REASON_TRAILING, at + told + layout->rest_max,
                               QUIRK_NONE);
    if (rest >= layout->rest_min || (rest == 0 && layout->rest_optional))
        return false;
    return judgement_fault(j, REASON_SHORT, at + n, QUIRK_NONE);
}

/*@ assigns \nothing;
    ensures \result != \null ==> \valid_read(\result) && layout_sound(\result); */
static const struct layout *layout_of(uint8_t type_id)
{
    /*@ loop invariant 0 <= i <= 12;
        loop assigns i;
        loop variant 12 - i; */
    for (size_t i = 0; i < LAYOUTS_N; i++) {
        /*@ assert ACSL_UP_TO_11(i); */
        if (LAYOUTS[i].type_id == type_id)
            return &LAYOUTS[i];
    }
    return NULL;
}

/* The protected ASDU whole, then sequence number, user and MAC. */
/*@ requires judging(j) && n <= 249 && at <= 7 && \valid_read(p + (0 .. n - 1));
    requires \valid_read(profile) && sizes_legal(profile) && \valid(a);
    requires \separated(j, a) && \separated(j, profile) && \separated(a, profile);
    requires \separated(j, p + (0 .. n - 1)) && \separated(a, p + (0 .. n - 1));
    requires a->inner == \null;
    assigns j->tolerated, j->fault, a->inner, a->inner_size;
    ensures judged{Pre, Post}(j, \result);
    ensures kept: j->tolerated == \old(j->tolerated);
    ensures inner: a->inner != \null ==> a->inner == p && a->inner_size + 10 <= n;
    ensures told: a->inner != \null && a->inner_size != 0 ==>
      type_known(p[0]) && has_objects(&TYPE_TABLE[p[0]]) &&
      a->inner_size == octets_told(p, n, &TYPE_TABLE[p[0]], profile); */
static bool check_aggressive(struct judgement *j, const uint8_t *p, size_t n, size_t at,
                             const struct profile *profile, struct asdu *a)
{
    const size_t inner = asdu_size_told(p, n, profile);

    if (inner == 0 && n >= 2)
        return judgement_fault(j, REASON_BAD_TYPE, at, QUIRK_NONE);
    if (n < inner + AR_TAIL + MAC_MIN)
        return judgement_fault(j, REASON_SHORT, at + n, QUIRK_NONE);
    if (n > inner + AR_TAIL + MAC_MAX)
        return judgement_fault(j, REASON_TRAILING, at + inner + AR_TAIL + MAC_MAX,
                               QUIRK_NONE);
    a->inner = p;
    a->inner_size = inner;
    return false;
}

bool secauth_check(struct judgement *j, const uint8_t *p, size_t n, size_t header,
                   const struct profile *profile, struct asdu *a)
{
    const struct layout *layout = layout_of(a->type_id);
    const bool segmented = layout == NULL || layout->segmented;
    const size_t at = header + (segmented ? 1 : 0);

    if (n < at)
        return judgement_fault(j, REASON_SHORT, n, QUIRK_NONE);

    const bool whole = !segmented || (p[header] & SEGMENT_BOTH) == SEGMENT_BOTH;
    if (layout == NULL && !whole)
        return judgement_fault(j, REASON_SEGMENTED, header, QUIRK_NONE);
    if (layout == NULL)
        return check_aggressive(j, p + at, n - at, at, profile, a);
    /* A part of a long message: which field it holds only its receiver knows. */
    if (!whole)
        return n == at && judgement_fault(j, REASON_SHORT, n, QUIRK_NONE);
    return check_layout(j, layout, p + at, n - at, at);
}
