/* The event loop: timers against a model, watches that vanish in their own round, and
 * fairness between the two.  Nothing here measures how fast it is. */
#include "sandbox/loop.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define RANDOM_TIMERS 1000

static struct loop loop;

static int open_loop(void **state)
{
    (void)state;
    return loop_init(&loop) ? 0 : -1;
}

static int close_loop(void **state)
{
    (void)state;
    loop_free(&loop);
    return 0;
}

static void stop_loop(void *ctx)
{
    (void)ctx;
    loop_stop(&loop);
}

/* ---- timers ---- */

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

struct event_log {
    int count;
    int order[16];
};

struct numbered {
    struct loop_timer timer;
    struct event_log *log;
    int number;
};

static void note(void *ctx)
{
    struct numbered *n = ctx;

    n->log->order[n->log->count++] = n->number;
}

static void test_timers_expire_in_order_and_once(void **state)
{
    static const uint64_t ms[] = {30, 5, 20, 1, 10, 0, 40, 15};
    static const int want[] = {5, 3, 1, 4, 7, 2, 0, 6};
    struct numbered t[8];
    struct event_log log = {0};
    struct loop_timer end;

    (void)state;
    for (int i = 0; i < 8; i++) {
        t[i].log = &log;
        t[i].number = i;
        loop_timer_init(&t[i].timer, note, &t[i]);
        assert_false(loop_timer_armed(&t[i].timer));
        assert_true(loop_timer_set(&loop, &t[i].timer, ms[i]));
        assert_true(loop_timer_armed(&t[i].timer));
    }
    loop_timer_init(&end, stop_loop, NULL);
    assert_true(loop_timer_set(&loop, &end, 60));
    loop_run(&loop);
    assert_int_equal(log.count, 8);
    assert_memory_equal(log.order, want, sizeof want);
    for (int i = 0; i < 8; i++)
        assert_false(loop_timer_armed(&t[i].timer));
}

static void test_arming_again_replaces(void **state)
{
    struct event_log log = {0};
    struct numbered late = {.log = &log, .number = 1};
    struct numbered early = {.log = &log, .number = 2};
    struct loop_timer end;

    (void)state;
    loop_timer_init(&late.timer, note, &late);
    loop_timer_init(&early.timer, note, &early);
    loop_timer_init(&end, stop_loop, NULL);
    assert_true(loop_timer_set(&loop, &late.timer, 1));
    assert_true(loop_timer_set(&loop, &early.timer, 3600000));
    assert_true(loop_timer_set(&loop, &late.timer, 20));
    assert_true(loop_timer_set(&loop, &early.timer, 5));
    assert_true(loop_timer_set(&loop, &end, 40));
    assert_int_equal(loop.heap_count, 3);
    loop_run(&loop);
    assert_int_equal(log.count, 2);
    assert_int_equal(log.order[0], 2);
    assert_int_equal(log.order[1], 1);
}

static void test_stop_is_harmless_twice(void **state)
{
    struct event_log log = {0};
    struct numbered t = {.log = &log};
    struct loop_timer end;

    (void)state;
    loop_timer_init(&t.timer, note, &t);
    loop_timer_stop(&loop, &t.timer);
    assert_true(loop_timer_set(&loop, &t.timer, 0));
    loop_timer_stop(&loop, &t.timer);
    loop_timer_stop(&loop, &t.timer);
    loop_timer_init(&end, stop_loop, NULL);
    assert_true(loop_timer_set(&loop, &end, 5));
    loop_run(&loop);
    assert_int_equal(log.count, 0);
}

/* Two timers of the same instant: the first to run stops the other. */
struct rivals {
    struct loop_timer t[2];
    int runs;
};

static void stop_both(void *ctx)
{
    struct rivals *r = ctx;

    r->runs++;
    loop_timer_stop(&loop, &r->t[0]);
    loop_timer_stop(&loop, &r->t[1]);
}

static void test_timer_stopped_by_another_does_not_run(void **state)
{
    struct rivals r = {.runs = 0};
    struct loop_timer end;

    (void)state;
    for (int i = 0; i < 2; i++) {
        loop_timer_init(&r.t[i], stop_both, &r);
        assert_true(loop_timer_set(&loop, &r.t[i], 2));
    }
    loop_timer_init(&end, stop_loop, NULL);
    assert_true(loop_timer_set(&loop, &end, 10));
    loop_run(&loop);
    assert_int_equal(r.runs, 1);
}

/* The model: a plain array of due times. */
struct model {
    struct loop_timer timer;
    uint64_t due; /* 0: not armed */
    struct wheel *wheel;
};

struct wheel {
    struct model m[RANDOM_TIMERS];
    uint64_t last; /* due time of the last that expired in this round */
    size_t expired;
    size_t armed;
};

static void model_expired(void *ctx)
{
    struct model *m = ctx;
    struct wheel *w = m->wheel;

    assert_true(m->due != 0 && m->due <= loop_now(&loop));
    /* Nothing that is due earlier may still be waiting. */
    for (size_t i = 0; i < RANDOM_TIMERS; i++)
        assert_false(w->m[i].due != 0 && w->m[i].due < m->due);
    m->due = 0;
    w->expired++;
    if (--w->armed == 0)
        loop_stop(&loop);
}

static void change_one(struct wheel *w)
{
    struct model *m = &w->m[draw(RANDOM_TIMERS)];
    uint64_t ms = draw(60);

    if (draw(3) == 0) {
        loop_timer_stop(&loop, &m->timer);
        w->armed -= m->due != 0;
        m->due = 0;
        return;
    }
    assert_true(loop_timer_set(&loop, &m->timer, ms));
    w->armed += m->due == 0;
    m->due = loop_now(&loop) + ms;
}

static void test_random_timers_against_a_model(void **state)
{
    struct wheel *w = calloc(1, sizeof *w);
    size_t armed;

    (void)state;
    assert_non_null(w);
    for (size_t i = 0; i < RANDOM_TIMERS; i++) {
        w->m[i].wheel = w;
        loop_timer_init(&w->m[i].timer, model_expired, &w->m[i]);
    }
    for (int i = 0; i < 20 * RANDOM_TIMERS; i++)
        change_one(w);
    for (size_t i = 0; i < RANDOM_TIMERS; i++)
        assert_int_equal(loop_timer_armed(&w->m[i].timer), w->m[i].due != 0);
    assert_int_equal(loop.heap_count, w->armed);
    armed = w->armed;
    assert_true(armed > 100);
    loop_run(&loop);
    assert_int_equal(w->expired, armed);
    assert_int_equal(loop.heap_count, 0);
    free(w);
}

/* An instant beyond the end of time is far away, not at once. */
static void test_longest_time(void **state)
{
    struct event_log log = {0};
    struct numbered t = {.log = &log};
    struct loop_timer end;

    (void)state;
    loop_timer_init(&t.timer, note, &t);
    loop_timer_init(&end, stop_loop, NULL);
    assert_true(loop_timer_set(&loop, &t.timer, UINT64_MAX));
    assert_true(loop_timer_set(&loop, &end, 5));
    loop_run(&loop);
    assert_int_equal(log.count, 0);
    loop_timer_stop(&loop, &t.timer);
}

/* ---- timers and descriptors together ---- */

struct greedy {
    struct loop_timer timer;
    int runs;
};

static void again_at_once(void *ctx)
{
    struct greedy *g = ctx;

    g->runs++;
    assert_true(g->runs < 1000000);
    assert_true(loop_timer_set(&loop, &g->timer, 0));
}

static void stop_on_read(void *ctx, uint32_t events)
{
    (void)ctx;
    assert_true(events & EPOLLIN);
    loop_stop(&loop);
}

static void test_timer_of_no_time_does_not_starve_descriptors(void **state)
{
    struct greedy g[3];
    struct loop_watch w = {.fd = -1};
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_true(loop_add(&loop, &w, pair[0], EPOLLIN, stop_on_read, NULL));
    for (int i = 0; i < 3; i++) {
        g[i].runs = 0;
        loop_timer_init(&g[i].timer, again_at_once, &g[i]);
        assert_true(loop_timer_set(&loop, &g[i].timer, 0));
    }
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_run(&loop);
    loop_del(&loop, &w);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

/* ---- watches ---- */

#define WATCHES 8

struct flock {
    struct loop_watch w[WATCHES];
    int fd[WATCHES][2];
    int calls;
    bool by_free;
    struct loop_watch *heap[WATCHES];
};

static void flock_open(struct flock *f)
{
    memset(f, 0, sizeof *f);
    for (int i = 0; i < WATCHES; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, f->fd[i]), 0);
        assert_int_equal(write(f->fd[i][1], "x", 1), 1);
        f->w[i].fd = -1;
    }
}

static void flock_close(struct flock *f)
{
    for (int i = 0; i < WATCHES; i++) {
        loop_del(&loop, &f->w[i]);
        (void)close(f->fd[i][0]);
        (void)close(f->fd[i][1]);
    }
}

static void remove_all(void *ctx, uint32_t events)
{
    struct flock *f = ctx;

    (void)events;
    f->calls++;
    for (int i = 0; i < WATCHES; i++) {
        loop_del(&loop, &f->w[i]);
        assert_int_equal(f->w[i].fd, -1);
    }
    loop_stop(&loop);
}

static void test_removed_in_the_same_round_is_not_called(void **state)
{
    struct flock f;

    (void)state;
    flock_open(&f);
    for (int i = 0; i < WATCHES; i++)
        assert_true(loop_add(&loop, &f.w[i], f.fd[i][0], EPOLLIN, remove_all, &f));
    loop_run(&loop);
    assert_int_equal(f.calls, 1);
    flock_close(&f);
}

/* The same with memory that is gone, as sessions do it. */
static void free_all(void *ctx, uint32_t events)
{
    struct flock *f = ctx;

    (void)events;
    f->calls++;
    for (int i = 0; i < WATCHES; i++) {
        loop_del(&loop, f->heap[i]);
        memset(f->heap[i], 0xA5, sizeof *f->heap[i]);
        free(f->heap[i]);
    }
    loop_stop(&loop);
}

static void test_freed_in_the_same_round_is_not_touched(void **state)
{
    struct flock f;

    (void)state;
    flock_open(&f);
    for (int i = 0; i < WATCHES; i++) {
        f.heap[i] = malloc(sizeof *f.heap[i]);
        assert_non_null(f.heap[i]);
        assert_true(loop_add(&loop, f.heap[i], f.fd[i][0], EPOLLIN, free_all, &f));
    }
    loop_run(&loop);
    assert_int_equal(f.calls, 1);
    flock_close(&f);
}

static void count_writable(void *ctx, uint32_t events)
{
    struct flock *f = ctx;

    assert_int_equal(events, EPOLLOUT);
    f->calls++;
    loop_set(&loop, &f->w[0], 0);
}

static void test_what_is_waited_for_can_change(void **state)
{
    struct loop_timer end;
    struct flock f;

    (void)state;
    flock_open(&f); /* readable, but nobody asked */
    assert_true(loop_add(&loop, &f.w[0], f.fd[0][0], 0, count_writable, &f));
    loop_set(&loop, &f.w[0], EPOLLOUT);
    loop_timer_init(&end, stop_loop, NULL);
    assert_true(loop_timer_set(&loop, &end, 10));
    loop_run(&loop);
    assert_int_equal(f.calls, 1);
    loop_set(&loop, &f.w[1], EPOLLIN); /* not registered: nothing happens */
    assert_int_equal(f.w[1].fd, -1);
    flock_close(&f);
}

static void test_refused_watch_is_not_registered(void **state)
{
    struct loop_watch w = {.fd = 3};

    (void)state;
    assert_false(loop_add(&loop, &w, 999999, EPOLLIN, stop_on_read, NULL));
    assert_int_equal(errno, EBADF);
    assert_int_equal(w.fd, -1);
    loop_del(&loop, &w);
}

/* ---- rounds ---- */

struct rounds {
    int count;
    int until;
};

static void leave_errno(void *ctx)
{
    struct rounds *r = ctx;

    errno = EBADF; /* any call of a round may leave its errno behind */
    if (++r->count == r->until)
        loop_stop(&loop);
}

static void on_alarm(int sig)
{
    (void)sig;
}

/* A signal ends a wait early; what the round then does must not end the loop. */
static void test_signal_does_not_end_the_loop(void **state)
{
    struct rounds r = {.until = 4};
    struct sigaction act = {.sa_handler = on_alarm};
    struct sigaction old;
    struct itimerval every = {{0, 2000}, {0, 2000}};
    struct itimerval off = {{0, 0}, {0, 0}};

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
    loop.round_end = leave_errno;
    loop.round_ctx = &r;
    assert_int_equal(setitimer(ITIMER_REAL, &every, NULL), 0);
    loop_run(&loop);
    assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
    assert_int_equal(r.count, r.until);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_timers_expire_in_order_and_once),
        TEST(test_arming_again_replaces),
        TEST(test_stop_is_harmless_twice),
        TEST(test_timer_stopped_by_another_does_not_run),
        TEST(test_random_timers_against_a_model),
        TEST(test_longest_time),
        TEST(test_timer_of_no_time_does_not_starve_descriptors),
        TEST(test_removed_in_the_same_round_is_not_called),
        TEST(test_freed_in_the_same_round_is_not_touched),
        TEST(test_what_is_waited_for_can_change),
        TEST(test_refused_watch_is_not_registered),
        TEST(test_signal_does_not_end_the_loop),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
