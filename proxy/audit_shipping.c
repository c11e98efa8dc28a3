#include "proxy/audit_shipping.h"

#include <string.h>
#include <unistd.h>

#define LAST_MS 500u

static void wake(void *ctx)
{
    (void)ctx; /* the end of the round does it */
}

static bool ask(void *ctx)
{
    struct audit_shipping *s = ctx;

    return imsg_send(&s->child->control, MSG_SHIP_LOST, NULL, 0, NULL, 0) == IMSG_OK;
}

static void tell(void *ctx, struct record *r)
{
    struct audit_shipping *s = ctx;
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    /* Behind the record of the log's end there is none. */
    if (n > 0 && s->end_by == 0)
        audit_log_add(s->log, &s->log->self, payload, n, false);
}

/* RFC 5424 6: printable ASCII. */
static void read_host(char out[AUDIT_SYSLOG_HOST])
{
    if (gethostname(out, AUDIT_SYSLOG_HOST) != 0)
        out[0] = '\0';
    out[AUDIT_SYSLOG_HOST - 1] = '\0';
    for (char *c = out; *c != '\0'; c++) {
        if (*c <= 0x20 || *c > 0x7E)
            *c = '_';
    }
}

static uint64_t rotated(void *ctx, uint64_t want)
{
    const struct audit_shelf *shelf = &((const struct audit_shipping *)ctx)->log->shelf;

    for (size_t i = 0; i < shelf->count; i++) {
        if (shelf->old[i].first_seq >= want)
            return shelf->old[i].first_seq;
    }
    return 0;
}

void audit_shipping_init(struct audit_shipping *s, struct child *child,
                         struct audit_log *log, const struct ship_config *c)
{
    memset(s, 0, sizeof *s);
    s->child = child;
    s->log = log;
    s->config = *c;
    s->ship.socket = -1;
    read_host(s->host);
    loop_timer_init(&s->timer, wake, s);
}

void audit_shipping_start(struct audit_shipping *s, int dir_fd)
{
    if (s->config.what == SHIP_OFF)
        return;
    audit_ship_begin(&s->ship, dir_fd, &s->config, s->host, s->log->place.boot,
                     loop_now(&s->child->loop));
    s->log->retain.keep_from_seq = s->ship.delivered.seq + 1;
    s->ship.ask = ask;
    s->ship.tell = tell;
    s->ship.ctx = s;
    s->ship.from.rotated = rotated;
    s->ship.from.ctx = s;
}

enum imsg_status audit_shipping_socket(struct audit_shipping *s, struct imsg *m)
{
    if (s->ship.config.what == SHIP_OFF)
        return imsg_reject(&s->child->control, m);
    audit_ship_socket(&s->ship, m->fds[0]);
    m->fd_count = 0;
    loop_timer_stop(&s->child->loop, &s->timer);
    return IMSG_OK;
}

static bool ended(const struct audit_shipping *s)
{
    const struct audit_ship *ship = &s->ship;

    return ship->config.what == SHIP_OFF || ship->socket < 0 ||
           (ship->in_flight == 0 && !ship->have_line &&
            ship->sent.seq >= s->log->file.synced.seq) ||
           loop_now(&s->child->loop) >= s->end_by;
}

void audit_shipping_turn(struct audit_shipping *s)
{
    struct loop *loop = &s->child->loop;
    bool wait = s->ship.stuck && loop_timer_armed(&s->timer);

    if (s->ship.config.what != SHIP_OFF && !wait) {
        uint64_t ms = audit_ship_turn(&s->ship, s->log->file.synced.seq, loop_now(loop));

        (void)loop_timer_set(loop, &s->timer, ms);
        s->log->retain.keep_from_seq = s->ship.delivered.seq + 1;
    }
    if (s->end_by == 0 || !ended(s))
        return;
    if (s->ship.config.what != SHIP_OFF)
        audit_ship_end(&s->ship);
    loop_stop(loop);
}

void audit_shipping_stop(struct audit_shipping *s)
{
    s->end_by = loop_now(&s->child->loop) + LAST_MS;
    loop_timer_stop(&s->child->loop, &s->timer);
}
