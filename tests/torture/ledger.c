#include "tests/torture/ledger.h"

#include <stdarg.h>

void ledger_violation(struct ledger *l, const char *what, ...)
{
    va_list ap;

    l->violations++;
    va_start(ap, what);
    (void)fputs("VIOLATION: ", stderr);
    (void)vfprintf(stderr, what, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
}

void ledger_event_acked(struct ledger *l, uint32_t n)
{
    if (n >= l->events || (l->event[n] & EVENT_RECEIVED) == 0) {
        ledger_violation(l, "event %u is acknowledged and lost", n);
        return;
    }
    l->event[n] |= EVENT_ACKED;
    while (l->oldest_unacked < l->events &&
           (l->event[l->oldest_unacked] & EVENT_ACKED) != 0)
        l->oldest_unacked++;
}

void ledger_event_received(struct ledger *l, uint32_t n, uint32_t *next)
{
    if (n >= l->events)
        ledger_violation(l, "event %u was never made", n);
    else
        l->event[n] |= EVENT_RECEIVED;
    if (*next != UINT32_MAX && n != *next)
        ledger_violation(l, "event %u came where %u is due", n, *next);
    *next = n + 1;
}

uint32_t ledger_command(struct ledger *l, bool forbidden)
{
    l->command[l->commands] = forbidden ? COMMAND_FORBIDDEN : 0;
    return l->commands++;
}

void ledger_executed(struct ledger *l, uint32_t n, bool forbidden, uint32_t *last)
{
    if (n >= l->commands) {
        ledger_violation(l, "command %u was never made", n);
        return;
    }
    if (forbidden || (l->command[n] & COMMAND_FORBIDDEN) != 0)
        ledger_violation(l, "command %u reached the RTU and is forbidden", n);
    if ((l->command[n] & COMMAND_EXECUTED) != 0)
        ledger_violation(l, "command %u reached the RTU twice", n);
    if ((l->command[n] & COMMAND_REFUSED) != 0)
        ledger_violation(l, "command %u reached the RTU after it was refused", n);
    if (*last != UINT32_MAX && n <= *last)
        ledger_violation(l, "command %u came behind %u", n, *last);
    l->command[n] |= COMMAND_EXECUTED;
    *last = n;
}

void ledger_answered(struct ledger *l, uint32_t n, bool negative)
{
    if (n >= l->commands) {
        ledger_violation(l, "an answer to command %u, which was never made", n);
        return;
    }
    const bool executed = (l->command[n] & COMMAND_EXECUTED) != 0;
    if ((l->command[n] & (COMMAND_REFUSED | COMMAND_CONFIRMED)) != 0)
        ledger_violation(l, "command %u was answered twice", n);
    if (negative == executed)
        ledger_violation(l, "command %u was %s and %s the RTU", n,
                         negative ? "refused" : "confirmed",
                         executed ? "reached" : "never reached");
    l->command[n] |= negative ? COMMAND_REFUSED : COMMAND_CONFIRMED;
}

void ledger_command_acked(struct ledger *l, uint32_t n)
{
    if ((l->command[n] & (COMMAND_EXECUTED | COMMAND_REFUSED)) == 0)
        ledger_violation(l, "command %u is acknowledged and lost", n);
    l->command[n] |= COMMAND_ACKED;
}

static uint32_t count(const uint8_t *flags, uint32_t n, uint8_t bit)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < n; i++)
        found += (flags[i] & bit) != 0;
    return found;
}

void ledger_print(const struct ledger *l, FILE *out)
{
    (void)fprintf(out,
                  "{\"violations\":%u,\"sessions\":%u,\"events\":%u,"
                  "\"events_received\":%u,\"events_acked\":%u,\"commands\":%u,"
                  "\"forbidden\":%u,\"executed\":%u,\"refused\":%u,\"confirmed\":%u,"
                  "\"commands_acked\":%u}\n",
                  l->violations, l->sessions, l->events,
                  count(l->event, l->events, EVENT_RECEIVED),
                  count(l->event, l->events, EVENT_ACKED), l->commands,
                  count(l->command, l->commands, COMMAND_FORBIDDEN),
                  count(l->command, l->commands, COMMAND_EXECUTED),
                  count(l->command, l->commands, COMMAND_REFUSED),
                  count(l->command, l->commands, COMMAND_CONFIRMED),
                  count(l->command, l->commands, COMMAND_ACKED));
    for (uint32_t n = 0; n < l->commands; n++)
        if ((l->command[n] & COMMAND_EXECUTED) != 0)
            (void)fprintf(out, "%u\n", n);
}
