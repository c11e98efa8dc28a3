#include "proxy/audit_log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The log's own records that one batch may begin with. */
#define OWN_LINES 10u

bool audit_log_init(struct audit_log *l, int dir_fd, const struct audit_place *place,
                    const char *self)
{
    memset(l, 0, sizeof *l);
    audit_file_init(&l->file, dir_fd);
    l->place = *place;
    l->retain.keep_from_seq = UINT64_MAX;
    (void)snprintf(l->self.name, sizeof l->self.name, "%s", self);
    l->batch = malloc(AUDIT_BATCH_SIZE);
    return l->batch != NULL;
}

void audit_log_free(struct audit_log *l)
{
    audit_file_close(&l->file);
    audit_shelf_free(&l->shelf);
    audit_digest_reset(&l->turn.digest);
    audit_digest_reset(&l->retain.digest);
    audit_sealer_free(&l->sealer);
    free(l->batch);
    l->batch = NULL;
}

void audit_log_say(const struct audit_log *l, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    if (!l->say)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    l->say(l->say_ctx, text);
}

/* ---- lines ---- */

/* The configuration that a record says is in force, if its sender may say so. */
static bool told_config(const struct audit_log *l, const struct audit_sender *sender,
                        const uint8_t *payload, size_t n, uint8_t hash[AUDIT_HASH_SIZE])
{
    return (sender == &l->self || strcmp(sender->name, AUDIT_MONITOR_NAME) == 0) &&
           audit_tally_config(payload, n, hash);
}

/* The stamp of the batch's next line. */
static void stamp_next(const struct audit_log *l, const struct audit_now *now,
                       struct audit_stamp *stamp)
{
    stamp->seq = l->seq + 1;
    stamp->utc = now->utc;
    stamp->mono_ms = now->mono_ms;
    memcpy(stamp->prev, l->prev, sizeof stamp->prev);
}

/* Where the batch's next line goes; NULL: there is no room. */
static char *room(struct audit_log *l)
{
    return AUDIT_BATCH_SIZE - l->batch_size < AUDIT_LINE_MAX ? NULL
                                                             : l->batch + l->batch_size;
}

/* Takes a line of `size` octets that stands in room(). */
static bool take_line(struct audit_log *l, size_t size, const struct audit_now *now)
{
    if (size == 0 || !audit_hash(l->batch + l->batch_size, size, l->prev))
        return false;
    l->batch_size += size;
    l->seq++;
    audit_clock_mark(&l->tally.mark, now);
    return true;
}

static bool put_line(struct audit_log *l, struct audit_sender *sender,
                     const uint8_t *payload, size_t n, const struct audit_now *now)
{
    char *out = room(l);
    struct audit_stamp stamp;
    struct record_head head;

    if (!out || !record_check(payload, n, &head))
        return false;
    stamp_next(l, now, &stamp);
    if (!take_line(l, audit_line_build(&l->place, &stamp, sender, payload, n, out), now))
        return false;
    audit_tally_add(&l->tally, head.event);
    (void)told_config(l, sender, payload, n, l->tally.config);
    return true;
}

/* UTC that was set stands between two records that show it. */
static bool put_step(struct audit_log *l, const struct audit_now *now)
{
    int64_t step = audit_clock_step(&l->tally.mark, now);
    const uint8_t *payload;
    char detail[64];
    struct record r;
    size_t n;

    if (step == 0)
        return true;
    (void)snprintf(detail, sizeof detail, "%s by %" PRId64 " ms",
                   step > 0 ? "forward" : "back", step > 0 ? step : -step);
    record_begin(&r, EVENT_TIME_STEP, 0, false);
    record_text(&r, RECORD_DETAIL, detail);
    n = record_end(&r, &payload);
    return put_line(l, &l->self, payload, n, now);
}

static bool add_line(struct audit_log *l, struct audit_sender *sender,
                     const uint8_t *payload, size_t n)
{
    struct audit_now now;

    audit_clock_read(&now);
    return put_step(l, &now) && put_line(l, sender, payload, n, &now);
}

static bool add_own(struct audit_log *l, struct record *r)
{
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    assert(n > 0);
    l->batch_own = true;
    return add_line(l, &l->self, payload, n);
}

static bool add_rotated(struct audit_log *l)
{
    struct record r;

    return !audit_turn_record(l, &r) || add_own(l, &r);
}

static bool add_opened(struct audit_log *l)
{
    struct record r;

    if (!l->tell_opened)
        return true;
    record_begin(&r, EVENT_LOG_OPENED, 0, false);
    record_text(&r, RECORD_DETAIL, l->seq > 0 ? "the chain goes on" : "a chain begins");
    record_text(&r, RECORD_VERSION, GATE104_VERSION);
    return add_own(l, &r);
}

static bool add_recovered(struct audit_log *l)
{
    static const char *const why[] = {[AUDIT_FOUND_TORN] = "torn",
                                      [AUDIT_FOUND_DAMAGED] = "damaged",
                                      [AUDIT_FOUND_DIFFERENT] = "replaced"};
    static const char *const what[] = {
        [AUDIT_FOUND_TORN] = "what followed the last record is kept aside as ",
        [AUDIT_FOUND_DAMAGED] = "the last line was no record; the file is kept aside as ",
        [AUDIT_FOUND_DIFFERENT] =
            "the file was removed, replaced or changed while in use",
    };
    const struct audit_found *found = &l->found;
    char detail[160];
    struct record r;

    if (found->kind == AUDIT_FOUND_NEW || found->kind == AUDIT_FOUND_CHAIN)
        return true;
    (void)snprintf(detail, sizeof detail, "%s%s", what[found->kind], found->name);
    record_begin(&r, EVENT_LOG_RECOVERED, 0, false);
    record_text(&r, RECORD_WHY, why[found->kind]);
    record_text(&r, RECORD_DETAIL, detail);
    if (found->kind != AUDIT_FOUND_DIFFERENT) {
        record_u64(&r, RECORD_SIZE, found->size);
        record_octets(&r, RECORD_SHA256, found->hash, sizeof found->hash);
    }
    return add_own(l, &r);
}

static bool add_gap(struct audit_log *l)
{
    struct record r;

    if (l->lost == 0)
        return true;
    record_begin(&r, EVENT_LOG_GAP, 0, false);
    record_u64(&r, RECORD_COUNT, l->lost);
    record_text(&r, RECORD_DETAIL, "records that could not be written are missing here");
    return add_own(l, &r);
}

static bool add_seal_fault(struct audit_log *l)
{
    struct record r;

    l->batch_fault = l->sealer.untold ? l->sealer.why : NULL;
    if (!l->batch_fault)
        return true;
    audit_sealer_fault(&l->sealer, &r);
    return add_own(l, &r);
}

static bool add_seal(struct audit_log *l, const char *why)
{
    struct audit_seal_facts facts = {.epoch = l->sealer.state->epoch,
                                     .why = why,
                                     .clock = audit_clock_word(l->clock),
                                     .covered = &l->tally};
    struct audit_stamp stamp;
    struct audit_now now;
    struct record r;
    char *out;

    if (audit_sealer_config(&l->sealer, &l->tally, &r) && !add_own(l, &r))
        return false;
    audit_clock_read(&now);
    out = put_step(l, &now) ? room(l) : NULL;
    if (!out)
        return false;
    stamp_next(l, &now, &stamp);
    if (!take_line(l,
                   audit_seal_build(l->sealer.key, l->sealer.state->mac_key, &l->place,
                                    &stamp, l->self.name, &facts, out),
                   &now))
        return false;
    audit_tally_sealed(&l->tally, l->seq, facts.epoch, l->prev);
    return true;
}

/* ---- batches ---- */

static void abandon(struct audit_log *l)
{
    l->batch_dead = true;
    l->batch_size = 0;
}

static bool find_base(struct audit_log *l)
{
    struct audit_found found;
    bool good = audit_turn_base(l, &found);

    if (!good)
        l->file.error = errno;
    if (found.kind == AUDIT_FOUND_DAMAGED)
        l->found = found;
    return good;
}

/* What the log that is taken up says of itself. */
static void read_tally(struct audit_log *l)
{
    static struct audit_last_seal last;
    bool on = audit_sealer_on(&l->sealer);
    char older[AUDIT_OLD_NAME_SIZE] = "";

    if (l->shelf.count > 0)
        audit_shelf_name(l->shelf.old[l->shelf.count - 1].first_seq, older);
    if (!audit_tally_read(l->file.dir_fd, l->file.fd, l->file.written.size, l->self.name,
                          l->place.boot, older, on, &l->tally_written, &last))
        audit_sealer_blind(&l->sealer);
    else if (on)
        audit_sealer_meet(&l->sealer, &l->tally_written, &last);
    l->tally_synced = l->tally_written;
}

/* Makes the file usable if it is not.  What is found is told until that is on disk. */
static bool ready_file(struct audit_log *l)
{
    struct audit_found found;
    bool good;

    if (!l->opened && !find_base(l))
        return false;
    good = l->opened ? audit_file_reopen(&l->file, &found)
                     : audit_file_open(&l->file, &found);
    audit_space_forget(l);
    if (good)
        audit_turn_look(l);
    if (found.kind != AUDIT_FOUND_NEW && found.kind != AUDIT_FOUND_CHAIN)
        l->found = found;
    if (good)
        l->tally_synced = l->tally_written;
    if (good && !l->opened) {
        l->opened = l->tell_opened = true;
        read_tally(l);
    }
    return good;
}

static void begin(struct audit_log *l)
{
    l->batch_open = true;
    l->batch_dead = false;
    l->batch_sync = false;
    l->batch_own = false;
    l->batch_size = 0;
    l->batch_records = 0;
    if (!audit_file_intact(&l->file) && !ready_file(l)) {
        abandon(l);
        return;
    }
    l->seq = l->file.written.seq;
    memcpy(l->prev, l->file.written.prev, sizeof l->prev);
    l->tally = l->tally_written;
    if (!add_rotated(l) || !add_recovered(l) || !add_opened(l) || !add_gap(l) ||
        !add_seal_fault(l))
        abandon(l);
}

bool audit_log_full(const struct audit_log *l)
{
    return AUDIT_BATCH_SIZE - l->batch_size < (1 + OWN_LINES) * AUDIT_LINE_MAX;
}

void audit_log_add(struct audit_log *l, struct audit_sender *sender,
                   const uint8_t *payload, size_t n, bool sync)
{
    if (!l->batch_open)
        begin(l);
    if (told_config(l, sender, payload, n, l->sealer.in_force))
        l->sealer.in_force_known = true;
    l->batch_records++;
    l->batch_sync = l->batch_sync || sync;
    if (!l->batch_dead && !add_line(l, sender, payload, n))
        abandon(l);
}

void audit_log_add_own(struct audit_log *l, struct record *r)
{
    const uint8_t *payload;
    size_t n = record_end(r, &payload);

    assert(n > 0);
    audit_log_add(l, &l->self, payload, n, true);
}

static void tell_state(struct audit_log *l, bool works)
{
    if (!works && !l->broken)
        audit_log_say(l, "ALARM: the log cannot be written: %s",
                      l->file.error != 0 ? strerror(l->file.error) : "out of memory");
    if (works && l->broken)
        audit_log_say(l, "the log works again; %" PRIu64 " records were lost", l->lost);
    l->broken = !works;
}

bool audit_log_sync(struct audit_log *l)
{
    uint64_t given_up;
    bool good = audit_file_sync(&l->file, &given_up);

    l->lost += given_up;
    if (!good) {
        l->tally_written = l->tally_synced;
        tell_state(l, false);
        return false;
    }
    l->tally_synced = l->tally_written;
    if (audit_sealer_on(&l->sealer))
        audit_sealer_advance(&l->sealer, l->tally_synced.epoch);
    return true;
}

/* What the batch said about the log itself need not be said again. */
static void own_told(struct audit_log *l)
{
    if (!l->batch_own)
        return;
    if (l->found.kind != AUDIT_FOUND_NEW && l->found.kind != AUDIT_FOUND_CHAIN)
        audit_log_say(l, "see the record log.recovered: %s",
                      l->found.name[0] ? l->found.name
                                       : "the file was changed while in use");
    if (l->batch_fault && l->batch_fault == l->sealer.why) {
        audit_log_say(l, "ALARM: the log is chained, not sealed: %s", l->sealer.detail);
        l->sealer.untold = false;
    }
    memset(&l->found, 0, sizeof l->found);
    l->tell_opened = false;
    l->turn.tell = false;
    l->lost = 0;
}

bool audit_log_commit(struct audit_log *l)
{
    bool good;

    if (!l->batch_open)
        return true;
    l->batch_open = false;
    good = !l->batch_dead && audit_file_append(&l->file, l->batch, l->batch_size,
                                               l->batch_records, l->seq, l->prev);
    if (good)
        l->tally_written = l->tally;
    if (!good) {
        l->lost += l->batch_records;
        audit_space_forget(l);
    } else if (l->batch_sync || l->batch_own)
        good = audit_log_sync(l);
    tell_state(l, good);
    if (good)
        own_told(l);
    audit_space_reserve(l);
    return good;
}

bool audit_log_open(struct audit_log *l)
{
    if (!l->batch_open)
        begin(l);
    return audit_log_commit(l);
}

bool audit_log_seal(struct audit_log *l, const char *why)
{
    if (!audit_sealer_on(&l->sealer))
        return true;
    if (l->batch_open)
        return false;
    begin(l);
    if (!l->batch_dead && audit_sealer_ready(&l->sealer) && !add_seal(l, why))
        abandon(l);
    l->batch_sync = true;
    return audit_log_commit(l);
}

bool audit_log_close(struct audit_log *l)
{
    struct record r;

    record_begin(&r, EVENT_LOG_CLOSED, 0, false);
    audit_log_add_own(l, &r);
    return audit_log_commit(l) && audit_log_seal(l, "stop");
}
