#include "proxy/audit_verify_chain.h"

#include "proxy/audit_field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Retention removes the oldest file, and first says what its last record was. */
static void take_deleted(struct audit_chain_link *l,
                         const struct audit_chain_start *start, const char *line,
                         size_t n)
{
    uint64_t last;
    uint8_t hash[AUDIT_HASH_SIZE];

    if (audit_field_number(line, n, "last_seq", &last) &&
        audit_field_hex(line, n, "last_sha256", hash, sizeof hash) &&
        last == start->seq - 1 && memcmp(hash, start->prev, sizeof hash) == 0)
        l->head_found = true;
}

/* The SHA-256 of the whole file that is told there is not computed once more: each octet
 * of it is under the chain already. */
static bool take_rotated(const struct audit_chain_link *l, const char *line, size_t n,
                         char *why, size_t cap)
{
    char wanted[AUDIT_FILE_CAP];
    char name[AUDIT_FILE_CAP];
    uint64_t size;

    (void)snprintf(wanted, sizeof wanted, "gate104-%020" PRIu64 ".jsonl",
                   l->before_first);
    if (!audit_field_text(line, n, "detail", name, sizeof name) ||
        strcmp(name, wanted) != 0) {
        (void)snprintf(why, cap, "it does not name the file before, %s", wanted);
        return false;
    }
    if (!audit_field_number(line, n, "size", &size) || size != l->before_octets) {
        (void)snprintf(why, cap,
                       "the file before has %" PRIu64 " octets, and not as many "
                       "as it says",
                       l->before_octets);
        return false;
    }
    return true;
}

bool audit_chain_link_take(struct audit_chain_link *l,
                           const struct audit_chain_start *start,
                           const struct audit_envelope *e, const char *line, size_t n,
                           char *why, size_t cap)
{
    bool first = l->first_of_file;

    l->first_of_file = false;
    if (strcmp(e->from, AUDIT_SEAL_FROM) != 0)
        return true;
    if (start->seq > 1 && !l->head_found && strcmp(e->event, "log.deleted") == 0)
        take_deleted(l, start, line, n);
    if (first && l->follows && strcmp(e->event, "log.rotated") == 0)
        return take_rotated(l, line, n, why, cap);
    return true;
}
