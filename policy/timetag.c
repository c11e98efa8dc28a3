#include "policy/timetag.h"

#define CP56_SIZE        7u
#define MILLISECONDS_MAX 59999u
#define MINUTE_IV        0x80u /* with the minutes */
#define MINUTE_RESERVED  0x40u /* CP24; in CP56 it says "substituted" */
#define DAYS_FEBRUARY    28u

static const uint8_t DAYS[13] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/*@ requires \valid_read(p + (0 .. 1));
    assigns \nothing;
    ensures \result <==> time_of_minute(p); */
static bool is_milliseconds(const uint8_t *p)
{
    return p[0] + 256u * p[1] <= MILLISECONDS_MAX;
}

/* Two digits of the year: 2000 to 2099, where every fourth year is a leap year. */
/*@ assigns \nothing;
    ensures \result ==> legal_day(day, month, year); */
static bool is_day(unsigned int day, unsigned int month, unsigned int year)
{
    if (day < 1 || month < 1 || month > 12 || day > DAYS[month])
        return false;
    return month != 2 || day <= DAYS_FEBRUARY || year % 4 == 0;
}

/*@ requires judging(j) && at <= 65535;
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures \result == 0 ==> j->tolerated != 0; */
static bool bad_time(struct judgement *j, size_t at)
{
    return judgement_fault(j, REASON_BAD_TIME, at, QUIRK_ANY_TIME);
}

/*@ requires judging(j) && at <= 65535;
    assigns j->tolerated, j->fault;
    ensures judged{Pre, Post}(j, \result);
    ensures \result == 0 ==> j->tolerated != 0; */
static bool reserved_bit(struct judgement *j, size_t at)
{
    return judgement_fault(j, REASON_RESERVED_BIT, at, QUIRK_RESERVED_BITS);
}

/* True if there is no more to be seen: *stands tells whether a fault stands. */
/*@ requires judging(j) && at <= 65535 && \valid(stands) && \separated(j, stands);
    assigns j->tolerated, j->fault, *stands;
    ensures judged{Pre, Post}(j, *stands);
    ensures \result <==> (minute & 0x80) != 0;
    ensures \result == 0 ==> *stands == 0;
    ensures *stands == 0 && j->dir == DIR_CONTROL && \result != 0 ==> j->tolerated != 0;
 */
static bool check_invalid(struct judgement *j, uint8_t minute, size_t at, bool *stands)
{
    *stands = false;
    if ((minute & MINUTE_IV) == 0)
        return false;
    *stands = j->dir == DIR_CONTROL && bad_time(j, at);
    return true;
}

bool timetag_check_cp16(struct judgement *j, const uint8_t *p, size_t at)
{
    return !is_milliseconds(p) && bad_time(j, at);
}

bool timetag_check_cp24(struct judgement *j, const uint8_t *p, size_t at)
{
    bool stands;

    if ((p[2] & MINUTE_RESERVED) != 0 && reserved_bit(j, at + 2))
        return true;
    if (check_invalid(j, p[2], at + 2, &stands))
        return stands;
    if (!is_milliseconds(p) && bad_time(j, at))
        return true;
    return (p[2] & 0x3F) > 59 && bad_time(j, at + 2);
}

/* Where its first reserved bit is, 0 for none. */
/*@ requires \valid_read(p + (0 .. 6));
    assigns \nothing;
    ensures \result <= 6;
    ensures \result == 0 ==>
      (p[3] & 0x60) == 0 && (p[5] & 0xF0) == 0 && (p[6] & 0x80) == 0; */
static size_t cp56_reserved(const uint8_t *p)
{
    if ((p[3] & 0x60) != 0)
        return 3;
    if ((p[5] & 0xF0) != 0)
        return 5;
    return (p[6] & 0x80) != 0 ? 6 : 0;
}

/* Where it is no time of the calendar, CP56_SIZE for nowhere.  Reserved bits apart. */
/*@ requires \valid_read(p + (0 .. 6));
    assigns \nothing;
    ensures \result <= 7;
    ensures \result == 7 ==> time_of_minute(p) && (p[2] & 0x3F) <= 59 &&
      (p[3] & 0x1F) <= 23 && (p[6] & 0x7F) <= 99 &&
      legal_day(p[4] & 0x1F, p[5] & 0x0F, p[6] & 0x7F); */
static size_t cp56_fault(const uint8_t *p)
{
    if (!is_milliseconds(p))
        return 0;
    if ((p[2] & 0x3F) > 59)
        return 2;
    if ((p[3] & 0x1F) > 23)
        return 3;
    if ((p[6] & 0x7F) > 99)
        return 6;
    return is_day(p[4] & 0x1F, p[5] & 0x0F, p[6] & 0x7F) ? CP56_SIZE : 4;
}

bool timetag_check_cp56(struct judgement *j, const uint8_t *p, size_t at)
{
    const size_t reserved = cp56_reserved(p);
    bool stands;

    if (reserved != 0 && reserved_bit(j, at + reserved))
        return true;
    if (check_invalid(j, p[2], at + 2, &stands))
        return stands;

    const size_t fault = cp56_fault(p);
    return fault != CP56_SIZE && bad_time(j, at + fault);
}

/*@ requires \valid_read(p + (0 .. n - 1));
    assigns \nothing;
    ensures \result <==> all_zero(p, n); */
static bool is_zero(const uint8_t *p, size_t n)
{
    /*@ loop invariant 0 <= i <= n;
        loop invariant all_zero(p, i);
        loop assigns i;
        loop variant n - i; */
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

bool timetag_check_bound(struct judgement *j, const uint8_t *p, size_t at)
{
    return !is_zero(p, CP56_SIZE) && timetag_check_cp56(j, p, at);
}
