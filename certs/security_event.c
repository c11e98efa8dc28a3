#include "certs/security_event.h"

#include <string.h>

static const struct security_event_info infos[] = {
#define X(part, group, number, mnemonic, severity, text)                                 \
    {SECURITY_##mnemonic, "IEC62351-" #part ":" #group "." #number, #mnemonic,           \
     #severity, text},
#include "certs/security_event.def"
#undef X
};

#define INFO_COUNT (sizeof(infos) / sizeof(infos[0]))

const struct security_event_info *security_event_info(unsigned long long number)
{
    for (size_t i = 0; i < INFO_COUNT; i++) {
        if ((unsigned long long)infos[i].event == number)
            return &infos[i];
    }
    return NULL;
}

const struct security_event_info *security_event_of_id(const void *id, size_t n)
{
    for (size_t i = 0; i < INFO_COUNT; i++) {
        if (strlen(infos[i].id) == n && memcmp(infos[i].id, id, n) == 0)
            return &infos[i];
    }
    return NULL;
}

enum security_event security_event_named(const char *mnemonic)
{
    for (size_t i = 0; i < INFO_COUNT; i++) {
        if (strcmp(infos[i].mnemonic, mnemonic) == 0)
            return infos[i].event;
    }
    return SECURITY_NONE;
}

const struct security_event_info *security_event_at(unsigned int place)
{
    return place < INFO_COUNT ? &infos[place] : NULL;
}
