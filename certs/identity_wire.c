#include "certs/identity.h"

#include <string.h>

#include "sandbox/wire.h"

/* First octet of every encoding; another layout gets another number. */
#define LAYOUT 2u

size_t identity_encode(const struct peer_identity *id, void *buf, size_t cap)
{
    struct wire_writer w;

    wire_writer_init(&w, buf, cap);
    wire_put_u8(&w, LAYOUT);
    wire_put_str(&w, id->subject);
    wire_put_str(&w, id->issuer);
    wire_put_str(&w, id->san);
    wire_put_str(&w, id->serial);
    wire_put_bytes(&w, id->fingerprint, sizeof(id->fingerprint));
    wire_put_u64(&w, (uint64_t)id->not_before);
    wire_put_u64(&w, (uint64_t)id->not_after);
    wire_put_str(&w, id->version);
    wire_put_str(&w, id->suite);
    wire_put_u8(&w, (uint8_t)id->role_token);
    wire_put_blob(&w, id->roles, id->roles_size);
    return w.bad ? 0 : w.len;
}

static bool get_text(struct wire_reader *r, char *text, size_t cap)
{
    wire_get_str(r, text, cap);
    for (size_t i = 0; i < cap && text[i] != '\0'; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    }
    return !r->bad;
}

static bool serial_good(const char *s)
{
    size_t n;

    if (*s == '-')
        s++;
    n = strspn(s, "0123456789ABCDEF");
    return n > 0 && (s[n] == '\0' || strcmp(s + n, "...") == 0);
}

static bool get_roles(struct peer_identity *id, struct wire_reader *r)
{
    const uint8_t token = wire_get_u8(r);
    size_t n;
    const uint8_t *p = wire_get_blob(r, &n);

    if (r->bad || token >= ROLE_TOKENS || n > sizeof(id->roles) ||
        (n > 0 && token != ROLE_TOKEN_ONE))
        return false;
    id->role_token = (enum role_token)token;
    id->roles_size = (uint16_t)n;
    memcpy(id->roles, p, n);
    return true;
}

static bool decode(struct peer_identity *id, struct wire_reader *r)
{
    if (wire_get_u8(r) != LAYOUT)
        return false;
    if (!get_text(r, id->subject, sizeof(id->subject)) ||
        !get_text(r, id->issuer, sizeof(id->issuer)) ||
        !get_text(r, id->san, sizeof(id->san)) ||
        !get_text(r, id->serial, sizeof(id->serial)))
        return false;
    wire_get_bytes(r, id->fingerprint, sizeof(id->fingerprint));
    id->not_before = (int64_t)wire_get_u64(r);
    id->not_after = (int64_t)wire_get_u64(r);
    if (!get_text(r, id->version, sizeof(id->version)) ||
        !get_text(r, id->suite, sizeof(id->suite)) || !get_roles(id, r))
        return false;
    return serial_good(id->serial) && wire_end(r);
}

bool identity_decode(struct peer_identity *id, const void *buf, size_t n)
{
    struct wire_reader r;

    memset(id, 0, sizeof(*id));
    wire_reader_init(&r, buf, n);
    if (decode(id, &r))
        return true;
    memset(id, 0, sizeof(*id));
    return false;
}
