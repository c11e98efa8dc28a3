/* The list of certificates: how a fingerprint is written, and what is on the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "certs/pins.h"

#define HEX "00112233445566778899aAbBcCdDeEfF0123456789abcdef0123456789ABCDE"
#define COLONS                                                                           \
    "00:11:22:33:44:55:66:77:88:99:aA:bB:cC:dD:eE:fF:01:23:45:67:89:ab:cd:ef:01:23:45:"  \
    "67:89:AB:CD:E"

static void parse(void **state)
{
    static const char *const bad[] = {
        "",
        "sha256:",
        HEX "f",
        "sha1:" HEX "f",
        "sha256:" HEX,
        "sha256:" HEX "f0",
        "sha256:" HEX "g",
        "sha256: " HEX "f",
        "sha256:" HEX "f ",
        "sha256:" COLONS,
        "sha256:" COLONS "f:",
        "sha256:00-11:22:33:44:55:66:77:88:99:aA:bB:cC:dD:eE:fF:01:23:45:67:89:ab:cd:ef:"
        "01:23:45:67:89:AB:CD:Ef",
        "sha256:001:1:22:33:44:55:66:77:88:99:aA:bB:cC:dD:eE:fF:01:23:45:67:89:ab:cd:ef:"
        "01:23:45:67:89:AB:CD:Ef",
    };
    uint8_t a[PIN_SIZE];
    uint8_t b[PIN_SIZE];

    (void)state;
    assert_true(pin_parse("sha256:" HEX "f", a));
    assert_int_equal(a[0], 0);
    assert_int_equal(a[10], 0xAA);
    assert_int_equal(a[31], 0xEF);
    assert_true(pin_parse("SHA256:" COLONS "f", b));
    assert_memory_equal(a, b, sizeof a);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pin_parse(bad[i], a));
}

static void lists(void **state)
{
    static struct pins pins;
    static struct pins other;
    uint8_t pin[PIN_SIZE] = {0};

    (void)state;
    assert_false(pins_have(&pins, pin));
    for (unsigned int i = 0; i < PINS_MAX; i++) {
        pin[PIN_SIZE - 1] = (uint8_t)i;
        assert_true(pins_add(&pins, pin));
        assert_false(pins_add(&pins, pin));
        assert_true(pins_have(&pins, pin));
    }
    pin[PIN_SIZE - 1] = PINS_MAX;
    assert_false(pins_add(&pins, pin));
    assert_false(pins_have(&pins, pin));
    assert_int_equal(pins.count, PINS_MAX);
    assert_false(pins_equal(&pins, &other));
    other = pins;
    assert_true(pins_equal(&pins, &other));
    other.pin[3][0] = 1;
    assert_false(pins_equal(&pins, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse),
        cmocka_unit_test(lists),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
