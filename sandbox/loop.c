#include "sandbox/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t monotonic_ms(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

bool loop_init(struct loop *l)
{
    memset(l, 0, sizeof *l);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->now = monotonic_ms();
    return l->epoll_fd >= 0;
}

void loop_free(struct loop *l)
{
    if (l->epoll_fd >= 0)
        (void)close(l->epoll_fd);
    l->epoll_fd = -1;
    free(l->heap);
    l->heap = NULL;
    l->heap_count = l->heap_size = 0;
}

bool loop_add(struct loop *l, struct loop_watch *w, int fd, uint32_t events,
              void (*ready)(void *ctx, uint32_t events), void *ctx)
{
    struct epoll_event ev = {.events = events, .data.ptr = w};

    w->fd = fd;
    w->events = events;
    w->ready = ready;
    w->ctx = ctx;
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0)
        return true;
    w->fd = -1;
    return false;
}

void loop_set(struct loop *l, struct loop_watch *w, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = w};

    if (w->fd < 0 || w->events == events)
        return;
    w->events = events;
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &ev);
}

void loop_del(struct loop *l, struct loop_watch *w)
{
    if (w->fd < 0)
        return;
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    w->fd = -1;
    for (int i = 0; i < l->batch_count; i++) {
        if (l->batch[i].data.ptr == w)
            l->batch[i].data.ptr = NULL;
    }
}

/* ---- timers: a binary heap of pointers, earliest first ---- */

static void heap_place(struct loop *l, size_t i, struct loop_timer *t)
{
    l->heap[i] = t;
    t->slot = i + 1;
}

static void heap_up(struct loop *l, size_t i, struct loop_timer *t)
{
    while (i > 0 && t->due < l->heap[(i - 1) / 2]->due) {
        heap_place(l, i, l->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(l, i, t);
}

static void heap_down(struct loop *l, size_t i, struct loop_timer *t)
{
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= l->heap_count)
            break;
        if (child + 1 < l->heap_count && l->heap[child + 1]->due < l->heap[child]->due)
            child++;
        if (t->due <= l->heap[child]->due)
            break;
        heap_place(l, i, l->heap[child]);
        i = child;
    }
    heap_place(l, i, t);
}

void loop_timer_init(struct loop_timer *t, void (*expired)(void *ctx), void *ctx)
{
    t->due = 0;
    t->slot = 0;
    t->expired = expired;
    t->ctx = ctx;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
    size_t i = t->slot - 1;
    struct loop_timer *last;

    if (t->slot == 0)
        return;
    t->slot = 0;
    last = l->heap[--l->heap_count];
    if (last == t)
        return;
    if (i > 0 && last->due < l->heap[(i - 1) / 2]->due)
        heap_up(l, i, last);
    else
        heap_down(l, i, last);
}

bool loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t ms)
{
    loop_timer_stop(l, t);
    if (l->heap_count == l->heap_size) {
        size_t size = l->heap_size ? l->heap_size * 2 : 16;
        struct loop_timer **heap = realloc(l->heap, size * sizeof(struct loop_timer *));

        if (!heap)
            return false;
        l->heap = heap;
        l->heap_size = size;
    }
    t->due = ms < UINT64_MAX - l->now ? l->now + ms : UINT64_MAX;
    heap_up(l, l->heap_count++, t);
    return true;
}

static int wait_ms(const struct loop *l)
{
    uint64_t left;

    if (l->heap_count == 0)
        return -1;
    if (l->heap[0]->due <= l->now)
        return 0;
    left = l->heap[0]->due - l->now;
    return left > 60000 ? 60000 : (int)left;
}

static void run_timers(struct loop *l)
{
    /* A timer that re-arms itself with 0 ms must not keep the loop here. */
    for (size_t budget = l->heap_count; budget > 0 && l->heap_count > 0; budget--) {
        struct loop_timer *t = l->heap[0];

        if (t->due > l->now)
            break;
        loop_timer_stop(l, t);
        t->expired(t->ctx);
    }
}

uint64_t loop_now(const struct loop *l)
{
    return l->now;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}

void loop_run(struct loop *l)
{
    while (!l->stopping) {
        int n = epoll_wait(l->epoll_fd, l->batch, LOOP_BATCH, wait_ms(l));
        /* What the round calls leaves its own errno. */
        bool broken = n < 0 && errno != EINTR;

        l->now = monotonic_ms();
        l->batch_count = n > 0 ? n : 0;
        for (int i = 0; i < l->batch_count; i++) {
            struct loop_watch *w = l->batch[i].data.ptr;

            if (w)
                w->ready(w->ctx, l->batch[i].events);
        }
        l->batch_count = 0;
        run_timers(l);
        if (l->round_end)
            l->round_end(l->round_ctx);
        if (broken)
            break;
    }
}
