/* Who a tls worker says is at the other end: refused and all zero, or printable
 * throughout and the same octets when encoded again.
 *
 * Target functions: identity_decode identity_encode
 * Options: -max_len=2200
 *
 * Input: an encoded identity. */
#include "fuzz/lib/fuzz.h"

#include "certs/identity.h"

#include <string.h>

static void check_text(const char *text, size_t cap)
{
    const size_t n = strnlen(text, cap);

    FUZZ_CHECK(n < cap);
    for (size_t i = 0; i < n; i++)
        FUZZ_CHECK(text[i] >= ' ' && text[i] <= '~');
}

static void check_serial(const char *s)
{
    const size_t sign = s[0] == '-' ? 1 : 0;
    const size_t digits = strspn(s + sign, "0123456789ABCDEF");

    FUZZ_CHECK(digits > 0);
    FUZZ_CHECK(s[sign + digits] == '\0' || strcmp(s + sign + digits, "...") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct peer_identity nobody;
    struct peer_identity id;
    uint8_t again[IDENTITY_WIRE_MAX];

    memset(&id, 0xA5, sizeof id);
    if (!identity_decode(&id, data, size)) {
        FUZZ_CHECK(memcmp(&id, &nobody, sizeof id) == 0);
        return 0;
    }
    check_text(id.subject, sizeof id.subject);
    check_text(id.issuer, sizeof id.issuer);
    check_text(id.san, sizeof id.san);
    check_text(id.serial, sizeof id.serial);
    check_text(id.version, sizeof id.version);
    check_text(id.suite, sizeof id.suite);
    check_serial(id.serial);
    FUZZ_CHECK(id.role_token < ROLE_TOKENS && id.roles_size <= sizeof id.roles);
    FUZZ_CHECK(id.roles_size == 0 || id.role_token == ROLE_TOKEN_ONE);
    FUZZ_CHECK(size <= sizeof again);
    FUZZ_CHECK(identity_encode(&id, again, sizeof again) == size);
    FUZZ_CHECK(memcmp(again, data, size) == 0);
    FUZZ_CHECK(identity_encode(&id, again, size - 1) == 0);
    return 0;
}
