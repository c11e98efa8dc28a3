#include "proxy/fetcher_http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

size_t http_request_head(const char *host, const char *path, size_t body_size, char *out,
                         size_t cap)
{
    /* HTTP/1.0, so that no answer comes in chunks. */
    int n = snprintf(out, cap,
                     "POST %s HTTP/1.0\r\nHost: %s\r\n"
                     "Content-Type: application/ocsp-request\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                     path, host, body_size);

    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

/* What the head says, as far as it matters. */
struct head {
    bool has_length;
    bool is_ocsp;
    bool coded; /* a transfer coding: not in HTTP/1.0 */
    size_t length;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.x SSS ..." (RFC 9112 clause 4). */
static bool parse_status(const char *line, size_t n, unsigned int *status)
{
    if (n < 12 || memcmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) ||
        line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) ||
        !is_digit(line[11]) || (n > 12 && line[12] != ' '))
        return false;
    *status = (unsigned int)(line[9] - '0') * 100u +
              (unsigned int)(line[10] - '0') * 10u + (unsigned int)(line[11] - '0');
    return true;
}

/* Digits alone; what is beyond every bound stays there. */
static bool parse_length(const char *p, size_t n, size_t *length)
{
    size_t v = 0;

    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(p[i]))
            return false;
        if (v <= FETCHER_ANSWER_MAX)
            v = 10 * v + (size_t)(p[i] - '0');
    }
    *length = v;
    return true;
}

static bool name_is(const char *line, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(line, name, n) == 0;
}

static bool take_type(const char *value, size_t n, struct head *h)
{
    static const char type[] = "application/ocsp-response";
    const size_t size = sizeof type - 1;

    h->is_ocsp = n >= size && strncasecmp(value, type, size) == 0 &&
                 (n == size || value[size] == ';' || value[size] == ' ');
    return true;
}

static bool parse_field(const char *line, size_t n, struct head *h)
{
    const char *colon = memchr(line, ':', n);
    size_t name = colon ? (size_t)(colon - line) : 0;
    const char *value = colon ? colon + 1 : line;
    size_t size = n - name - 1;

    if (name == 0)
        return false;
    for (; size > 0 && (*value == ' ' || *value == '\t'); size--)
        value++;
    while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t'))
        size--;
    if (name_is(line, name, "Content-Length")) {
        bool twice = h->has_length;

        h->has_length = true;
        return !twice && parse_length(value, size, &h->length);
    }
    if (name_is(line, name, "Content-Type"))
        return take_type(value, size, h);
    if (name_is(line, name, "Transfer-Encoding"))
        h->coded = true;
    return true;
}

/* All lines of a head that ends with an empty one. */
static bool parse_head(const char *p, size_t n, unsigned int *status, struct head *h)
{
    bool first = true;

    for (size_t at = 0; at < n;) {
        const char *end = memchr(p + at, '\n', n - at);
        size_t size = end ? (size_t)(end - (p + at)) : 0;
        size_t next = at + size + 1;

        if (!end || memchr(p + at, '\0', size))
            return false;
        if (size > 0 && p[at + size - 1] == '\r')
            size--;
        if (size == 0)
            return !first;
        if (first ? !parse_status(p + at, size, status) : !parse_field(p + at, size, h))
            return false;
        first = false;
        at = next;
    }
    return false;
}

/* Where the body begins; 0: the head has no end yet. */
static size_t head_size(const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n && i < FETCHER_HEAD_MAX; i++) {
        if (buf[i] != '\n')
            continue;
        if (i + 1 < n && buf[i + 1] == '\n')
            return i + 2;
        if (i + 2 < n && buf[i + 1] == '\r' && buf[i + 2] == '\n')
            return i + 3;
    }
    return 0;
}

static enum http_progress judge_body(const struct head *h, size_t have, bool ended,
                                     struct http_answer *a)
{
    if (h->has_length ? h->length > FETCHER_ANSWER_MAX : have > FETCHER_ANSWER_MAX)
        return HTTP_TOO_LARGE;
    if (!h->has_length)
        a->size = have;
    else if (have > h->length)
        return HTTP_BAD;
    else
        a->size = h->length;
    if (h->has_length && have == h->length)
        return have > 0 ? HTTP_DONE : HTTP_BAD;
    if (!ended)
        return HTTP_MORE;
    return !h->has_length && have > 0 ? HTTP_DONE : HTTP_BAD;
}

enum http_progress http_answer_parse(const uint8_t *buf, size_t n, bool ended,
                                     struct http_answer *a)
{
    struct head h = {.length = 0};
    size_t head = head_size(buf, n);

    memset(a, 0, sizeof *a);
    /* Whoever speaks another protocol is not waited for. */
    if (n > 0 && memcmp(buf, "HTTP/1.", n < 7 ? n : 7) != 0)
        return HTTP_BAD;
    if (head == 0 && n >= FETCHER_HEAD_MAX)
        return HTTP_TOO_LARGE;
    if (head == 0)
        return ended ? HTTP_BAD : HTTP_MORE;
    a->body = head;
    if (!parse_head((const char *)buf, head, &a->status, &h) || h.coded)
        return HTTP_BAD;
    if (a->status != 200)
        return HTTP_STATUS;
    if (!h.is_ocsp)
        return HTTP_BAD;
    return judge_body(&h, n - head, ended, a);
}
