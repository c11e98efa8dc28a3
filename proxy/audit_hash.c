#include "proxy/audit_hash.h"

#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

static EVP_MD *sha256(void)
{
    static EVP_MD *md;

    if (!md)
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
    return md;
}

bool audit_hash_warm_up(void)
{
    uint8_t out[AUDIT_HASH_SIZE];

    return audit_hash("", 0, out);
}

bool audit_hash(const void *p, size_t n, uint8_t out[AUDIT_HASH_SIZE])
{
    static EVP_MD_CTX *ctx; /* kept, as to make one costs as much as half a line */

    if (!ctx)
        ctx = EVP_MD_CTX_new();
    return ctx && sha256() && EVP_DigestInit_ex2(ctx, sha256(), NULL) == 1 &&
           EVP_DigestUpdate(ctx, p, n) == 1 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

void *audit_hash_begin(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (ctx && sha256() && EVP_DigestInit_ex2(ctx, sha256(), NULL) == 1)
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

bool audit_hash_add(void *ctx, const void *p, size_t n)
{
    return ctx && EVP_DigestUpdate(ctx, p, n) == 1;
}

bool audit_hash_more(void *ctx, int fd, uint64_t from, uint64_t to)
{
    uint8_t buf[16384];

    while (from < to) {
        size_t want = to - from < sizeof buf ? (size_t)(to - from) : sizeof buf;
        ssize_t got = pread(fd, buf, want, (off_t)from);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || EVP_DigestUpdate(ctx, buf, (size_t)got) != 1)
            return false;
        from += (uint64_t)got;
    }
    return true;
}

bool audit_hash_end(void *ctx, uint8_t out[AUDIT_HASH_SIZE])
{
    bool good = ctx && (!out || EVP_DigestFinal_ex(ctx, out, NULL) == 1);

    EVP_MD_CTX_free(ctx);
    return good;
}

bool audit_hash_range(int fd, uint64_t from, uint64_t to, uint8_t out[AUDIT_HASH_SIZE])
{
    void *ctx = audit_hash_begin();
    bool read = ctx && audit_hash_more(ctx, fd, from, to);

    return audit_hash_end(ctx, out) && read;
}

void audit_hex(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

/* Value of a digit and 0x10, 0 for any other octet. */
static const uint8_t digit[256] = {
    ['0'] = 0x10, ['1'] = 0x11, ['2'] = 0x12, ['3'] = 0x13, ['4'] = 0x14, ['5'] = 0x15,
    ['6'] = 0x16, ['7'] = 0x17, ['8'] = 0x18, ['9'] = 0x19, ['a'] = 0x1A, ['b'] = 0x1B,
    ['c'] = 0x1C, ['d'] = 0x1D, ['e'] = 0x1E, ['f'] = 0x1F,
};

bool audit_unhex(const char *hex, uint8_t *out, size_t n)
{
    unsigned int all = 0x10;

    /* No branch in it: what a hash has for digits is not foreseen by any processor. */
    for (size_t i = 0; i < n; i++) {
        unsigned int high = digit[(unsigned char)hex[2 * i]];
        unsigned int low = digit[(unsigned char)hex[2 * i + 1]];

        out[i] = (uint8_t)(high << 4 | (low & 15));
        all &= high & low;
    }
    return (all & 0x10) != 0;
}
