#include "tests/corpus/script.h"

#include <stdio.h>
#include <string.h>

#define STEP_MAX 256u
#define LAST     32767u
/* I-frames at once.  Each of the master makes a record, and records wait for nobody. */
#define BATCH_MASTER  150u
#define BATCH_STATION 400u

static bool tell(struct world *w, struct session *s, enum link_leg from, const char *text)
{
    static struct notation n;
    struct station *near = &s->at[from];

    session_forget(s);
    if (!notation_expand(text, &near->next, &n) ||
        !station_send(w, near, n.octets, n.size) ||
        !station_send(w, near, TESTFR_ACT, sizeof TESTFR_ACT) ||
        !station_wait_confirmations(w, s, near, n.tests + 1)) {
        world_complain(w, "a step before the row does not work");
        return false;
    }
    return true;
}

static bool send_many(struct world *w, struct session *s, enum link_leg from,
                      unsigned int batch)
{
    const char *good = routes[ROUTE_WIDE].good[from];
    char text[STEP_MAX];

    while (s->at[from].next.vs != LAST) {
        unsigned int left = LAST - s->at[from].next.vs;

        (void)snprintf(text, sizeof text, "%s*%u", good, left < batch ? left : batch);
        if (!tell(w, s, from, text) || !tell(w, s, (enum link_leg)(from ^ 1), "s"))
            return false;
    }
    return true;
}

static bool step(struct world *w, struct session *s, const char *text)
{
    if (strcmp(text, "station around") == 0)
        return send_many(w, s, LEG_STATION, BATCH_STATION);
    if (strcmp(text, "master around") == 0)
        return send_many(w, s, LEG_MASTER, BATCH_MASTER);
    return tell(w, s, text[0] == 'm' ? LEG_MASTER : LEG_STATION, text + 1);
}

bool script_run(struct world *w, struct session *s, const char *script)
{
    char text[STEP_MAX];

    while (*script != '\0') {
        size_t n = strcspn(script, ";");

        (void)snprintf(text, sizeof text, "%.*s", (int)n, script);
        if (!step(w, s, text))
            return false;
        script += n;
        script += strspn(script, "; ");
    }
    return true;
}
