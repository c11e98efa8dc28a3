#include "tests/lib/sign_content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum sign_kind content_check(const struct sign_content *c, uint16_t scheme,
                             enum sign_role role, bool tls12)
{
    uint8_t *exact = malloc(c->n ? c->n : 1);
    enum sign_kind kind;

    assert_non_null(exact);
    memcpy(exact, c->p, c->n);
    kind = sign_check(exact, c->n, scheme, role, tls12);
    free(exact);
    return kind;
}

void content_put(struct sign_content *c, const void *p, size_t n)
{
    assert_true(c->n + n <= sizeof(c->p));
    memcpy(c->p + c->n, p, n);
    c->n += n;
}

void content_put_int(struct sign_content *c, size_t octets, size_t v)
{
    for (size_t i = octets; i > 0; i--) {
        uint8_t o = (uint8_t)(v >> (8 * (i - 1)));

        content_put(c, &o, 1);
    }
}

void content_put_fill(struct sign_content *c, uint8_t o, size_t n)
{
    for (size_t i = 0; i < n; i++)
        content_put(c, &o, 1);
}

void content_put_params(struct sign_content *c, size_t curve, size_t point)
{
    content_put_int(c, 1, 3);
    content_put_int(c, 2, curve);
    content_put_int(c, 1, point);
    content_put_int(c, 1, 4);
    content_put_fill(c, 0x77, point - 1);
}
