#include "proxy/role_config_files.h"

void files_settings_default(struct files_settings *s)
{
    *s = (struct files_settings){
        .rotate_size = UINT64_C(64) << 20,
        .rotate_interval_s = 86400,
        .reserve = UINT64_C(4) << 20,
    };
}

void files_settings_put(struct wire_writer *w, const struct files_settings *s)
{
    wire_put_u64(w, s->rotate_size);
    wire_put_u32(w, s->rotate_interval_s);
    wire_put_u32(w, s->retain_days);
    wire_put_u64(w, s->retain_size);
    wire_put_u64(w, s->reserve);
}

void files_settings_get(struct wire_reader *r, struct files_settings *s)
{
    s->rotate_size = wire_get_u64(r);
    s->rotate_interval_s = wire_get_u32(r);
    s->retain_days = wire_get_u32(r);
    s->retain_size = wire_get_u64(r);
    s->reserve = wire_get_u64(r);
    if ((s->rotate_size != 0 && s->rotate_size < FILES_ROTATE_SIZE_MIN) ||
        s->rotate_size > FILES_SIZE_MAX || s->rotate_interval_s > FILES_INTERVAL_MAX ||
        s->retain_days > FILES_DAYS_MAX || s->retain_size > FILES_SIZE_MAX ||
        (s->reserve != 0 && s->reserve < FILES_RESERVE_MIN) ||
        s->reserve > FILES_RESERVE_MAX)
        r->bad = true;
}
