#include "proxy/audit_log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The log's own records that one batch may begin with. */
#define OWN_LINES 4u

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

static bool add_line(struct audit_log *l, struct audit_sender *sender,
                     const uint8_t *payload, size_t n)
{
    struct audit_stamp stamp = {.seq = l->seq + 1};
    struct timespec mono = {0, 0};
    size_t size;

    if (AUDIT_BATCH_SIZE - l->batch_size < AUDIT_LINE_MAX)
        return false;
    (void)clock_gettime(CLOCK_REALTIME, &stamp.utc);
    (void)clock_gettime(CLOCK_MONOTONIC, &mono);
    stamp.mono_ms = (uint64_t)mono.tv_sec * 1000u + (uint64_t)mono.tv_nsec / 1000000u;
    memcpy(stamp.prev, l->prev, sizeof stamp.prev);
    size =
        audit_line_build(&l->place, &stamp, sender, payload, n, l->batch + l->batch_size);
    if (size == 0 || !audit_hash(l->batch + l->batch_size, size, l->prev))
        return false;
    l->batch_size += size;
    l->seq++;
    return true;
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
    if (good && !l->opened)
        l->opened = l->tell_opened = true;
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
    if (!add_rotated(l) || !add_recovered(l) || !add_opened(l) || !add_gap(l))
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
    if (!good)
        tell_state(l, false);
    return good;
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

bool audit_log_close(struct audit_log *l)
{
    struct record r;

    record_begin(&r, EVENT_LOG_CLOSED, 0, false);
    audit_log_add_own(l, &r);
    return audit_log_commit(l);
}
