/* What the signer refused, as the session log and the operator are to know it. */
#include "proxy/monitor.h"

#include "proxy/signer_refusals.h"

#include <stdio.h>

static void describe(const struct msg_signer_refused *m, const char *text, char *out,
                     size_t cap)
{
    char who[24] = "tls workers that ended";

    if (m->worker != SIGNER_REFUSED_GONE)
        (void)snprintf(who, sizeof who, "tls-%u", m->worker);
    (void)snprintf(out, cap, "refused %s %u time%s: %s%s%s", who, m->count,
                   m->count == 1 ? "" : "s", text, m->why == SIGNER_CONTENT ? ": " : "",
                   m->why == SIGNER_CONTENT ? sign_kind_text(m->kind) : "");
}

enum imsg_status monitor_signer_refused(struct proc *p, struct imsg *msg)
{
    const struct signer_refusal_info *info;
    struct msg_signer_refused m;
    char name[24];
    char detail[200];
    struct record r;

    imsg_get(msg, &m, sizeof m);
    info = signer_refusal_info(m.why);
    if (!info || m.count == 0 || m.zero[0] != 0 || m.zero[1] != 0)
        return imsg_reject(&p->control, msg);
    /* One that keeps to its own bound never comes here. */
    if (!rate_take(&p->tells, loop_now(&p->monitor->loop)))
        return IMSG_OK;
    describe(&m, info->text, detail, sizeof detail);
    monitor_log("%s-%u %s", role_name(p->role), p->id, detail);
    record_begin(&r, info->event, 0, false);
    record_text(&r, RECORD_WHY, info->word);
    record_text(&r, RECORD_DETAIL, detail);
    if (m.worker != SIGNER_REFUSED_GONE) {
        (void)snprintf(name, sizeof name, "tls-%u", m.worker);
        record_text(&r, RECORD_PROCESS, name);
    }
    record_u64(&r, RECORD_COUNT, m.count);
    monitor_record(p->monitor, &r);
    return IMSG_OK;
}
