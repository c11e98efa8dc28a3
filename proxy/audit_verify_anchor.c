#include "proxy/audit_verify_anchor.h"

#include "proxy/audit_scan.h"

#include <stdlib.h>
#include <string.h>

void audit_anchors_init(struct audit_anchors *a)
{
    memset(a, 0, sizeof *a);
}

void audit_anchors_free(struct audit_anchors *a)
{
    free(a->list);
    free(a->epochs);
    audit_anchors_init(a);
}

static const char *read_seal(const char *text, size_t n, struct audit_anchor *out)
{
    char line[AUDIT_LINE_MAX];
    struct audit_envelope e;
    struct audit_seal_line s;
    const char *fault;

    if (n >= sizeof line)
        return "longer than a seal may be";
    memcpy(line, text, n);
    line[n++] = '\n';
    fault = audit_envelope_parse(line, n, &e);
    if (!fault && strcmp(e.event, AUDIT_SEAL_EVENT) != 0)
        fault = "no seal, but another record";
    if (!fault)
        fault = audit_seal_parse(line, n, &s);
    if (fault)
        return fault;
    out->epoch = s.epoch;
    out->seq = e.seq;
    return audit_hash(line, n, out->hash) ? NULL : "no SHA-256 in libcrypto";
}

static const char *read_hash(const char *text, size_t n, struct audit_anchor *out)
{
    struct audit_scan s = {text, text + n};

    out->seq = 0;
    if (!audit_scan_number(&s, &out->epoch) || out->epoch == 0 || !AUDIT_SKIP(&s, " ") ||
        s.end - s.p != AUDIT_HASH_HEX_SIZE ||
        !audit_unhex(s.p, out->hash, AUDIT_HASH_SIZE))
        return "neither a seal nor an epoch and a SHA-256";
    return NULL;
}

static bool grow(struct audit_anchors *a)
{
    size_t cap = a->cap > 0 ? 2 * a->cap : 256;
    struct audit_anchor *list = realloc(a->list, cap * sizeof *list);

    if (!list)
        return false;
    a->list = list;
    a->cap = cap;
    return true;
}

const char *audit_anchors_add(struct audit_anchors *a, const char *text, size_t n)
{
    struct audit_anchor anchor = {.found = false};
    const char *fault;

    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' '))
        n--;
    if (n == 0)
        return NULL;
    fault = text[0] == '{' ? read_seal(text, n, &anchor) : read_hash(text, n, &anchor);
    if (fault)
        return fault;
    if (a->n == AUDIT_ANCHORS_MAX)
        return "too many anchors";
    if (a->n == a->cap && !grow(a))
        return "out of memory";
    a->list[a->n++] = anchor;
    return NULL;
}

static int by_hash(const void *x, const void *y)
{
    const struct audit_anchor *a = x, *b = y;

    return memcmp(a->hash, b->hash, sizeof a->hash);
}

static int by_number(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

    return a < b ? -1 : a > b;
}

static bool put_in_order(struct audit_anchors *a)
{
    if (a->epochs || a->n == 0)
        return true;
    a->epochs = calloc(a->n, sizeof *a->epochs);
    if (!a->epochs)
        return false;
    for (size_t i = 0; i < a->n; i++)
        a->epochs[i] = a->list[i].epoch;
    qsort(a->epochs, a->n, sizeof *a->epochs, by_number);
    qsort(a->list, a->n, sizeof *a->list, by_hash);
    return true;
}

static bool is_anchored(struct audit_anchors *a, const uint8_t hash[AUDIT_HASH_SIZE])
{
    size_t low = 0, high = a->n;
    bool found = false;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(a->list[middle].hash, hash, AUDIT_HASH_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    /* The same seal may have been shipped twice. */
    for (; low < a->n && memcmp(a->list[low].hash, hash, AUDIT_HASH_SIZE) == 0; low++)
        found = a->list[low].found = true;
    return found;
}

bool audit_anchors_see(struct audit_anchors *a, const uint8_t hash[AUDIT_HASH_SIZE],
                       uint64_t epoch, const struct audit_place_in_log *at)
{
    if (!put_in_order(a))
        return false;
    if (epoch == 1)
        a->other_epoch = 0;
    if (is_anchored(a, hash) || a->other_epoch != 0 || a->n == 0 ||
        !bsearch(&epoch, a->epochs, a->n, sizeof epoch, by_number))
        return true;
    a->other_epoch = epoch;
    a->other = *at;
    return true;
}

const struct audit_anchor *audit_anchors_missing(const struct audit_anchors *a,
                                                 uint64_t first_seq, uint64_t first_epoch)
{
    const struct audit_anchor *found = NULL;

    for (size_t i = 0; i < a->n; i++) {
        const struct audit_anchor *x = &a->list[i];
        bool older = x->seq > 0 ? x->seq < first_seq : x->epoch < first_epoch;

        if (!x->found && !older && (!found || x->epoch < found->epoch))
            found = x;
    }
    return found;
}

size_t audit_anchors_found(const struct audit_anchors *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n; i++)
        n += a->list[i].found ? 1 : 0;
    return n;
}
