/* gate104-audit: writes the session log.  Takes records from monitor, broker and gates;
 * what one round of the loop brings is written together (group commit), and whoever asked
 * for it is told once his record is on disk, or that it is not. */
#include "proxy/audit_clock.h"
#include "proxy/audit_folder.h"
#include "proxy/audit_log.h"
#include "proxy/audit_order.h"
#include "proxy/audit_origin.h"
#include "proxy/audit_recording.h"
#include "proxy/audit_shipping.h"
#include "proxy/audit_status.h"
#include "proxy/role_config.h"
#include "sandbox/child.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Records taken from one channel before the others have their turn. */
#define ROUND_RECORDS 32u
/* Records taken from one channel at the end: more than a socket holds. */
#define LAST_RECORDS 4096u
/* Acknowledgements of one batch. */
#define BATCH_ACKS 1024u
/* Acknowledgements that may wait for a sender to read. */
#define CLIENT_ACKS 256u
#define RETRY_MS    20u
/* What nobody waits for is on disk after this time at the latest. */
#define SYNC_MS 1000u
/* How often the files and their disk are looked after, and while there is more to do. */
#define KEEP_MS      1000u
#define KEEP_BUSY_MS 20u
/* The first seal of a process comes with the monitor's record of the start; where that
 * was made long ago, after this time. */
#define FIRST_SEAL_MS 1000u
/* What the end without a monitor may take. */
#define ORPHAN_SECONDS 5u

struct audit;

struct client {
    struct audit *audit;
    struct imsg_channel own;
    struct imsg_channel *ch; /* `own`, or the control channel */
    struct loop_watch watch;
    bool gone; /* to be freed at the end of the round */
    struct audit_sender sender;
    struct msg_record_ack ack[CLIENT_ACKS];
    unsigned int ack_head, ack_count;
    enum log_pressure told; /* to a gate */
    struct recorded_credit recorded;
    struct client *next;
};

struct audit {
    struct child child;
    struct audit_config config;
    struct audit_log log;
    struct audit_shipping shipping;
    struct audit_order order;
    struct recordings recordings;
    int dir_fd;
    struct client monitor;
    struct client *clients;
    struct {
        struct client *client;
        uint64_t ticket;
    } pending[BATCH_ACKS]; /* of the open batch */
    unsigned int pending_count;
    struct loop_timer retry_timer, sync_timer, keep_timer, seal_timer;
    struct msg_log_status status; /* as the monitor knows it */
    const char *seal_why;         /* of the next seal, in a word */
    bool seal_now;                /* at the end of this round */
};

/* ---- acknowledgements ---- */

static void client_drop(struct client *c, bool violation)
{
    struct audit *a = c->audit;

    if (c->gone)
        return;
    c->gone = true;
    if (c == &a->monitor) {
        child_log(&a->child, "the monitor does not read its messages");
        loop_stop(&a->child.loop);
    } else if (violation) {
        child_violation(&a->child, c->ch, &c->watch);
    } else {
        loop_del(&a->child.loop, &c->watch);
        imsg_channel_close(c->ch);
    }
}

static void client_flush(struct client *c)
{
    while (!c->gone && c->ack_count > 0) {
        struct msg_record_ack *ack = &c->ack[c->ack_head];
        enum imsg_status s = imsg_send(c->ch, MSG_RECORD_ACK, ack, sizeof *ack, NULL, 0);

        if (s == IMSG_AGAIN)
            return;
        c->ack_head = (c->ack_head + 1) % CLIENT_ACKS;
        c->ack_count--;
    }
}

static bool pressure_untold(const struct client *c)
{
    return !c->gone && c->ch->peer == ROLE_GATE && c->told != c->audit->log.space.level;
}

static void client_pressure(struct client *c)
{
    struct msg_log_pressure m = {.level = (uint8_t)c->audit->log.space.level};

    if (pressure_untold(c) &&
        imsg_send(c->ch, MSG_LOG_PRESSURE, &m, sizeof m, NULL, 0) == IMSG_OK)
        c->told = c->audit->log.space.level;
}

static void client_ack(struct client *c, uint64_t ticket, bool durable)
{
    struct msg_record_ack ack = {.ticket = ticket, .durable = durable ? 1 : 0};

    if (c->gone)
        return;
    if (c->ack_count == CLIENT_ACKS)
        client_flush(c);
    if (c->ack_count == CLIENT_ACKS) {
        c->ch->fault = IMSG_FAULT_FIELD;
        c->ch->fault_type = MSG_RECORD_ACK;
        client_drop(c, true);
        return;
    }
    c->ack[(c->ack_head + c->ack_count) % CLIENT_ACKS] = ack;
    c->ack_count++;
}

/* Nothing tells when a sender has read: look again soon. */
static void flush_all(struct audit *a)
{
    bool waiting = false;

    client_flush(&a->monitor);
    waiting = a->monitor.ack_count > 0;
    for (struct client *c = a->clients; c; c = c->next) {
        client_flush(c);
        client_pressure(c);
        waiting = waiting || pressure_untold(c) || (!c->gone && c->ack_count > 0) ||
                  (!c->gone && !recordings_tell(&c->recorded, c->ch));
    }
    if (waiting && !loop_timer_armed(&a->retry_timer))
        (void)loop_timer_set(&a->child.loop, &a->retry_timer, RETRY_MS);
}

static void retry(void *ctx)
{
    flush_all(ctx);
}

/* ---- commit ---- */

static void commit(struct audit *a)
{
    bool durable = audit_log_commit(&a->log);

    for (unsigned int i = 0; i < a->pending_count; i++)
        client_ack(a->pending[i].client, a->pending[i].ticket, durable);
    a->pending_count = 0;
    audit_rotate_due(&a->log);
}

static void keep(void *ctx)
{
    struct audit *a = ctx;
    bool more;

    commit(a);
    audit_space_check(&a->log);
    more = audit_retain_step(&a->log);
    more = recordings_step(&a->recordings) || more;
    audit_status_tell(&a->status, &a->child.control, &a->log, &a->shipping.ship);
    if (audit_folder_gone(a->dir_fd)) {
        child_log(&a->child, "ALARM: the folder of the log was deleted; it is made anew");
        loop_stop(&a->child.loop);
    }
    (void)loop_timer_set(&a->child.loop, &a->keep_timer, more ? KEEP_BUSY_MS : KEEP_MS);
}

static void sweep(struct audit *a)
{
    struct client **p = &a->clients;

    while (*p) {
        struct client *c = *p;

        if (!c->gone) {
            p = &c->next;
            continue;
        }
        *p = c->next;
        free(c);
    }
}

static void sync_due(void *ctx)
{
    struct audit *a = ctx;

    (void)audit_log_sync(&a->log);
}

/* ---- seals ---- */

static void seal(struct audit *a)
{
    commit(a);
    (void)audit_log_seal(&a->log, a->seal_why);
    a->seal_why = "interval";
    a->seal_now = false;
    (void)loop_timer_set(&a->child.loop, &a->seal_timer,
                         (uint64_t)a->config.seal.interval_s * 1000u);
}

static void seal_due(void *ctx)
{
    seal(ctx);
}

/* What the monitor says that a seal is to follow. */
static void note_seal(struct audit *a, enum event event)
{
    if (!audit_sealer_on(&a->log.sealer) ||
        (event != EVENT_SYSTEM_START && event != EVENT_RELOAD))
        return;
    a->seal_why = event == EVENT_RELOAD ? "reload" : "start";
    a->seal_now = true;
}

static void round_end(void *ctx)
{
    struct audit *a = ctx;

    commit(a);
    recordings_turn(&a->recordings);
    if (a->seal_now)
        seal(a);
    audit_order_turn(&a->order, &a->child, &a->log);
    flush_all(a);
    sweep(a);
    audit_shipping_turn(&a->shipping);
    commit(a);
    if (a->log.file.unsynced > 0 && !loop_timer_armed(&a->sync_timer))
        (void)loop_timer_set(&a->child.loop, &a->sync_timer, SYNC_MS);
}

/* ---- records ---- */

static enum imsg_status take(struct client *c, struct imsg *m)
{
    struct audit *a = c->audit;
    struct record_head head;

    if (m->type == MSG_RECORDED)
        return recordings_take(&a->recordings, &c->recorded, c->ch, m);
    if (m->type != MSG_RECORD || !record_check(m->payload, m->len, &head) ||
        (head.sync && c->ch->peer == ROLE_BROKER) ||
        !audit_origin_good(&a->config, c->ch->peer, c->ch->peer_id, &head, m->payload,
                           m->len))
        return imsg_reject(c->ch, m);
    if (audit_log_full(&a->log) || a->pending_count == BATCH_ACKS)
        commit(a);
    audit_log_add(&a->log, &c->sender, m->payload, m->len, head.sync);
    if (c != &a->monitor)
        recordings_note(&a->recordings, &head, m->payload, m->len);
    if (c == &a->monitor)
        note_seal(a, head.event->event);
    if (head.sync) {
        a->pending[a->pending_count].client = c;
        a->pending[a->pending_count++].ticket = head.ticket;
    }
    return IMSG_OK;
}

static void receive(struct client *c, unsigned int budget)
{
    for (; budget > 0 && !c->gone; budget--) {
        enum imsg_status s = imsg_recv(c->ch, &c->audit->child.scratch);

        if (s == IMSG_AGAIN)
            return;
        if (s == IMSG_OK)
            s = take(c, &c->audit->child.scratch);
        if (s != IMSG_OK)
            client_drop(c, s == IMSG_BAD);
    }
}

static void client_ready(void *ctx, uint32_t events)
{
    (void)events;
    receive(ctx, ROUND_RECORDS);
}

static void client_name(struct client *c)
{
    (void)snprintf(c->sender.name, sizeof c->sender.name, "%s-%u", role_name(c->ch->peer),
                   c->ch->peer_id);
}

static void channel(struct child *child, enum role peer, uint32_t id, int fd)
{
    struct audit *a = (struct audit *)child;
    struct client *c = NULL;

    if (peer == ROLE_GATE || peer == ROLE_BROKER)
        c = calloc(1, sizeof *c);
    if (!c) {
        (void)close(fd);
        return;
    }
    c->audit = a;
    c->ch = &c->own;
    imsg_channel_init(c->ch, fd, ROLE_AUDIT, peer, id, PHASE_RUN);
    client_name(c);
    c->next = a->clients;
    a->clients = c;
    if (!loop_add(&child->loop, &c->watch, fd, EPOLLIN, client_ready, c))
        client_drop(c, false);
}

static enum imsg_status message(struct child *child, struct imsg *m)
{
    struct audit *a = (struct audit *)child;

    switch (m->type) {
    case MSG_SHIP_SOCKET: return audit_shipping_socket(&a->shipping, m);
    case MSG_LOG_ORDER: return audit_order_take(&a->order, child, m);
    case MSG_LOG_CLOCK:
        return audit_clock_told(m, &a->log.clock) ? IMSG_OK
                                                  : imsg_reject(&child->control, m);
    default: return take(&a->monitor, m);
    }
}

/* ---- life ---- */

static void say(void *ctx, const char *text)
{
    child_log(ctx, "%s", text);
}

static void prepare_monitor(struct audit *a)
{
    a->monitor.audit = a;
    a->monitor.ch = &a->child.control;
    a->monitor.watch.fd = -1;
    client_name(&a->monitor);
}

/* The monitor only names the key: it is read here, before the sandbox, as the signer
 * reads those of TLS, so that no other process has ever held it. */
static bool init_seals(struct audit *a)
{
    char err[300];

    if (audit_sealer_init(&a->log.sealer, a->dir_fd, a->config.seal.key, err, sizeof err))
        return true;
    child_log(&a->child, "%s", err);
    return false;
}

static bool init(struct child *child, const uint8_t *cfg, size_t len)
{
    struct audit *a = (struct audit *)child;
    struct audit_place place;

    (void)signal(SIGXFSZ, SIG_IGN);
    memset(&place, 0, sizeof place);
    if (!audit_config_decode(cfg, len, &a->config)) {
        child_log(child, "configuration from the monitor does not decode");
        return false;
    }
    a->dir_fd = audit_folder_open(child, a->config.dir);
    if (a->dir_fd < 0)
        return false;
    if (!audit_clock_boot(place.boot))
        memset(place.boot, '0', AUDIT_BOOT_SIZE);
    place.route_count = a->config.route_count;
    place.route = a->config.route;
    if (!audit_hash_warm_up() || !audit_log_init(&a->log, a->dir_fd, &place, child->name))
        return false;
    a->log.files = a->config.files;
    if (!audit_shelf_scan(&a->log.shelf, a->dir_fd)) {
        child_log(child, "%s: %s", a->config.dir, strerror(errno));
        return false;
    }
    if (!init_seals(a) ||
        !audit_recording_init(&a->recordings, child, &a->log, &a->config, a->dir_fd))
        return false;
    a->log.say = say;
    a->log.say_ctx = child;
    audit_shipping_init(&a->shipping, child, &a->log, &a->config.ship);
    child_keep(child, a->dir_fd);
    child->folder = a->dir_fd;
    json_object_seed(0); /* reads a file, which it cannot in the sandbox */
    prepare_monitor(a);
    loop_timer_init(&a->retry_timer, retry, a);
    loop_timer_init(&a->sync_timer, sync_due, a);
    loop_timer_init(&a->keep_timer, keep, a);
    loop_timer_init(&a->seal_timer, seal_due, a);
    child->loop.round_end = round_end;
    child->loop.round_ctx = a;
    return true;
}

/* In the sandbox already: the file is the role's own from its first octet on. */
static void start(struct child *child)
{
    struct audit *a = (struct audit *)child;

    (void)audit_log_open(&a->log);
    audit_shipping_start(&a->shipping, a->dir_fd);
    keep(a);
    a->seal_why = "start";
    if (audit_sealer_on(&a->log.sealer))
        (void)loop_timer_set(&child->loop, &a->seal_timer, FIRST_SEAL_MS);
}

/* Takes what the senders had written before the monitor let them end, closes the log. */
static void wind_up(struct audit *a)
{
    for (struct client *c = a->clients; c; c = c->next)
        receive(c, LAST_RECORDS);
    commit(a);
    recordings_stop(&a->recordings);
    (void)audit_log_close(&a->log);
    flush_all(a);
    /* Nothing comes behind the last seal. */
    loop_timer_stop(&a->child.loop, &a->retry_timer);
    loop_timer_stop(&a->child.loop, &a->sync_timer);
    loop_timer_stop(&a->child.loop, &a->keep_timer);
    loop_timer_stop(&a->child.loop, &a->seal_timer);
    a->child.loop.round_end = NULL;
}

/* The log is closed; what of it has not been shipped gets a moment. */
static void last_rounds(void *ctx)
{
    struct audit *a = ctx;

    audit_shipping_turn(&a->shipping);
}

static void stop(struct child *child)
{
    struct audit *a = (struct audit *)child;

    wind_up(a);
    audit_shipping_stop(&a->shipping);
    child->loop.round_end = last_rounds;
}

/* The monitor is gone: what the others had sent is still written, but a disk that does
 * not answer must not leave an orphan. */
static void orphan(struct child *child)
{
    (void)alarm(ORPHAN_SECONDS);
    wind_up((struct audit *)child);
}

static const struct child_ops ops = {
    .role = ROLE_AUDIT,
    .max_fds = 65536, /* a channel to each gate */
    .init = init,
    .start = start,
    .channel = channel,
    .message = message,
    .stop = stop,
    .orphan = orphan,
};

int main(int argc, char **argv)
{
    static struct audit audit;

    _Static_assert(offsetof(struct audit, child) == 0, "callbacks get the child");
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return audit_seal_key_check(argv[2]);
    return child_main(argc, argv, &ops, &audit.child);
}
