#include "proxy/cli/capture.h"

#include <errno.h>
#include <string.h>

#define MAGIC_US  0xA1B2C3D4u
#define MAGIC_NS  0xA1B23C4Du
#define NG_HEADER 0x0A0D0D0Au
#define NG_ORDER  0x1A2B3C4Du
#define NG_IDB    1u
#define NG_SPB    3u
#define NG_EPB    6u
#define NG_BLOCKS 10000000u /* without a packet among them */

static uint32_t u32(const struct capture *c, const uint8_t *at)
{
    if (c->big_endian)
        return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
               at[3];
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static uint16_t u16(const struct capture *c, const uint8_t *at)
{
    return (uint16_t)(c->big_endian ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
}

static bool get(struct capture *c, uint8_t *out, size_t n)
{
    return fread(out, 1, n, c->file) == n;
}

/* The octet order is the one in which the magic number reads right. */
static bool match(struct capture *c, const uint8_t *at, uint32_t magic)
{
    c->big_endian = false;
    if (u32(c, at) == magic)
        return true;
    c->big_endian = true;
    return u32(c, at) == magic;
}

static const char *read_file_header(struct capture *c)
{
    uint8_t h[24];

    if (!get(c, h, 4))
        return ferror(c->file) ? "cannot be read" : "too short to be a capture";
    if (match(c, h, NG_HEADER)) {
        c->ng = true;
        return fseek(c->file, 0, SEEK_SET) == 0 ? NULL : "not seekable: use a file";
    }
    c->nanoseconds = match(c, h, MAGIC_NS);
    if (!c->nanoseconds && !match(c, h, MAGIC_US))
        return "neither pcap nor pcapng";
    if (!get(c, h + 4, sizeof h - 4))
        return "file header cut off";
    c->link_type = u32(c, h + 20) & 0x0FFFFFFFu;
    return NULL;
}

bool capture_open(struct capture *c, const char *path, char *why, size_t n)
{
    const char *wrong;

    memset(c, 0, sizeof *c);
    c->file = fopen(path, "rbe");
    if (!c->file) {
        (void)snprintf(why, n, "%s", strerror(errno));
        return false;
    }
    wrong = read_file_header(c);
    if (!wrong)
        return true;
    (void)snprintf(why, n, "%s", wrong);
    capture_close(c);
    return false;
}

void capture_close(struct capture *c)
{
    if (c->file)
        (void)fclose(c->file);
    c->file = NULL;
}

static int next_classic(struct capture *c, struct capture_packet *packet)
{
    uint8_t h[16];
    uint32_t n, fraction;
    size_t got = fread(h, 1, sizeof h, c->file);

    if (got != sizeof h)
        return got == 0 && !ferror(c->file) ? 0 : -1;
    n = u32(c, h + 8);
    if (n > sizeof c->buffer || !get(c, c->buffer, n))
        return -1;
    fraction = u32(c, h + 4);
    packet->time_us =
        (uint64_t)u32(c, h) * 1000000u + (c->nanoseconds ? fraction / 1000u : fraction);
    packet->link_type = c->link_type;
    packet->interface = 0;
    packet->octets = c->buffer;
    packet->n = n;
    return 1;
}

/* The option if_tsresol: a negative power of 10, or of 2 when its top bit is set.  More
 * than 2^-127 or 10^-30 is no clock. */
static double ticks_per_us(uint8_t resolution)
{
    const double base = (resolution & 0x80u) != 0 ? 2.0 : 10.0;
    const unsigned int power = resolution & 0x7Fu;
    double ticks = 1.0;

    if (base > 2.0 && power > 30)
        return 1.0;
    for (unsigned int i = 0; i < power; i++)
        ticks *= base;
    return ticks / 1000000.0;
}

/* Interface description: link type, and the time resolution in its options. */
static void take_interface(struct capture *c, size_t n)
{
    const uint32_t i = c->interfaces;
    size_t at = 8;

    if (i == CAPTURE_INTERFACES_MAX || n < 8)
        return;
    c->link_types[i] = u16(c, c->buffer);
    c->snap[i] = u32(c, c->buffer + 4);
    c->ticks_per_us[i] = 1.0;
    while (at + 4 <= n) { /* at grows by 4 or more */
        uint16_t code = u16(c, c->buffer + at), size = u16(c, c->buffer + at + 2);

        if (code == 0 || size > n - at - 4)
            break;
        if (code == 9 && size == 1)
            c->ticks_per_us[i] = ticks_per_us(c->buffer[at + 4]);
        at += 4u + (size + 3u) / 4u * 4u;
    }
    c->interfaces++;
}

/* Times behind the year 9999 are none. */
static uint64_t time_of(double ticks, double per_us)
{
    const double us = ticks / per_us;

    return us < 253402300800e6 ? (uint64_t)us : 0;
}

static bool take_enhanced(struct capture *c, size_t n, struct capture_packet *packet)
{
    uint32_t i, size;

    if (n < 20)
        return false;
    i = u32(c, c->buffer);
    size = u32(c, c->buffer + 12);
    if (i >= c->interfaces || size > n - 20)
        return false;
    packet->time_us =
        time_of((double)((uint64_t)u32(c, c->buffer + 4) << 32 | u32(c, c->buffer + 8)),
                c->ticks_per_us[i]);
    packet->link_type = c->link_types[i];
    packet->interface = i;
    packet->octets = c->buffer + 20;
    packet->n = size;
    return true;
}

static bool take_simple(struct capture *c, size_t n, struct capture_packet *packet)
{
    uint32_t size;

    if (n < 4 || c->interfaces == 0)
        return false;
    size = u32(c, c->buffer);
    if (c->snap[0] != 0 && size > c->snap[0])
        size = c->snap[0];
    packet->time_us = 0;
    packet->link_type = c->link_types[0];
    packet->interface = 0;
    packet->octets = c->buffer + 4;
    packet->n = size < n - 4 ? size : n - 4;
    return true;
}

/* Reads one block into the buffer; its size without frame, or -1, or -2 at the end. */
static long next_block(struct capture *c, uint32_t *type)
{
    uint8_t h[12];
    uint32_t n;
    size_t got = fread(h, 1, 8, c->file);

    if (got != 8)
        return got == 0 && !ferror(c->file) ? -2 : -1;
    *type = u32(c, h);
    if (*type == NG_HEADER) {
        if (!get(c, h + 8, 4) || !match(c, h + 8, NG_ORDER) ||
            fseek(c->file, -4, SEEK_CUR) != 0)
            return -1;
        c->interfaces = 0;
    }
    n = u32(c, h + 4);
    if (n < 12 || n % 4 != 0 || n - 12 > sizeof c->buffer)
        return -1;
    if (!get(c, c->buffer, n - 12) || !get(c, h + 8, 4) || u32(c, h + 8) != n)
        return -1;
    return (long)(n - 12);
}

static int next_ng(struct capture *c, struct capture_packet *packet)
{
    for (uint32_t bound = 0; bound < NG_BLOCKS; bound++) {
        uint32_t type = 0;
        long n = next_block(c, &type);

        if (n < 0)
            return n == -2 ? 0 : -1;
        if (type == NG_IDB)
            take_interface(c, (size_t)n);
        if (type == NG_EPB && take_enhanced(c, (size_t)n, packet))
            return 1;
        if (type == NG_SPB && take_simple(c, (size_t)n, packet))
            return 1;
    }
    return -1;
}

int capture_next(struct capture *c, struct capture_packet *packet)
{
    int more = c->ng ? next_ng(c, packet) : next_classic(c, packet);

    if (more == 1)
        packet->number = ++c->packets;
    return more;
}
