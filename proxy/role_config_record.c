#include "proxy/role_config_record.h"

void role_config_put_record(struct wire_writer *w, const struct record_settings *s)
{
    if (s->feedback_count > FEEDBACKS_MAX) {
        w->bad = true;
        return;
    }
    wire_put_u32(w, s->operation_s);
    wire_put_u8(w, s->points);
    wire_put_u32(w, s->points_per_s);
    role_config_put_bool(w, s->apdus);
    wire_put_u8(w, (uint8_t)s->feedback_count);
    for (size_t i = 0; i < s->feedback_count; i++) {
        wire_put_u32(w, s->feedback[i].first);
        wire_put_u32(w, s->feedback[i].last);
        wire_put_u32(w, s->feedback[i].to);
    }
}

void role_config_get_record(struct wire_reader *r, struct record_settings *s)
{
    size_t count;

    s->operation_s = role_config_get_range(r, 0, OPERATION_TIMEOUT_MAX_S);
    s->points = wire_get_u8(r);
    s->points_per_s = role_config_get_range(r, 0, POINTS_PER_S_MAX);
    s->apdus = role_config_get_bool(r);
    count = wire_get_u8(r);
    if (s->points >= RECORD_POINTS_COUNT || count > FEEDBACKS_MAX) {
        r->bad = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct feedback *f = &s->feedback[i];

        f->first = wire_get_u32(r);
        f->last = wire_get_u32(r);
        f->to = wire_get_u32(r);
        if (!feedback_is_legal(f))
            r->bad = true;
    }
    s->feedback_count = count;
}
