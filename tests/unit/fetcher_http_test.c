/* The answer of an OCSP responder over HTTP: what is taken, what is refused, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/fetcher_http.h"

#define OK   "HTTP/1.0 200 OK\r\n"
#define TYPE "Content-Type: application/ocsp-response\r\n"

/* From memory that ends where the octets end. */
static enum http_progress parse(const char *text, size_t n, bool ended,
                                struct http_answer *a)
{
    uint8_t *tight = malloc(n > 0 ? n : 1);
    enum http_progress found;

    assert_non_null(tight);
    memcpy(tight, text, n);
    found = http_answer_parse(tight, n, ended, a);
    free(tight);
    return found;
}

static void whole_answers(void **state)
{
    static const struct {
        const char *text;
        enum http_progress found;
        size_t size;
    } rows[] = {
        {OK TYPE "Content-Length: 3\r\n\r\nabc", HTTP_DONE, 3},
        {OK TYPE "content-length:3\r\n\r\nabc", HTTP_DONE, 3},
        {OK TYPE "Content-Length: 3 \t\r\nServer: a: b\r\n\r\nabc", HTTP_DONE, 3},
        {OK TYPE "\r\nabcd", HTTP_DONE, 4},
        {"HTTP/1.1 200 \r\n" TYPE "\r\nab", HTTP_DONE, 2},
        {"HTTP/1.1 200\n" TYPE "\nab", HTTP_DONE, 2},
        {OK "Content-Type: APPLICATION/OCSP-response; x=y\r\n\r\na", HTTP_DONE, 1},
        /* bodies */
        {OK TYPE "Content-Length: 3\r\n\r\nab", HTTP_BAD, 0},
        {OK TYPE "Content-Length: 3\r\n\r\nabcd", HTTP_BAD, 0},
        {OK TYPE "Content-Length: 0\r\n\r\n", HTTP_BAD, 0},
        {OK TYPE "\r\n", HTTP_BAD, 0},
        {OK TYPE "Content-Length: 16385\r\n\r\nabc", HTTP_TOO_LARGE, 0},
        {OK TYPE "Content-Length: 99999999999999999999999999\r\n\r\nabc", HTTP_TOO_LARGE,
         0},
        {OK TYPE "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", HTTP_BAD, 0},
        {OK TYPE "Content-Length: +3\r\n\r\nabc", HTTP_BAD, 0},
        {OK TYPE "Content-Length: 3,3\r\n\r\nabc", HTTP_BAD, 0},
        {OK TYPE "Content-Length:\r\n\r\nabc", HTTP_BAD, 0},
        {OK TYPE "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", HTTP_BAD, 0},
        /* heads */
        {OK "\r\nabc", HTTP_BAD, 0},
        {OK "Content-Type: text/html\r\n\r\nabc", HTTP_BAD, 0},
        {OK "Content-Type: application/ocsp-responses\r\n\r\nabc", HTTP_BAD, 0},
        {OK TYPE "no colon\r\n\r\nabc", HTTP_BAD, 0},
        {OK TYPE ": no name\r\n\r\nabc", HTTP_BAD, 0},
        {"HTTP/1.0 404 Not Found\r\n\r\n", HTTP_STATUS, 0},
        {"HTTP/1.0 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n", HTTP_STATUS, 0},
        {"HTTP/1.0 2000 OK\r\n" TYPE "\r\nabc", HTTP_BAD, 0},
        {"HTTP/1.0 2x0 OK\r\n" TYPE "\r\nabc", HTTP_BAD, 0},
        {"HTTP/2.0 200 OK\r\n" TYPE "\r\nabc", HTTP_BAD, 0},
        {"http/1.0 200 OK\r\n" TYPE "\r\nabc", HTTP_BAD, 0},
        {"\r\n\r\n", HTTP_BAD, 0},
        {"abc", HTTP_BAD, 0},
        {"", HTTP_BAD, 0},
        {OK TYPE, HTTP_BAD, 0},
    };
    struct http_answer a;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t n = strlen(rows[i].text);

        if (parse(rows[i].text, n, true, &a) != rows[i].found)
            fail_msg("row %zu: %s", i, rows[i].text);
        if (rows[i].found != HTTP_DONE)
            continue;
        assert_int_equal(a.status, 200);
        assert_int_equal(a.size, rows[i].size);
        assert_int_equal(a.body + a.size, n);
    }
}

/* An answer is done with its last octet, not before and without waiting for the end. */
static void octet_by_octet(void **state)
{
    static const char text[] = OK TYPE "Content-Length: 5\r\n\r\nabcde";
    const size_t n = sizeof text - 1;
    struct http_answer a;

    (void)state;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(parse(text, i, false, &a), HTTP_MORE);
        assert_int_equal(parse(text, i, true, &a), HTTP_BAD);
    }
    assert_int_equal(parse(text, n, false, &a), HTTP_DONE);
    /* Without a length it is the end that ends it. */
    assert_int_equal(parse(OK TYPE "\r\nab", sizeof(OK TYPE "\r\nab") - 1, false, &a),
                     HTTP_MORE);
}

static void wrong_from_the_start(void **state)
{
    static const char text[] = "HTTX";
    struct http_answer a;

    (void)state;
    assert_int_equal(parse(text, 3, false, &a), HTTP_MORE);
    assert_int_equal(parse(text, 4, false, &a), HTTP_BAD);
    assert_int_equal(parse("\0", 1, false, &a), HTTP_BAD);
    assert_int_equal(
        parse(OK TYPE "X: \0\r\n\r\na", sizeof(OK TYPE "X: \0\r\n\r\na") - 1, true, &a),
        HTTP_BAD);
}

static void bounds(void **state)
{
    static char buf[FETCHER_BUFFER + 64];
    struct http_answer a;
    size_t head;

    (void)state;
    memset(buf, 'x', sizeof buf);
    memcpy(buf, OK "X: ", sizeof(OK "X: ") - 1);
    assert_int_equal(parse(buf, FETCHER_HEAD_MAX - 1, false, &a), HTTP_MORE);
    assert_int_equal(parse(buf, FETCHER_HEAD_MAX, false, &a), HTTP_TOO_LARGE);

    head = (size_t)snprintf(buf, sizeof buf, OK TYPE "\r\n");
    buf[head] = 'x';
    assert_int_equal(parse(buf, head + FETCHER_ANSWER_MAX, true, &a), HTTP_DONE);
    assert_int_equal(a.size, FETCHER_ANSWER_MAX);
    assert_int_equal(parse(buf, head + FETCHER_ANSWER_MAX + 1, false, &a),
                     HTTP_TOO_LARGE);
    head = (size_t)snprintf(buf, sizeof buf, OK TYPE "Content-Length: %u\r\n\r\n",
                            FETCHER_ANSWER_MAX);
    buf[head] = 'x';
    assert_int_equal(parse(buf, head + FETCHER_ANSWER_MAX, false, &a), HTTP_DONE);
}

static void requests(void **state)
{
    char out[400];
    size_t n;

    (void)state;
    n = http_request_head("10.0.0.5:2560", "/a", 77, out, sizeof out);
    assert_int_equal(n, strlen(out));
    assert_string_equal(out, "POST /a HTTP/1.0\r\nHost: 10.0.0.5:2560\r\n"
                             "Content-Type: application/ocsp-request\r\n"
                             "Content-Length: 77\r\nConnection: close\r\n\r\n");
    assert_int_equal(http_request_head("10.0.0.5:2560", "/a", 77, out, strlen(out)), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_answers),
        cmocka_unit_test(octet_by_octet),
        cmocka_unit_test(wrong_from_the_start),
        cmocka_unit_test(bounds),
        cmocka_unit_test(requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
