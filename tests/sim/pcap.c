#include "tests/sim/pcap.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define MAGIC_US  0xA1B2C3D4u
#define MAGIC_NS  0xA1B23C4Du
#define NG_HEADER 0x0A0D0D0Au
#define NG_ORDER  0x1A2B3C4Du
#define NG_IDB    1u
#define NG_SPB    3u
#define NG_EPB    6u
#define NG_BLOCKS 10000000u

static uint32_t u32(const struct sim_pcap *p, const uint8_t *at)
{
    if (p->big_endian)
        return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
               at[3];
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static uint16_t u16(const struct sim_pcap *p, const uint8_t *at)
{
    return (uint16_t)(p->big_endian ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
}

static bool get(struct sim_pcap *p, uint8_t *out, size_t n)
{
    return fread(out, 1, n, p->file) == n;
}

/* The octet order is the one in which the magic number reads right. */
static bool match(struct sim_pcap *p, const uint8_t *at, uint32_t magic)
{
    p->big_endian = false;
    if (u32(p, at) == magic)
        return true;
    p->big_endian = true;
    return u32(p, at) == magic;
}

static const char *read_file_header(struct sim_pcap *p)
{
    uint8_t h[24];

    if (!get(p, h, 4))
        return "empty file";
    if (match(p, h, NG_HEADER)) {
        p->ng = true;
        return fseek(p->file, 0, SEEK_SET) == 0 ? NULL : "not seekable";
    }
    p->nanoseconds = match(p, h, MAGIC_NS);
    if (!p->nanoseconds && !match(p, h, MAGIC_US))
        return "neither pcap nor pcapng";
    if (!get(p, h + 4, sizeof h - 4))
        return "file header cut off";
    p->link_type = u32(p, h + 20) & 0x0FFFFFFFu;
    return NULL;
}

bool sim_pcap_open(struct sim_pcap *p, const char *path, char *why, size_t n)
{
    const char *wrong;

    memset(p, 0, sizeof *p);
    p->file = fopen(path, "rb");
    if (p->file == NULL) {
        snprintf(why, n, "%s: %s", path, strerror(errno));
        return false;
    }
    wrong = read_file_header(p);
    if (wrong == NULL)
        return true;
    snprintf(why, n, "%s: %s", path, wrong);
    sim_pcap_close(p);
    return false;
}

void sim_pcap_close(struct sim_pcap *p)
{
    if (p->file != NULL)
        fclose(p->file);
    p->file = NULL;
}

static int next_classic(struct sim_pcap *p, struct sim_packet *packet)
{
    uint8_t h[16];
    uint32_t n, fraction;
    size_t got = fread(h, 1, sizeof h, p->file);

    if (got != sizeof h)
        return got == 0 ? 0 : -1;
    n = u32(p, h + 8);
    if (n > sizeof p->buffer || !get(p, p->buffer, n))
        return -1;
    fraction = u32(p, h + 4);
    packet->time_us =
        (uint64_t)u32(p, h) * 1000000u + (p->nanoseconds ? fraction / 1000u : fraction);
    packet->link_type = p->link_type;
    packet->octets = p->buffer;
    packet->n = n;
    return 1;
}

/* Interface description: link type, and the time resolution in its options. */
static void take_interface(struct sim_pcap *p, size_t n)
{
    uint32_t i = p->interfaces;
    size_t at = 8;

    if (i == SIM_INTERFACES_MAX || n < 8)
        return;
    p->link_types[i] = u16(p, p->buffer);
    p->snap[i] = u32(p, p->buffer + 4);
    p->ticks_per_us[i] = 1.0;
    while (at + 4 <= n) {
        uint16_t code = u16(p, p->buffer + at), size = u16(p, p->buffer + at + 2);

        if (code == 0 || size > n - at - 4)
            break;
        if (code == 9 && size == 1) {
            uint8_t r = p->buffer[at + 4];

            p->ticks_per_us[i] =
                pow((r & 0x80u) != 0 ? 2.0 : 10.0, (double)(r & 0x7Fu)) / 1000000.0;
        }
        at += 4u + (size + 3u) / 4u * 4u;
    }
    p->interfaces++;
}

static bool take_enhanced(struct sim_pcap *p, size_t n, struct sim_packet *packet)
{
    uint32_t i, size;

    if (n < 20)
        return false;
    i = u32(p, p->buffer);
    size = u32(p, p->buffer + 12);
    if (i >= p->interfaces || size > n - 20)
        return false;
    packet->time_us = (uint64_t)((double)((uint64_t)u32(p, p->buffer + 4) << 32 |
                                          u32(p, p->buffer + 8)) /
                                 p->ticks_per_us[i]);
    packet->link_type = p->link_types[i];
    packet->octets = p->buffer + 20;
    packet->n = size;
    return true;
}

static bool take_simple(struct sim_pcap *p, size_t n, struct sim_packet *packet)
{
    uint32_t size;

    if (n < 4 || p->interfaces == 0)
        return false;
    size = u32(p, p->buffer);
    if (p->snap[0] != 0 && size > p->snap[0])
        size = p->snap[0];
    packet->time_us = 0;
    packet->link_type = p->link_types[0];
    packet->octets = p->buffer + 4;
    packet->n = size < n - 4 ? size : n - 4;
    return true;
}

/* Reads one block into the buffer; its size without frame, or -1, or -2 at the end. */
static long next_block(struct sim_pcap *p, uint32_t *type)
{
    uint8_t h[12];
    uint32_t n;
    size_t got = fread(h, 1, 8, p->file);

    if (got != 8)
        return got == 0 ? -2 : -1;
    *type = u32(p, h);
    if (*type == NG_HEADER) {
        if (!get(p, h + 8, 4) || !match(p, h + 8, NG_ORDER) ||
            fseek(p->file, -4, SEEK_CUR) != 0)
            return -1;
        p->interfaces = 0;
    }
    n = u32(p, h + 4);
    if (n < 12 || n % 4 != 0 || n - 12 > sizeof p->buffer)
        return -1;
    if (!get(p, p->buffer, n - 12) || !get(p, h + 8, 4) || u32(p, h + 8) != n)
        return -1;
    return (long)(n - 12);
}

static int next_ng(struct sim_pcap *p, struct sim_packet *packet)
{
    for (uint32_t bound = 0; bound < NG_BLOCKS; bound++) {
        uint32_t type = 0;
        long n = next_block(p, &type);

        if (n < 0)
            return n == -2 ? 0 : -1;
        if (type == NG_IDB)
            take_interface(p, (size_t)n);
        if (type == NG_EPB && take_enhanced(p, (size_t)n, packet))
            return 1;
        if (type == NG_SPB && take_simple(p, (size_t)n, packet))
            return 1;
    }
    return -1;
}

int sim_pcap_next(struct sim_pcap *p, struct sim_packet *packet)
{
    return p->ng ? next_ng(p, packet) : next_classic(p, packet);
}
