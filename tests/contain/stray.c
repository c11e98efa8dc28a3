/* A gate gone astray, to be started by gate104d in place of the real one.  Two in one
 * program, told apart by its folder's name:
 *   .../open/   enters its sandbox like any role; asked for its sessions, it opens a file
 *   .../naked/  says READY without a sandbox */
#include "sandbox/child.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool init(struct child *c, const uint8_t *cfg, size_t len)
{
    (void)c;
    (void)cfg;
    return len > 0;
}

static void take(struct child *c, enum role peer, uint32_t id, int fd)
{
    (void)c;
    (void)peer;
    (void)id;
    (void)fd; /* stays open */
}

static enum imsg_status message(struct child *c, struct imsg *m)
{
    (void)c;
    if (m->type == MSG_STATUS_ASK)
        _exit(open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 5 : 6);
    return IMSG_OK;
}

static void stop(struct child *c)
{
    loop_stop(&c->loop);
}

/* As much of the catalogue as it takes to be believed. */
static int naked(void)
{
    static struct imsg m;
    struct imsg_channel control;

    imsg_channel_init(&control, CHILD_CONTROL_FD, ROLE_GATE, ROLE_MONITOR, 0, PHASE_INIT);
    if (imsg_send(&control, MSG_READY, NULL, 0, NULL, 0) != IMSG_OK)
        return 7;
    for (;;) {
        enum imsg_status s = imsg_recv(&control, &m);

        if (s == IMSG_OK && m.type == MSG_START)
            return 8; /* it was taken for a gate */
        if (s == IMSG_CLOSED)
            return 9;
        (void)usleep(1000);
    }
}

int main(int argc, char **argv)
{
    static const struct child_ops ops = {.role = ROLE_GATE,
                                         .max_fds = 64,
                                         .init = init,
                                         .channel = take,
                                         .message = message,
                                         .stop = stop};
    static struct child child;

    if (argc > 0 && strstr(argv[0], "/naked/"))
        return naked();
    return child_main(argc, argv, &ops, &child);
}
