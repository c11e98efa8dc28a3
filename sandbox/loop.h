/* The event loop of every process: epoll and monotonic timers, nothing else.
 *
 * Watches and timers are owned by the caller and must stay in place while they are
 * registered.  A callback may remove any watch or timer, its own too; a removed one is
 * not called again, even if its event was already fetched.  Memory grows only when more
 * timers are armed at once than ever before. */
#ifndef GATE104_SANDBOX_LOOP_H
#define GATE104_SANDBOX_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_BATCH 64

struct loop_watch {
    int fd; /* -1: not registered */
    uint32_t events;
    void (*ready)(void *ctx, uint32_t events);
    void *ctx;
};

struct loop_timer {
    uint64_t due;
    size_t slot; /* place in the heap + 1; 0: not armed */
    void (*expired)(void *ctx);
    void *ctx;
};

struct loop {
    int epoll_fd;
    bool stopping;
    uint64_t now; /* milliseconds, monotonic, read once per round */
    struct epoll_event batch[LOOP_BATCH];
    int batch_count;
    struct loop_timer **heap;
    size_t heap_count;
    size_t heap_size;
    /* Called at the end of every round, for work that one round gathers. */
    void (*round_end)(void *ctx);
    void *round_ctx;
};

bool loop_init(struct loop *l);
void loop_free(struct loop *l);

/* Registers a watch for EPOLLIN/EPOLLOUT (level triggered; errors and hang-ups are always
 * reported).  False with errno when the kernel refuses. */
bool loop_add(struct loop *l, struct loop_watch *w, int fd, uint32_t events,
              void (*ready)(void *ctx, uint32_t events), void *ctx);
/* Changes what is waited for; no system call when nothing changes. */
void loop_set(struct loop *l, struct loop_watch *w, uint32_t events);
/* Forgets the watch; does not close the descriptor.  Harmless when not registered. */
void loop_del(struct loop *l, struct loop_watch *w);

void loop_timer_init(struct loop_timer *t, void (*expired)(void *ctx), void *ctx);
/* Arms or re-arms: expires once, `ms` milliseconds from loop_now(). False: no memory. */
bool loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t ms);
void loop_timer_stop(struct loop *l, struct loop_timer *t);
static inline bool loop_timer_armed(const struct loop_timer *t)
{
    return t->slot != 0;
}

/* Milliseconds of CLOCK_MONOTONIC at the start of this round. */
uint64_t loop_now(const struct loop *l);
/* Runs until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* CLOCK_MONOTONIC in milliseconds, read now. */
uint64_t monotonic_ms(void);

#endif
