#include "proxy/audit_shipping.h"

#include <dirent.h>
#include <stdlib.h>
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

/* In the sandbox no folder can be read.  Files that are rotated later are found by the
 * number behind the last record. */
static bool list_rotated(struct audit_shipping *s, const char *path)
{
    DIR *dir = opendir(path);
    bool good = dir != NULL;
    const struct dirent *e;

    while (good && (e = readdir(dir)) != NULL) {
        uint64_t first = audit_follow_rotated(e->d_name);
        uint64_t *more;

        if (first == 0)
            continue;
        more = realloc(s->rotated, (s->rotated_count + 1) * sizeof *more);
        good = more != NULL;
        if (good) {
            s->rotated = more;
            s->rotated[s->rotated_count++] = first;
        }
    }
    if (dir)
        (void)closedir(dir);
    return good;
}

static uint64_t rotated(void *ctx, uint64_t want)
{
    const struct audit_shipping *s = ctx;
    uint64_t best = 0;

    for (size_t i = 0; i < s->rotated_count; i++) {
        if (s->rotated[i] >= want && (best == 0 || s->rotated[i] < best))
            best = s->rotated[i];
    }
    return best;
}

bool audit_shipping_init(struct audit_shipping *s, struct child *child,
                         struct audit_log *log, const struct ship_config *c,
                         const char *dir)
{
    memset(s, 0, sizeof *s);
    s->child = child;
    s->log = log;
    s->config = *c;
    s->ship.socket = -1;
    read_host(s->host);
    loop_timer_init(&s->timer, wake, s);
    return c->what == SHIP_OFF || list_rotated(s, dir);
}

void audit_shipping_start(struct audit_shipping *s, int dir_fd)
{
    if (s->config.what == SHIP_OFF)
        return;
    audit_ship_begin(&s->ship, dir_fd, &s->config, s->host, s->log->place.boot,
                     loop_now(&s->child->loop));
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
