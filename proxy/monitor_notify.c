#include "proxy/monitor_notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_MS     100u
#define WATCHDOG_MAX (UINT64_MAX / 2)

/* A whole decimal number and nothing else; 0 if it is none. */
static uint64_t number(const char *s)
{
    char *end;
    unsigned long long v;

    if (!s || *s < '0' || *s > '9')
        return 0;
    errno = 0;
    v = strtoull(s, &end, 10);
    return errno == 0 && *end == '\0' && v <= WATCHDOG_MAX ? v : 0;
}

/* "/path", or "@name" in the abstract namespace. */
static bool address(const char *s, struct notify *n)
{
    size_t size = s ? strlen(s) : 0;

    if (size < 2 || size >= sizeof n->to.sun_path || (s[0] != '/' && s[0] != '@'))
        return false;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, s, size);
    if (s[0] == '@')
        n->to.sun_path[0] = '\0';
    n->to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return true;
}

void notify_take(struct notify *n)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
    const char *pid = getenv("WATCHDOG_PID");
    const uint64_t usec = number(getenv("WATCHDOG_USEC"));

    memset(n, 0, sizeof *n);
    n->fd = -1;
    if (address(getenv(names[0]), n))
        n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Half of it, as sd_watchdog_enabled(3) has it. */
    if (usec > 0 && (!pid || number(pid) == (uint64_t)getpid()))
        n->watchdog_ms = usec >= 2000 ? usec / 2000 : 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
}

/* False: there was no room. */
static bool say(const struct notify *n, const char *text)
{
    return n->fd < 0 ||
           sendto(n->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                  (const struct sockaddr *)&n->to, n->to_size) >= 0 ||
           (errno != EAGAIN && errno != EINTR && errno != ENOBUFS);
}

static void say_again(void *ctx)
{
    struct notify *n = ctx;

    if (say(n, n->unsaid))
        n->unsaid[0] = '\0';
    else
        (void)loop_timer_set(n->loop, &n->again, AGAIN_MS);
}

/* A state that is not heard would be waited for in vain; the newest is all that counts.
 */
static void say_state(struct notify *n, const char *text)
{
    if (!n->loop)
        return;
    loop_timer_stop(n->loop, &n->again);
    (void)snprintf(n->unsaid, sizeof n->unsaid, "%s", text);
    say_again(n);
}

static void alive(void *ctx)
{
    struct notify *n = ctx;

    (void)say(n, "WATCHDOG=1");
    (void)loop_timer_set(n->loop, &n->watchdog, n->watchdog_ms);
}

void notify_begin(struct notify *n, struct loop *l)
{
    n->loop = l;
    loop_timer_init(&n->again, say_again, n);
    loop_timer_init(&n->watchdog, alive, n);
    if (n->fd >= 0 && n->watchdog_ms > 0)
        alive(n);
}

void notify_end(struct notify *n)
{
    if (n->loop) {
        loop_timer_stop(n->loop, &n->again);
        loop_timer_stop(n->loop, &n->watchdog);
    }
    if (n->fd >= 0)
        (void)close(n->fd);
    n->fd = -1;
    n->loop = NULL;
}

/* A line of its own in a status would be an order to the service manager. */
static void say_with_status(struct notify *n, const char *state, const char *status)
{
    char text[NOTIFY_TEXT_MAX];
    size_t begin = (size_t)snprintf(text, sizeof text, "%s\nSTATUS=", state);

    (void)snprintf(text + begin, sizeof text - begin, "%s", status);
    for (char *c = text + begin; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7E)
            *c = '?';
    }
    say_state(n, text);
}

void notify_ready(struct notify *n, const char *status)
{
    say_with_status(n, "READY=1", status);
}

void notify_reloading(struct notify *n)
{
    struct timespec now = {0};
    char state[80];

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                   (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    say_with_status(n, state, "reading the configuration again");
}

void notify_stopping(struct notify *n, const char *status)
{
    say_with_status(n, "STOPPING=1", status);
}
