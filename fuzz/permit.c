/* Permits as octets that may come from anywhere: the file of those that persist, what an
 * operator asks for, the message to a gate.  What is taken is as permit.h says, and says
 * the same when it is written again.
 *
 * Target functions: permit_state_decode permit_state_encode permit_request_read
 *   permit_scope_text permit_wire_get permit_wire_put permit_scope_is_good
 *   permit_scope_normalise
 * Options: -max_len=2048
 *
 * Messages: PERMIT
 *
 * Input: an octet that chooses, then the octets; of a file without its hash. */
#include "fuzz/lib/fuzz.h"

#include "proxy/audit_hash.h"
#include "proxy/permit_state.h"
#include "proxy/permit_wire.h"

#include <stdlib.h>
#include <string.h>

static void check_file(const uint8_t *p, size_t n)
{
    static const struct permit_moment now = {"11111111-2222-3333-4444-555555555555",
                                             UINT64_MAX / 2, 1000};
    static struct permit_kept kept[PERMIT_STATE_MAX], again[PERMIT_STATE_MAX];
    static uint8_t octets[PERMIT_STATE_OCTETS];
    uint8_t *file = malloc(n + AUDIT_HASH_SIZE);
    size_t count, same;

    FUZZ_CHECK(file != NULL && audit_hash(p, n, file + n));
    if (n > 0)
        memcpy(file, p, n);
    if (permit_state_decode(file, n + AUDIT_HASH_SIZE, &now, kept, &count)) {
        for (size_t i = 0; i < count; i++)
            FUZZ_CHECK(permit_scope_is_good(&kept[i].scope) && kept[i].left_ms >= 1 &&
                       kept[i].left_ms <= PERMIT_MS_MAX);
        const size_t size = permit_state_encode(&now, kept, count, octets, sizeof octets);
        FUZZ_CHECK(size > 0 && permit_state_decode(octets, size, &now, again, &same));
        FUZZ_CHECK(same == count && memcmp(again, kept, count * sizeof *kept) == 0);
    }
    free(file);
}

static void check_request(const uint8_t *p, size_t n)
{
    char *text = malloc(n + 1);
    struct permit_request q;
    char err[250] = "", words[PERMIT_TEXT_CAP];

    FUZZ_CHECK(text != NULL);
    if (n > 0)
        memcpy(text, p, n);
    text[n] = '\0';
    if (permit_request_read(text, &q, err, sizeof err)) {
        FUZZ_CHECK(permit_scope_is_good(&q.scope) && q.route[0] && q.reason[0] &&
                   q.seconds >= 1 && (uint64_t)q.seconds * 1000 <= PERMIT_MS_MAX);
        (void)permit_scope_text(&q.scope, q.commands, words);
    } else {
        FUZZ_CHECK(err[0] != '\0');
    }
    free(text);
}

static void check_message(const uint8_t *p, size_t n)
{
    struct msg_permit m, again;
    struct permit permit;

    memset(&m, 0, sizeof m);
    if (n > 0)
        memcpy(&m, p, n < sizeof m ? n : sizeof m);
    if (!permit_wire_get(&m, &permit))
        return;
    FUZZ_CHECK(permit_scope_is_good(&permit.scope));
    permit_wire_put(&permit, m.route, &again);
    FUZZ_CHECK(memcmp(&again, &m, sizeof m) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool warm;

    if (!warm)
        FUZZ_CHECK(warm = audit_hash_warm_up());
    if (size == 0)
        return 0;
    if (data[0] % 3 == 0)
        check_file(data + 1, size - 1);
    else if (data[0] % 3 == 1)
        check_request(data + 1, size - 1);
    else
        check_message(data + 1, size - 1);
    return 0;
}
