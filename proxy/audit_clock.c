#include "proxy/audit_clock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool audit_clock_boot(char out[AUDIT_BOOT_SIZE + 1])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    uint8_t octets[AUDIT_BOOT_SIZE / 2];
    ssize_t n = fd < 0 ? -1 : read(fd, out, AUDIT_BOOT_SIZE);

    if (fd >= 0)
        (void)close(fd);
    out[AUDIT_BOOT_SIZE] = '\0';
    return n == (ssize_t)AUDIT_BOOT_SIZE && audit_unhex(out, octets, sizeof octets);
}

void audit_clock_read(struct audit_now *now)
{
    struct timespec mono = {0, 0};

    memset(now, 0, sizeof *now);
    (void)clock_gettime(CLOCK_REALTIME, &now->utc);
    (void)clock_gettime(CLOCK_MONOTONIC, &mono);
    now->mono_ms = (uint64_t)mono.tv_sec * 1000u + (uint64_t)mono.tv_nsec / 1000000u;
}

static int64_t utc_ms(const struct audit_now *now)
{
    return (int64_t)now->utc.tv_sec * 1000 + now->utc.tv_nsec / 1000000;
}

void audit_clock_mark(struct audit_mark *m, const struct audit_now *now)
{
    m->known = m->same_boot = true;
    m->utc_ms = utc_ms(now);
    m->mono_ms = now->mono_ms;
}

int64_t audit_clock_step(const struct audit_mark *before, const struct audit_now *now)
{
    int64_t step = utc_ms(now) - before->utc_ms;

    if (!before->known)
        return 0;
    if (before->same_boot)
        step -= (int64_t)(now->mono_ms - before->mono_ms);
    else if (step > 0)
        return 0;
    return step > AUDIT_STEP_MS || step < -AUDIT_STEP_MS ? step : 0;
}

const char *audit_clock_word(enum log_clock state)
{
    static const char *const words[] = {
        [LOG_CLOCK_UNKNOWN] = "unknown",
        [LOG_CLOCK_SYNCHRONIZED] = "synchronized",
        [LOG_CLOCK_UNSYNCHRONIZED] = "unsynchronized",
    };

    return words[state];
}

bool audit_clock_told(const struct imsg *m, enum log_clock *state)
{
    struct msg_log_clock body;

    imsg_get(m, &body, sizeof body);
    if (body.state > LOG_CLOCK_MAX || (body.zero[0] | body.zero[1] | body.zero[2]) != 0)
        return false;
    *state = (enum log_clock)body.state;
    return true;
}
