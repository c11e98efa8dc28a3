#include "proxy/record_settings.h"

bool record_settings_feedback(const struct record_settings *s, uint32_t ioa,
                              uint32_t *state_ioa)
{
    *state_ioa = ioa;
    for (size_t i = 0; i < s->feedback_count; i++) {
        const struct feedback *f = &s->feedback[i];

        if (ioa < f->first || ioa > f->last)
            continue;
        *state_ioa = f->to + (ioa - f->first);
        return true;
    }
    return false;
}

bool feedback_is_legal(const struct feedback *f)
{
    return f->first > 0 && f->first <= f->last && f->last <= FEEDBACK_IOA_MAX &&
           f->to > 0 && f->to <= FEEDBACK_IOA_MAX - (f->last - f->first);
}
