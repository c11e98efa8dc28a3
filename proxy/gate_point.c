/* Records of the values that stations tell, for routes that want them.  Nothing waits for
 * one: what the log has no room for is counted, and the counts are told. */
#include "proxy/gate.h"

/* What all sessions of this process may send to audit: well below what the channel and
 * audit take, so that a command's record never finds it full of these. */
#define GATE_POINTS_PER_S 2000u
#define GATE_POINTS_BURST 128u

static uint64_t now_ms(const struct gate_session *s)
{
    return loop_now(&s->gate->child.loop);
}

/* What happened of itself or by a command, and not what was asked for or is told anyway
 * (101 7.2.3). */
static bool is_change(const struct asdu *a)
{
    static const uint64_t changes = COT_BIT(COT_SPONTANEOUS) | COT_BIT(COT_INITIALIZED) |
                                    COT_BIT(COT_RETURN_REMOTE) |
                                    COT_BIT(COT_RETURN_LOCAL);

    return (changes >> a->cause & 1) != 0;
}

static bool is_wanted(const struct gate_session *s, const struct asdu *a)
{
    const uint8_t wish = s->route->record.points;

    if (wish == RECORD_POINTS_NONE || a->type->direction != TYPE_DIR_MONITOR ||
        a->type->layout != TYPE_LAYOUT_OBJECTS || a->type->ioa == TYPE_IOA_FILE)
        return false;
    return wish == RECORD_POINTS_ALL || is_change(a);
}

static bool offer(struct gate_session *s, const struct link_frame *f)
{
    struct record r;

    gate_log_begin(&r, s, EVENT_POINT_VALUE, 0);
    record_u64(&r, RECORD_DIRECTION, DIR_MONITOR);
    record_octets(&r, RECORD_APDU, f->apdu, f->apdu_size);
    return gate_log_offer(s->gate, &r);
}

/* Why this one gets no record, or POINT_REASONS: it has one. */
static enum point_reason record_point(struct gate_session *s, const struct link_frame *f)
{
    const uint32_t rate = s->route->record.points_per_s;
    const uint64_t now = now_ms(s);

    if (s->gate->pressure >= LOG_PRESSURE_THIN)
        return POINT_DISK;
    if (!point_bucket_take(&s->points.bucket, rate, 2 * rate, now))
        return POINT_RATE;
    if (!point_bucket_take(&s->gate->points, GATE_POINTS_PER_S, GATE_POINTS_BURST, now) ||
        !offer(s, f))
        return POINT_BUSY;
    return POINT_REASONS;
}

void gate_point_passed(struct gate_session *s, const struct link_frame *f,
                       const struct asdu *a)
{
    enum point_reason reason;

    if (!is_wanted(s, a))
        return;
    reason = record_point(s, f);
    if (reason == POINT_REASONS)
        return;
    point_meter_count(&s->points, reason, a->count, now_ms(s));
    gate_session_wake(s, point_meter_due(&s->points));
}

static bool tell(struct gate_session *s, enum point_reason reason)
{
    const struct point_count *c = &s->points.count[reason];
    struct record r;

    gate_log_begin(&r, s, EVENT_LOG_THINNED, 0);
    record_text(&r, RECORD_WHY, point_reason_name(reason));
    record_u64(&r, RECORD_COUNT, c->apdus);
    record_u64(&r, RECORD_POINTS, c->points);
    record_u64(&r, RECORD_DURATION_MS, now_ms(s) - s->points.since_ms);
    return gate_log_send(s->gate, &r);
}

void gate_point_tell(struct gate_session *s)
{
    for (int i = 0; i < POINT_REASONS; i++) {
        if (s->points.count[i].apdus > 0 && tell(s, (enum point_reason)i))
            point_meter_told(&s->points, (enum point_reason)i);
    }
}

uint64_t gate_point_supervise(struct gate_session *s)
{
    const uint64_t due = point_meter_due(&s->points);

    if (due > now_ms(s))
        return due;
    /* Later, rather than in the way of what cannot wait. */
    if (gate_log_has_room(s->gate))
        gate_point_tell(s);
    return s->points.since_ms == 0 ? UINT64_MAX : now_ms(s) + POINT_INTERVAL_MS;
}
