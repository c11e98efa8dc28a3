#include "proxy/audit_security.h"

#include <stddef.h>
#include <stdio.h>

/* What the words of IEC 62351-14 mean to a proxy.  A refused command and a malformed APDU
 * are both a request that is not valid; what is refused on whose behalf is in the
 * record's own fields. */
static const struct {
    enum event event;
    enum security_event security;
} rows[] = {
    {EVENT_SYSTEM_START, SECURITY_REBOOT},
    {EVENT_IPC_VIOLATION, SECURITY_SYSTEM_TAMPER_DETECTED},
    {EVENT_SIGNER_REFUSED, SECURITY_SYSTEM_TAMPER_DETECTED},
    {EVENT_SESSION_REFUSED, SECURITY_COMM_FAIL},
    {EVENT_SESSION_OPEN, SECURITY_TLS_HS_SUCCESS},
    {EVENT_DIAL_FAILED, SECURITY_REQUEST_RESOURCE_UNAVAILABLE},
    {EVENT_TLS_FAILED, SECURITY_COMM_SA_ESTABLISHMENT_FAIL},
    {EVENT_CRL_STALE, SECURITY_TLS_CRL_EXP},
    {EVENT_APCI, SECURITY_REQUEST_INVALID},
    {EVENT_ASDU, SECURITY_REQUEST_INVALID},
    {EVENT_REFUSED, SECURITY_REQUEST_INVALID},
    {EVENT_WOULD_REFUSE, SECURITY_REQUEST_INVALID},
    {EVENT_PERMIT_REFUSED, SECURITY_REQUEST_INVALID},
};

enum security_event audit_security_of(enum event event)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].event == event)
            return rows[i].security;
    }
    return SECURITY_NONE;
}

static bool put(json_t *line, const char *key, const char *suffix, const char *text)
{
    char name[48];

    (void)snprintf(name, sizeof name, "%s%s", key, suffix);
    return json_object_set_new_nocheck(line, name, json_string_nocheck(text)) == 0;
}

bool audit_security_put(json_t *line, const char *key,
                        const struct security_event_info *info)
{
    return put(line, key, "_mnemonic", info->mnemonic) &&
           put(line, key, "_severity", info->severity);
}
