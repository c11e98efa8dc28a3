#include "fuzz/lib/capture_make.h"

#include "fuzz/lib/apdu_mutate.h"

#include <string.h>

#define FILE_HEADER   24u
#define RECORD_HEADER 16u
#define IP_HEADER     20u
#define TCP_HEADER    20u
#define APDU_MAX      255u
#define PACKET_MAX    (RECORD_HEADER + IP_HEADER + TCP_HEADER + 2 * APDU_MAX)

static const uint8_t HEADER[FILE_HEADER] = {0xD4, 0xC3, 0xB2, 0xA1, 2, 0, 4, 0, 0, 0,  0,
                                            0,    0,    0,    0,    0, 0, 0, 4, 0, 101};

static uint32_t draw(uint32_t *state, uint32_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % below;
}

static void put_be16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static size_t make_payload(uint8_t *out, uint32_t *state)
{
    uint8_t apdu[APDU_MAX];
    size_t n = 0;

    for (uint32_t i = draw(state, 3); i > 0; i--) {
        const size_t size = apdu_make(apdu, &PROFILE_104, draw(state, 1u << 24));
        memcpy(out + n, apdu, size);
        n += size;
    }
    /* The rest in another segment, or none at all. */
    return n > 0 && draw(state, 4) == 0 ? draw(state, (uint32_t)n) : n;
}

static size_t make_packet(uint8_t out[PACKET_MAX], uint32_t *state)
{
    uint8_t *ip = out + RECORD_HEADER, *tcp = ip + IP_HEADER;
    const bool from_station = draw(state, 2) == 0;

    memset(out, 0, RECORD_HEADER + IP_HEADER + TCP_HEADER);
    const size_t n = make_payload(tcp + TCP_HEADER, state);
    const size_t size = IP_HEADER + TCP_HEADER + n;
    out[8] = out[12] = (uint8_t)size;
    out[9] = out[13] = (uint8_t)(size >> 8);
    ip[0] = 0x45;
    put_be16(ip + 2, size);
    ip[9] = 6;
    ip[15] = from_station ? 1 : 2;
    ip[19] = from_station ? 2 : 1;
    put_be16(tcp, from_station ? 2404 : 40000);
    put_be16(tcp + 2, from_station ? 40000 : 2404);
    put_be16(tcp + 6, draw(state, 64));
    tcp[12] = 0x50;
    tcp[13] = (uint8_t)(draw(state, 8) == 0 ? 2 : 0x10);
    return RECORD_HEADER + size;
}

/* A number in an octet a little larger or smaller: lengths are the ones that tell. */
static void nudge(uint8_t *p, size_t n, uint32_t *state)
{
    const size_t at = draw(state, (uint32_t)n) / 4 * 4 + (draw(state, 4) == 0 ? 2 : 0);

    if (at < n)
        p[at] = (uint8_t)(p[at] + draw(state, 65) - 32);
}

size_t capture_mutate(uint8_t *p, size_t n, size_t max, uint32_t seed)
{
    uint8_t packet[PACKET_MAX];
    uint32_t state = seed;

    if (n > 0 && draw(&state, 3) != 0) {
        nudge(p, n, &state);
        return n;
    }
    if (n < FILE_HEADER && max >= FILE_HEADER) {
        memcpy(p, HEADER, FILE_HEADER);
        n = FILE_HEADER;
    }
    const size_t size = make_packet(packet, &state);
    if (size > max || n > max - size)
        return n;
    memcpy(p + n, packet, size);
    return n + size;
}
