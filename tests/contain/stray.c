/* A gate gone astray, to be started by gate104d in place of the real one.  Several in one
 * program, told apart by its folder's name.  Those of the table enter their sandbox like
 * any role, and go wrong when they are asked for their sessions:
 *   .../open/   opens a file
 *   .../assert/ fails an assertion
 *   .../abort/  gives up, as malloc does when its lists are broken
 *   .../smash/  writes beyond a buffer on its stack
 *   .../free/   frees twice
 *   .../fault/  reads where nothing is
 *   .../write/  writes to standard error
 * and, before it says READY,
 *   .../hoard/  keeps a descriptor that is none of its own
 *   .../apart/  moves into another network
 *   .../naked/  says READY without a sandbox */
#include "sandbox/child.h"

#include <assert.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program_folder;

static bool init(struct child *c, const uint8_t *cfg, size_t len)
{
    (void)cfg;
    if (strstr(program_folder, "/hoard/"))
        child_keep(c, dup(STDIN_FILENO));
    if (strstr(program_folder, "/apart/"))
        (void)unshare(CLONE_NEWNET);
    return len > 0;
}

static void take(struct child *c, enum role peer, uint32_t id, int fd)
{
    (void)c;
    (void)peer;
    (void)id;
    (void)fd; /* stays open */
}

static void go_open(void)
{
    (void)open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void go_assert(void)
{
    assert(program_folder == NULL);
}

/* The compiler is not to know how long it is. */
static volatile size_t too_long = 64;

__attribute__((noinline)) static void go_smash(void)
{
    volatile char room[16];
    volatile char *p = room;

    for (size_t i = 0; i < too_long; i++)
        p[i] = 'x';
}

static void go_free(void)
{
    void *volatile p = malloc(1000);
    void *volatile wall = malloc(1000);

    free(p);
    free(p);
    free(wall);
}

static volatile int *volatile nowhere = NULL;

static void go_fault(void)
{
    (void)*nowhere;
}

static void go_write(void)
{
    (void)fputs("a word of its own\n", stderr);
}

static const struct {
    const char *folder;
    void (*go)(void);
} ways[] = {
    {"/open/", go_open},   {"/assert/", go_assert}, {"/abort/", abort},
    {"/smash/", go_smash}, {"/free/", go_free},     {"/fault/", go_fault},
    {"/write/", go_write},
};

static enum imsg_status message(struct child *c, struct imsg *m)
{
    (void)c;
    for (size_t i = 0; m->type == MSG_STATUS_ASK && i < sizeof ways / sizeof ways[0];
         i++) {
        if (strstr(program_folder, ways[i].folder)) {
            ways[i].go();
            _exit(5);
        }
    }
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

    program_folder = argc > 0 ? argv[0] : "";
    if (strstr(program_folder, "/naked/"))
        return naked();
    return child_main(argc, argv, &ops, &child);
}
