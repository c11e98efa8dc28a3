#include "sandbox/trap.h"

#include "sandbox/messages.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define DIGITS_MAX 10u
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of a filter's trap; glibc has it since 2.38 */
#endif

static int note_fd = -1;

/* Only what is safe in a signal handler: the process was stopped anywhere. */
static size_t put_number(char *out, unsigned int n)
{
    char digits[DIGITS_MAX];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + n % 10u);
        n /= 10u;
    } while (n > 0 && count < DIGITS_MAX);
    for (size_t i = 0; i < count; i++)
        out[i] = digits[count - 1 - i];
    return count;
}

static void say(unsigned int call)
{
    struct {
        uint16_t header[2]; /* as imsg.c writes it */
        char text[sizeof TRAP_NOTE + DIGITS_MAX];
    } note;
    const size_t head = sizeof TRAP_NOTE - 1;
    size_t n = head + put_number(note.text + head, call);
    struct iovec iov = {&note, sizeof note.header + n};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    memcpy(note.text, TRAP_NOTE, head);
    note.header[0] = MSG_NOTE;
    note.header[1] = (uint16_t)n;
    /* The one way of sending that every table has. */
    (void)sendmsg(note_fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void trapped(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    /* Anybody with the right to may send the signal. */
    if (note_fd >= 0 && info->si_code == SYS_SECCOMP)
        say((unsigned int)info->si_syscall);
    /* SIGSYS is blocked in here and its action is the default again, so that another
     * forbidden call ends the process by it: whoever waits for it sees why. */
    (void)syscall(SYS_execve, NULL, NULL, NULL);
    _exit(126);
}

bool trap_install(int fd)
{
    struct sigaction act;

    note_fd = fd;
    memset(&act, 0, sizeof act);
    (void)sigfillset(&act.sa_mask);
    act.sa_sigaction = trapped;
    act.sa_flags = SA_SIGINFO | (int)SA_RESETHAND;
    return sigaction(SIGSYS, &act, NULL) == 0;
}
