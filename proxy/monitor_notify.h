/* What the service manager is told, by the protocol of sd_notify(3): that everything
 * runs, is read again, or stops, and that the monitor is alive.  Private to the monitor.
 * Where nobody listens nothing is said, and no failure to say it changes what gate104d
 * does. */
#ifndef GATE104_PROXY_MONITOR_NOTIFY_H
#define GATE104_PROXY_MONITOR_NOTIFY_H

#include "sandbox/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define NOTIFY_TEXT_MAX 512u

struct notify {
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un to;
    socklen_t to_size;
    uint64_t watchdog_ms; /* between two signs of life; 0: none are wanted */
    struct loop *loop;
    struct loop_timer watchdog;
    struct loop_timer again;
    char unsaid[NOTIFY_TEXT_MAX]; /* its receiver had no room; "": nothing is due */
};

/* Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment, so that no
 * program started later can speak for this one. */
void notify_take(struct notify *n);
/* From now on: signs of life, and second attempts. */
void notify_begin(struct notify *n, struct loop *l);
void notify_end(struct notify *n);

/* `status` is for people; what is not printable ASCII in it becomes "?". */
void notify_ready(struct notify *n, const char *status);
void notify_reloading(struct notify *n);
void notify_stopping(struct notify *n, const char *status);

#endif
