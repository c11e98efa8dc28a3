#include "tests/lib/area_make.h"

#include <string.h>

const uint8_t area_types[AREA_TYPES] = {45, 50, 46};

/* Places of the types by ascending TypeID. */
static const uint8_t order[AREA_TYPES] = {0, 2, 1};

static void add_row(struct area_made *m, struct policy_rule *rule, uint8_t type,
                    uint16_t ca, const bool *named)
{
    struct policy_area a = {type, ca, (uint32_t)rule->ioa_count, 0};

    for (uint32_t i = 0; i < AREA_IOAS; i++) {
        if (!named[i])
            continue;
        if (i > 0 && named[i - 1])
            m->ioa[rule->ioa_count - 1].last = i;
        else
            m->ioa[rule->ioa_count++] = (struct policy_range){i, i};
    }
    a.count = (uint32_t)rule->ioa_count - a.first;
    if (a.count > 0)
        m->area[rule->area_count++] = a;
}

bool area_make(struct area_made *m, struct policy_rule *rule, uint32_t (*draw)(uint32_t))
{
    const uint32_t types = 1 + draw(7), rare = 1 + draw(12);

    memset(m, 0, sizeof *m);
    for (unsigned int k = 0; k < AREA_TYPES; k++) {
        const unsigned int t = order[k];
        const size_t before = rule->area_count;
        if ((types >> t & 1) == 0)
            continue;
        for (unsigned int ca = 1; ca < AREA_CAS; ca++) {
            for (unsigned int i = 0; i < AREA_IOAS; i++)
                m->named[t][ca][i] = draw(rare) == 0;
            add_row(m, rule, area_types[t], (uint16_t)ca, m->named[t][ca]);
        }
        if (rule->area_count > before)
            policy_types_set(rule->types, area_types[t]);
    }
    rule->area = m->area;
    rule->ioa = m->ioa;
    return rule->area_count > 0;
}
