#include "tests/lib/asdu_make.h"

#include <stdlib.h>
#include <string.h>

#define TIME   0x10, 0x27, 30, 12, 15, 6, 24 /* 10.000 s past 12:30 on 15 June 2024 */
#define TIME24 0x10, 0x27, 30

/* Element octets by type; a segment of 2 octets for type 125. */
static const struct {
    uint8_t type, size;
    uint8_t octets[16];
} SAMPLES[] = {
    {1, 1, {1}},
    {2, 4, {1, TIME24}},
    {3, 1, {2}},
    {4, 4, {2, TIME24}},
    {5, 2, {5, 0}},
    {6, 5, {5, 0, TIME24}},
    {7, 5, {1, 2, 3, 4, 0}},
    {8, 8, {1, 2, 3, 4, 0, TIME24}},
    {9, 3, {0, 0x40, 0}},
    {10, 6, {0, 0x40, 0, TIME24}},
    {11, 3, {0x10, 0x00, 0}},
    {12, 6, {0x10, 0x00, 0, TIME24}},
    {13, 5, {0, 0, 0x80, 0x3F, 0}},
    {14, 8, {0, 0, 0x80, 0x3F, 0, TIME24}},
    {15, 5, {7, 0, 0, 0, 1}},
    {16, 8, {7, 0, 0, 0, 1, TIME24}},
    {17, 6, {1, 5, 0, TIME24}},
    {18, 7, {1, 0, 5, 0, TIME24}},
    {19, 7, {1, 0, 5, 0, TIME24}},
    {20, 5, {1, 0, 1, 0, 0}},
    {21, 2, {0, 0x20}},
    {30, 8, {1, TIME}},
    {31, 8, {2, TIME}},
    {32, 9, {5, 0, TIME}},
    {33, 12, {1, 2, 3, 4, 0, TIME}},
    {34, 10, {0, 0x40, 0, TIME}},
    {35, 10, {0x10, 0, 0, TIME}},
    {36, 12, {0, 0, 0x80, 0x3F, 0, TIME}},
    {37, 12, {7, 0, 0, 0, 1, TIME}},
    {38, 10, {1, 5, 0, TIME}},
    {39, 11, {1, 0, 5, 0, TIME}},
    {40, 11, {1, 0, 5, 0, TIME}},
    {41, 14, {1, 0, 7, 0, 0, 0, 1, TIME}},
    {45, 1, {1}},
    {46, 1, {2}},
    {47, 1, {2}},
    {48, 3, {0, 0x40, 0}},
    {49, 3, {0x10, 0, 0}},
    {50, 5, {0, 0, 0x80, 0x3F, 0}},
    {51, 4, {1, 2, 3, 4}},
    {58, 8, {1, TIME}},
    {59, 8, {2, TIME}},
    {60, 8, {2, TIME}},
    {61, 10, {0, 0x40, 0, TIME}},
    {62, 10, {0x10, 0, 0, TIME}},
    {63, 12, {0, 0, 0x80, 0x3F, 0, TIME}},
    {64, 11, {1, 2, 3, 4, TIME}},
    {70, 1, {0}},
    {100, 1, {20}},
    {101, 1, {5}},
    {102, 0, {0}},
    {103, 7, {TIME}},
    {104, 2, {0xAA, 0x55}},
    {105, 1, {1}},
    {106, 2, {5, 0}},
    {107, 9, {1, 0, TIME}},
    {110, 3, {0, 0x40, 1}},
    {111, 3, {0x10, 0, 1}},
    {112, 5, {0, 0, 0x80, 0x3F, 1}},
    {113, 1, {2}},
    {120, 6, {1, 0, 9, 0, 0, 0}},
    {121, 7, {1, 0, 1, 9, 0, 0, 0}},
    {122, 4, {1, 0, 1, 1}},
    {123, 5, {1, 0, 1, 1, 0x55}},
    {124, 4, {1, 0, 1, 1}},
    {125, 6, {1, 0, 1, 2, 0xAA, 0xBB}},
    {126, 13, {1, 0, 9, 0, 0, 0, TIME}},
    {127, 16, {1, 0, TIME, TIME}},
};

static size_t put_number(uint8_t *p, uint32_t number, uint8_t size)
{
    for (unsigned int i = 0; i < size; i++)
        p[i] = (uint8_t)(number >> (8 * i));
    return size;
}

static uint32_t first_ioa(const struct make *m)
{
    static const uint8_t zero[] = {70, 100, 101, 103, 104, 105, 106, 107};
    return m->ioa != 0 || memchr(zero, m->type, sizeof zero) ? m->ioa : 1;
}

static size_t put_header(const struct make *m, uint8_t vsq, uint8_t *out)
{
    const uint8_t head[4] = {m->type, vsq, (uint8_t)(m->cause | m->flags), m->oa};
    const size_t n = m->cot_size == 1 ? 3 : 4;
    memcpy(out, head, n);
    return n + put_number(out + n, m->ca ? m->ca : 1, m->ca_size ? m->ca_size : 2);
}

size_t asdu_make(const struct make *m, uint8_t out[MAKE_ROOM])
{
    const uint8_t vsq = m->vsq ? m->vsq : (m->type == 126 ? 0x81 : 0x01);
    size_t n = put_header(m, vsq, out), s = 0;
    while (s < sizeof SAMPLES / sizeof SAMPLES[0] && SAMPLES[s].type != m->type)
        s++;
    if (s == sizeof SAMPLES / sizeof SAMPLES[0])
        abort();
    for (uint32_t i = 0; i < (vsq & 0x7Fu); i++) {
        if (i == 0 || (vsq & 0x80) == 0)
            n += put_number(out + n, first_ioa(m) + i, m->ioa_size ? m->ioa_size : 3);
        memcpy(out + n, SAMPLES[s].octets, SAMPLES[s].size);
        n += SAMPLES[s].size;
    }
    return n;
}
