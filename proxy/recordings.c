#include "proxy/recordings.h"

#include "policy/direction.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Octets written between two looks at the disk, and on disk at the latest: what a record
 * of the log may wait for. */
#define UNSEEN_MAX   ((uint64_t)1 << 20)
#define UNSYNCED_MAX ((uint64_t)1 << 20)

/* ---- begin ---- */

static bool any_is_recorded(const struct audit_config *c)
{
    for (size_t i = 0; i < c->route_count; i++) {
        if (c->route[i].recorded)
            return true;
    }
    return false;
}

static bool make_routes(struct recordings *r)
{
    r->route = calloc(r->config->route_count, sizeof(struct recording_route *));
    for (size_t i = 0; r->route && i < r->config->route_count; i++) {
        if (!r->config->route[i].recorded)
            continue;
        r->route[i] = calloc(1, sizeof *r->route[i]);
        if (!r->route[i])
            return false;
        recording_file_init(&r->route[i]->file);
    }
    return r->route != NULL;
}

/* Of its own, so that no log is mixed with it, and never through a link. */
static int open_folder(int dir_fd)
{
    if (mkdirat(dir_fd, RECORDING_FOLDER, 0750) != 0 && errno != EEXIST)
        return -1;
    return openat(dir_fd, RECORDING_FOLDER,
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool recordings_init(struct recordings *r, struct audit_log *log,
                     const struct audit_config *config, int dir_fd, int *keep)
{
    *r = (struct recordings){.log = log, .config = config, .dir_fd = -1};
    *keep = -1;
    if (!any_is_recorded(config))
        return true;
    if (!make_routes(r))
        return false;
    r->dir_fd = *keep = open_folder(dir_fd);
    return r->dir_fd >= 0 && recording_shelf_scan(&r->finished, &r->left_open, r->dir_fd);
}

void recordings_free(struct recordings *r)
{
    for (size_t i = 0; r->route && i < r->config->route_count; i++) {
        if (r->route[i] && r->route[i]->file.fd >= 0) {
            (void)audit_hash_end(r->route[i]->file.hash, NULL);
            (void)close(r->route[i]->file.fd);
        }
        free(r->route[i]);
    }
    free(r->route);
    audit_digest_reset(&r->digest);
    recording_shelf_free(&r->finished);
    recording_shelf_free(&r->left_open);
    if (r->dir_fd >= 0)
        (void)close(r->dir_fd);
    r->route = NULL;
    r->dir_fd = -1;
}

/* ---- APDUs ---- */

void recordings_halt(struct recordings *r, enum recording_halt halt, int error)
{
    if (r->halt != RECORDING_GOES_ON)
        return;
    r->halt = halt;
    r->error = error;
    r->halted_ms = audit_time_mono_ms();
    for (size_t i = 0; i < r->config->route_count; i++) {
        if (r->route[i])
            r->route[i]->due = true;
    }
    r->due = true;
}

static void lose(struct recordings *r, struct recording_route *t, unsigned int leg,
                 uint32_t count)
{
    if (r->halt != RECORDING_GOES_ON)
        r->lost += count;
    else if (t->file.fd >= 0)
        recording_file_lost(&t->file, leg, count);
    else
        t->gap[leg] += count;
}

static bool ready(struct recordings *r, struct recording_route *t, uint16_t route)
{
    if (r->halt != RECORDING_GOES_ON)
        return false;
    if (t->file.fd < 0) {
        if (!recording_file_open(&t->file, r->dir_fd, r->config->route[route].name)) {
            recordings_halt(r, RECORDING_ERROR, errno);
            return false;
        }
        t->due = false;
    }
    for (unsigned int i = 0; i < RECORDED_LEGS; i++)
        recording_file_lost(&t->file, i, t->gap[i]);
    memset(t->gap, 0, sizeof t->gap);
    return true;
}

static struct recording_note note_of(struct recording_route *t, uint64_t session,
                                     const struct recorded_apdu *a)
{
    const struct recording_mark *mark = recording_marks_take(&t->marks, session, a);

    return mark ? (struct recording_note){mark->record, mark->event}
                : (struct recording_note){0, NULL};
}

static void write_out(struct recordings *r, struct recording_route *t)
{
    uint64_t before = t->file.size;

    if (!recording_file_write(&t->file)) {
        recordings_halt(r, RECORDING_ERROR, errno);
        return;
    }
    r->unseen += t->file.size - before;
    if (t->file.size >= r->config->recording.size)
        t->due = true;
    if (t->file.size - t->file.synced >= UNSYNCED_MAX && !recording_file_sync(&t->file))
        recordings_halt(r, RECORDING_ERROR, errno);
    r->due = r->due || t->due || r->unseen >= UNSEEN_MAX;
}

static void take(struct recordings *r, const struct msg_recorded *head,
                 const uint8_t *payload, size_t n)
{
    struct recording_route *t = r->route[head->route];
    struct recorded_apdu a;
    bool good = true;
    size_t pos = 0;

    for (unsigned int i = 0; i < RECORDED_LEGS; i++)
        lose(r, t, i, head->dropped[i]);
    while (recorded_next(payload, n, &pos, &a)) {
        struct recording_note note = note_of(t, head->session, &a);

        good = good && ready(r, t, head->route) &&
               recording_file_add(&t->file, head, &a, &note);
        if (!good)
            lose(r, t, a.leg, 1);
    }
    if (good && n > sizeof *head)
        write_out(r, t);
}

enum imsg_status recordings_take(struct recordings *r, struct recorded_credit *credit,
                                 struct imsg_channel *ch, struct imsg *m)
{
    const struct audit_config *c = r->config;
    struct msg_recorded head;

    if (ch->peer != ROLE_GATE || !recorded_check(m->payload, m->len, &head) ||
        head.route >= c->route_count || c->route[head.route].gate != ch->peer_id ||
        r->dir_fd < 0 || !r->route[head.route])
        return imsg_reject(ch, m);
    credit->taken++;
    take(r, &head, m->payload, m->len);
    return IMSG_OK;
}

bool recordings_tell(struct recorded_credit *credit, struct imsg_channel *ch)
{
    const struct msg_recorded_ack ack = {.taken = credit->taken};

    if (credit->told != credit->taken &&
        imsg_send(ch, MSG_RECORDED_ACK, &ack, sizeof ack, NULL, 0) == IMSG_OK)
        credit->told = credit->taken;
    return credit->told == credit->taken;
}

/* ---- records about APDUs ---- */

struct about {
    uint64_t route, session, direction;
    const uint8_t *apdu;
    size_t size;
};

static void read_about(const uint8_t *payload, size_t n, struct about *out)
{
    struct record_field f;
    size_t pos = 0;

    *out = (struct about){.route = UINT64_MAX};
    while (record_next(payload, n, &pos, &f)) {
        switch (f.tag->tag) {
        case RECORD_ROUTE: out->route = f.u64; break;
        case RECORD_SESSION: out->session = f.u64; break;
        case RECORD_DIRECTION: out->direction = f.u64; break;
        case RECORD_APDU:
            out->apdu = f.octets;
            out->size = f.size;
            break;
        default: break;
        }
    }
}

void recordings_note(struct recordings *r, const struct record_head *head,
                     const uint8_t *payload, size_t n)
{
    struct recording_mark *mark;
    struct about about;

    if (r->dir_fd < 0 || r->log->batch_dead)
        return;
    read_about(payload, n, &about);
    if (about.route >= r->config->route_count || !r->route[about.route] || !about.apdu ||
        about.size > RECORDED_APDU_MAX)
        return;
    mark = recording_marks_place(&r->route[about.route]->marks);
    mark->record = r->log->seq;
    mark->session = about.session;
    mark->event = head->event;
    mark->leg = about.direction == DIR_CONTROL ? 0 : 1;
    mark->size = (uint8_t)about.size;
    memcpy(mark->octets, about.apdu, about.size);
}
