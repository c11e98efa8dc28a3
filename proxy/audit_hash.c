#include "proxy/audit_hash.h"

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
    return sha256() && EVP_Digest(p, n, out, NULL, sha256(), NULL) == 1;
}

static bool update_range(EVP_MD_CTX *ctx, int fd, uint64_t from, uint64_t to)
{
    uint8_t buf[16384];

    while (from < to) {
        size_t want = to - from < sizeof buf ? (size_t)(to - from) : sizeof buf;
        ssize_t got = pread(fd, buf, want, (off_t)from);

        if (got <= 0 || EVP_DigestUpdate(ctx, buf, (size_t)got) != 1)
            return false;
        from += (uint64_t)got;
    }
    return true;
}

bool audit_hash_range(int fd, uint64_t from, uint64_t to, uint8_t out[AUDIT_HASH_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx && sha256() && EVP_DigestInit_ex2(ctx, sha256(), NULL) == 1 &&
                update_range(ctx, fd, from, to) &&
                EVP_DigestFinal_ex(ctx, out, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
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

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool audit_unhex(const char *hex, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = nibble(hex[2 * i]);
        int low = high < 0 ? -1 : nibble(hex[2 * i + 1]);

        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
