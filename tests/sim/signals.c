#include "tests/sim/signals.h"

#include <signal.h>
#include <string.h>
#include <time.h>

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

void sim_signals_init(void)
{
    struct sigaction sa;
    sigset_t block;

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
    sa.sa_handler = on_signal;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
    /* Delivered only inside ppoll: no signal gets lost between the check and the wait. */
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigprocmask(SIG_BLOCK, &block, NULL);
}

bool sim_signals_stop(void)
{
    sigset_t pending;

    /* ppoll does not deliver a signal while a descriptor is ready: under load look here.
     */
    if (sigpending(&pending) == 0 &&
        (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1))
        stop = 1;
    return stop != 0;
}

void sim_signals_poll(struct pollfd *fds, unsigned int n, int timeout)
{
    struct timespec ts = {.tv_sec = timeout / 1000,
                          .tv_nsec = (long)(timeout % 1000) * 1000000};
    sigset_t none;

    sigemptyset(&none);
    if (ppoll(fds, n, timeout < 0 ? NULL : &ts, &none) < 0)
        for (unsigned int i = 0; i < n; i++)
            fds[i].revents = 0;
}
