#include "certs/role_set.h"

#include <stdio.h>
#include <string.h>

static const struct role_event_info event_infos[ROLE_EVENTS] = {
#define X(symbol, number, mnemonic, text) [symbol] = {number, mnemonic, text},
#include "certs/role_event.def"
#undef X
};

/* What a fault of the extension is in terms of the standard's events. */
static const enum role_event event_of_fault[USER_ROLES_FAULTS] = {
    [USER_ROLES_GOOD] = ROLE_EVENT_NOT_AVAILABLE,
    [USER_ROLES_MALFORMED] = ROLE_EVENT_NOT_AVAILABLE,
    [USER_ROLES_ROLE] = ROLE_EVENT_ROLE_UNKNOWN,
    [USER_ROLES_AREA] = ROLE_EVENT_AREA_UNKNOWN,
    [USER_ROLES_REVISION] = ROLE_EVENT_REVISION,
    [USER_ROLES_DEFINITION] = ROLE_EVENT_DEFINITION_UNKNOWN,
    [USER_ROLES_OPERATION] = ROLE_EVENT_OPERATION,
    [USER_ROLES_SEQUENCE] = ROLE_EVENT_SEQUENCE,
};

const struct role_event_info *role_event_info(unsigned int event)
{
    return event < ROLE_EVENTS ? &event_infos[event] : NULL;
}

static void tell(struct role_set *set, enum role_event event)
{
    set->events |= UINT32_C(1) << event;
}

static const struct role_private *find_private(const struct role_settings *s,
                                               int16_t role)
{
    for (size_t i = 0; i < s->named_count; i++) {
        if (s->named[i].role == role)
            return &s->named[i];
    }
    return NULL;
}

static bool area_known(const struct role_settings *s, const char *area)
{
    for (size_t i = 0; i < s->area_count; i++) {
        if (strcmp(s->area[i], area) == 0)
            return true;
    }
    return false;
}

static bool definition_known(const struct role_settings *s, const char *definition)
{
    if (strcmp(definition, ROLE_DEFINITION_STANDARD) == 0)
        return true;
    for (size_t i = 0; i < s->definition_count; i++) {
        if (strcmp(s->definition[i], definition) == 0)
            return true;
    }
    return false;
}

static void hold(struct role_set *set, int16_t role, uint8_t revision,
                 const char *definition)
{
    struct role_held *h;

    for (size_t i = 0; i < set->count; i++) {
        if (set->held[i].role == role)
            return;
    }
    if (set->count == ROLE_SET_MAX) /* all that can be known are in it */
        return;
    h = &set->held[set->count++];
    h->role = role;
    h->revision = revision;
    (void)snprintf(h->definition, sizeof h->definition, "%s", definition);
}

/* True if the entry speaks of this route; everything that speaks against it is told. */
static bool entry_holds(const struct role_settings *s, const struct user_role_info *e,
                        struct role_set *set)
{
    bool good = true;

    if (!area_known(s, e->area)) {
        tell(set, ROLE_EVENT_AREA_UNKNOWN);
        good = false;
    }
    if (s->has_revision && e->revision != s->revision) {
        tell(set, ROLE_EVENT_REVISION);
        good = false;
    }
    if (e->has_definition && e->definition[0] == '\0') {
        tell(set, ROLE_EVENT_DEFINITION_EMPTY);
        good = false;
    } else if (e->has_definition && !definition_known(s, e->definition)) {
        tell(set, ROLE_EVENT_DEFINITION_UNKNOWN);
        good = false;
    }
    return good && e->operation != USER_ROLE_DELETE;
}

static void take_entry(const struct role_settings *s, const struct user_role_info *e,
                       struct role_set *set)
{
    const char *definition = e->has_definition ? e->definition : ROLE_DEFINITION_STANDARD;
    const bool holds = entry_holds(s, e, set);

    for (size_t i = 0; i < e->role_count; i++) {
        if (!role_standard_name(e->role[i]) && !find_private(s, e->role[i]))
            tell(set, ROLE_EVENT_ROLE_UNKNOWN);
        else if (holds)
            hold(set, e->role[i], e->revision, definition);
    }
}

static void take_extension(const struct role_settings *s, const uint8_t *der, size_t n,
                           struct role_set *set)
{
    struct user_roles roles;

    set->fault = user_roles_read(der, n, &roles);
    if (set->fault != USER_ROLES_GOOD) {
        set->malformed = true;
        tell(set, event_of_fault[set->fault]);
        return;
    }
    for (size_t i = 0; i < roles.count; i++)
        take_entry(s, &roles.entry[i], set);
}

void role_set_default(const struct role_settings *settings, struct role_set *out)
{
    memset(out, 0, sizeof *out);
    if (settings->has_default)
        hold(out, settings->default_role, settings->revision, "no_role");
}

void role_set_evaluate(const struct role_settings *settings, enum role_token token,
                       const uint8_t *der, size_t n, struct role_set *out)
{
    memset(out, 0, sizeof *out);
    switch (token) {
    case ROLE_TOKEN_NONE:
        role_set_default(settings, out);
        tell(out, ROLE_EVENT_NOT_AVAILABLE);
        return;
    case ROLE_TOKEN_ONE: take_extension(settings, der, n, out); return;
    case ROLE_TOKEN_SEVERAL:
        out->malformed = true;
        out->fault = USER_ROLES_MALFORMED;
        tell(out, ROLE_EVENT_MULTIPLE);
        return;
    case ROLE_TOKEN_TOO_LONG:
    case ROLE_TOKENS: break;
    }
    out->malformed = true;
    out->fault = USER_ROLES_MALFORMED;
    tell(out, ROLE_EVENT_NOT_AVAILABLE);
}

/* ---- for people ---- */

static const char *name_of(const struct role_settings *s, int16_t role, char number[8])
{
    const struct role_private *p = find_private(s, role);
    const char *standard = role_standard_name(role);

    if (standard)
        return standard;
    if (p)
        return p->name;
    (void)snprintf(number, 8, "%d", role);
    return number;
}

void role_set_text(const struct role_settings *settings, const struct role_set *set,
                   char text[ROLE_SET_TEXT_MAX])
{
    size_t used = 0;

    (void)snprintf(text, ROLE_SET_TEXT_MAX, "none");
    for (size_t i = 0; i < set->count; i++) {
        const struct role_held *h = &set->held[i];
        char number[8];
        const int n = snprintf(text + used, ROLE_SET_TEXT_MAX - used, "%s%s:%u:%s",
                               i > 0 ? " " : "", name_of(settings, h->role, number),
                               h->revision, h->definition);

        if (n < 0 || (size_t)n >= ROLE_SET_TEXT_MAX - used) {
            memcpy(text + ROLE_SET_TEXT_MAX - 4, "...", 4);
            return;
        }
        used += (size_t)n;
    }
}
