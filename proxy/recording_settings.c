#include "proxy/recording_settings.h"

void recording_settings_default(struct recording_settings *s)
{
    *s = (struct recording_settings){
        .size = UINT64_C(64) << 20,
        .interval_s = 86400,
        .retain_size = UINT64_C(1) << 30,
    };
}

bool recording_settings_same(const struct recording_settings *a,
                             const struct recording_settings *b)
{
    return a->size == b->size && a->interval_s == b->interval_s &&
           a->retain_days == b->retain_days && a->retain_size == b->retain_size;
}

void recording_settings_put(struct wire_writer *w, const struct recording_settings *s)
{
    wire_put_u64(w, s->size);
    wire_put_u32(w, s->interval_s);
    wire_put_u32(w, s->retain_days);
    wire_put_u64(w, s->retain_size);
}

void recording_settings_get(struct wire_reader *r, struct recording_settings *s)
{
    s->size = wire_get_u64(r);
    s->interval_s = wire_get_u32(r);
    s->retain_days = wire_get_u32(r);
    s->retain_size = wire_get_u64(r);
    if (s->size < RECORDING_SIZE_MIN || s->size > RECORDING_SIZE_MAX ||
        s->interval_s < RECORDING_INTERVAL_MIN ||
        s->interval_s > RECORDING_INTERVAL_MAX || s->retain_days > RECORDING_DAYS_MAX ||
        s->retain_size > RECORDING_RETAIN_MAX)
        r->bad = true;
}
