#include "tests/sim/simclock.h"

#include <time.h>

uint64_t sim_clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

int64_t sim_clock_wall_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void sim_clock_to_cp56(int64_t wall_ms, uint8_t out[7])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    unsigned int ms = (unsigned int)(wall_ms % 1000);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    ms += (unsigned int)(tm.tm_sec % 60) * 1000u;
    out[0] = (uint8_t)(ms & 0xFFu);
    out[1] = (uint8_t)(ms >> 8);
    out[2] = (uint8_t)tm.tm_min;
    out[3] = (uint8_t)tm.tm_hour;
    /* Monday is 1 and Sunday 7; 0 would mean "day of week not used". */
    out[4] = (uint8_t)(tm.tm_mday | ((tm.tm_wday == 0 ? 7 : tm.tm_wday) << 5));
    out[5] = (uint8_t)(tm.tm_mon + 1);
    out[6] = (uint8_t)(tm.tm_year % 100);
}

bool sim_clock_from_cp56(const uint8_t in[7], int64_t *wall_ms)
{
    unsigned int ms = in[0] | (unsigned int)in[1] << 8;
    struct tm tm = {
        .tm_sec = (int)(ms / 1000u),
        .tm_min = in[2] & 0x3F,
        .tm_hour = in[3] & 0x1F,
        .tm_mday = in[4] & 0x1F,
        .tm_mon = (in[5] & 0x0F) - 1,
        .tm_year = in[6] & 0x7F,
    };

    if (ms > 59999u || (in[2] & 0x80) != 0 || tm.tm_min > 59 || tm.tm_hour > 23)
        return false;
    if (tm.tm_mday < 1 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_year > 99)
        return false;
    if (tm.tm_year < 70)
        tm.tm_year += 100;
    *wall_ms = (int64_t)timegm(&tm) * 1000 + (int64_t)(ms % 1000u);
    return true;
}
