/* The socket by which audit ships its records: audit may not connect, so it is connected
 * here and handed over, and another one when audit says that it does not work any more.
 */
#include "proxy/monitor.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* However often audit asks. */
#define AGAIN_MS 200u
#define AWAY_MS  1000u

static int connected(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    int error;
    int fd;

    errno = ENAMETOOLONG;
    if (n >= sizeof to.sun_path)
        return -1;
    memcpy(to.sun_path, path, n + 1);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static void hand_over(void *ctx)
{
    struct monitor *m = ctx;
    struct proc *audit = monitor_proc_find(m, ROLE_AUDIT, 0);
    const char *path = m->config->ship_socket;
    bool sent = false;
    int fd;

    if (!audit || audit->state != PROC_RUNNING)
        return; /* when it runs, this comes again */
    fd = connected(path);
    if (fd < 0 && !m->ship.away)
        monitor_log("%s: %s; records wait in the log", path, strerror(errno));
    if (fd >= 0 && m->ship.away)
        monitor_log("%s is there", path);
    m->ship.away = fd < 0;
    if (fd >= 0) {
        sent = imsg_send(&audit->control, MSG_SHIP_SOCKET, NULL, 0, &fd, 1) == IMSG_OK;
        (void)close(fd);
    }
    if (!sent)
        (void)loop_timer_set(&m->loop, &m->ship.timer, AWAY_MS);
}

void monitor_ship_begin(struct monitor *m)
{
    if (m->config->ship.what == SHIP_OFF)
        return;
    loop_timer_stop(&m->loop, &m->ship.timer);
    loop_timer_init(&m->ship.timer, hand_over, m);
    hand_over(m);
}

enum imsg_status monitor_ship_lost(struct proc *audit, struct imsg *msg)
{
    struct monitor *m = audit->monitor;

    if (m->config->ship.what == SHIP_OFF)
        return imsg_reject(&audit->control, msg);
    if (!loop_timer_armed(&m->ship.timer))
        (void)loop_timer_set(&m->loop, &m->ship.timer, AGAIN_MS);
    return IMSG_OK;
}
