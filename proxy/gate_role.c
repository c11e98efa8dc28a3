/* The roles of a session's master (IEC 62351-8): what its certificate says, as the tls
 * process tells it, and the policy makes of it. */
#include "proxy/gate.h"

#include <stdio.h>

static void tell_event(struct gate_session *s, const struct role_event_info *info)
{
    const bool malformed = s->roles.malformed;
    char text[160];
    struct record r;

    gate_log_begin(&r, s, malformed ? EVENT_ROLE_MALFORMED : EVENT_ROLE, 0);
    gate_log_peer(&r, s);
    gate_role_record(&r, s);
    (void)snprintf(text, sizeof text, "IEC62351-8:%s", info->number);
    record_text(&r, RECORD_EVENT_ID, text);
    record_text(&r, RECORD_WHY, info->mnemonic);
    if (malformed && s->peer.role_token != ROLE_TOKEN_SEVERAL)
        (void)snprintf(text, sizeof text, "the extension with roles is malformed: %s",
                       user_roles_fault_text(s->roles.fault));
    else
        (void)snprintf(text, sizeof text, "%s", info->text);
    record_text(&r, RECORD_DETAIL, text);
    (void)gate_log_send(s->gate, &r);
}

void gate_role_evaluate(struct gate_session *s)
{
    const struct role_settings *settings = &s->route->roles;

    s->roles_asked = true;
    s->roles_matter = policy_names_roles(s->policy);
    if (!s->roles_matter)
        return;
    if (s->identified)
        role_set_evaluate(settings, s->peer.role_token, s->peer.roles, s->peer.roles_size,
                          &s->roles);
    else
        role_set_default(settings, &s->roles);
    for (unsigned int e = 0; e < ROLE_EVENTS; e++) {
        if ((s->roles.events & ~s->role_events_told) >> e & 1)
            tell_event(s, role_event_info(e));
    }
    s->role_events_told |= s->roles.events;
}

void gate_role_renew(struct gate_session *s)
{
    if (!s->roles_asked)
        return;
    gate_role_evaluate(s);
    gate_asker_find(s);
}

void gate_role_record(struct record *r, const struct gate_session *s)
{
    char text[ROLE_SET_TEXT_MAX];

    if (!s->roles_matter)
        return;
    role_set_text(&s->route->roles, &s->roles, text);
    record_text(r, RECORD_ROLES, text);
}
