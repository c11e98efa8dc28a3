#include "fuzz/lib/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void fuzz_fail(const char *condition, const char *file, int line)
{
    dprintf(STDERR_FILENO, "%s:%d: does not hold: %s\n", file, line, condition);
    abort();
}

uint8_t *fuzz_copy(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);

    if (copy == NULL)
        abort();
    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}

const uint8_t *fuzz_take(struct fuzz_input *in, size_t *n)
{
    const uint8_t *p = in->p;

    if (*n > in->left)
        *n = in->left;
    in->p += *n;
    in->left -= *n;
    return p;
}

uint8_t fuzz_u8(struct fuzz_input *in)
{
    size_t n = 1;
    const uint8_t *p = fuzz_take(in, &n);

    return n == 1 ? *p : 0;
}

uint16_t fuzz_u16(struct fuzz_input *in)
{
    const unsigned int low = fuzz_u8(in);

    return (uint16_t)(low | (unsigned int)fuzz_u8(in) << 8);
}

uint32_t fuzz_u32(struct fuzz_input *in)
{
    const uint32_t low = fuzz_u16(in);

    return low | (uint32_t)fuzz_u16(in) << 16;
}

unsigned int fuzz_get16(const uint8_t *p)
{
    return p[0] | (unsigned int)p[1] << 8;
}

uint32_t fuzz_get24(const uint8_t *p)
{
    return fuzz_get16(p) | (uint32_t)p[2] << 16;
}

uint32_t fuzz_get32(const uint8_t *p)
{
    return fuzz_get24(p) | (uint32_t)p[3] << 24;
}
