/* The HTTP answer of an OCSP responder: nothing outside the octets is read, what is done
 * lies within them and its bounds, and pieces come to the same end as the whole.
 *
 * Target functions: http_answer_parse
 * Options: -max_len=8192
 *
 * Input: the size of the pieces (0: 256), then the octets of a connection that ends. */
#include "fuzz/lib/fuzz.h"

#include "proxy/fetcher_http.h"

#include <stdlib.h>
#include <string.h>

static void check(const uint8_t *p, size_t n, bool ended, enum http_progress found,
                  const struct http_answer *a)
{
    FUZZ_CHECK(found != HTTP_MORE || !ended);
    FUZZ_CHECK(a->status <= 999 && a->body <= n && a->body <= FETCHER_HEAD_MAX + 2);
    if (found == HTTP_STATUS)
        FUZZ_CHECK(a->status != 200);
    if (found != HTTP_DONE)
        return;
    FUZZ_CHECK(memcmp(p, "HTTP/1.", 7) == 0 && a->status == 200);
    FUZZ_CHECK(a->size > 0 && a->size <= FETCHER_ANSWER_MAX);
    FUZZ_CHECK(a->body + a->size == n && p[a->body - 1] == '\n');
}

static enum http_progress parse(const uint8_t *p, size_t n, bool ended,
                                struct http_answer *a)
{
    uint8_t *copy = fuzz_copy(p, n);
    const enum http_progress found = http_answer_parse(copy, n, ended, a);

    check(copy, n, ended, found, a);
    free(copy);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_answer whole, part;

    if (size < 1)
        return 0;
    const size_t piece = data[0] == 0 ? 256 : data[0];
    const uint8_t *p = data + 1;
    const size_t n = size - 1;
    const enum http_progress all = parse(p, n, true, &whole);
    for (size_t have = 0; have < n; have += piece) {
        const enum http_progress found = parse(p, have, false, &part);

        /* What is wrong stays wrong, and what is done may only have had too much behind.
         */
        if (found == HTTP_MORE)
            continue;
        FUZZ_CHECK(found == HTTP_DONE ? all == HTTP_BAD : all != HTTP_DONE);
        return 0;
    }
    return 0;
}
