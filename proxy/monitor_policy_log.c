/* Evidence of policies that were not taken: which was, which would have been, and why. */
#include "proxy/monitor.h"

#include "proxy/audit_hash.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS_MAX 8u
#define FILE_MAX    (64 << 20)

/* False: there is none that can be read. */
static bool hash_file(const char *path, uint8_t out[POLICY_HASH_SIZE])
{
    const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    bool good;

    if (fd < 0)
        return false;
    good = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX &&
           audit_hash_range(fd, 0, (uint64_t)st.st_size, out);
    (void)close(fd);
    return good;
}

static bool differs(const struct config *c, const struct config *next, size_t route,
                    uint8_t hash[POLICY_HASH_SIZE], bool *has_hash)
{
    const struct config_policy *p = &c->policies[c->routes[route].policy];

    *has_hash = true;
    if (next) {
        memcpy(hash, next->policies[next->routes[route].policy].hash, POLICY_HASH_SIZE);
        return !config_live_same(c, next, route);
    }
    *has_hash = hash_file(p->path, hash);
    return !*has_hash || memcmp(p->hash, hash, sizeof p->hash) != 0;
}

void monitor_policy_refused(struct monitor *m, const struct config *next, const char *why,
                            const char *detail)
{
    const struct config *c = m->config;
    unsigned int told = 0;

    for (size_t i = 0; i < c->route_count && told < RECORDS_MAX; i++) {
        const struct config_policy *p = &c->policies[c->routes[i].policy];
        uint8_t hash[POLICY_HASH_SIZE];
        bool has_hash;
        struct record r;

        if (!differs(c, next, i, hash, &has_hash))
            continue;
        told++;
        record_begin(&r, EVENT_POLICY_RELOAD_FAILED, 0, false);
        record_u64(&r, RECORD_ROUTE, c->routes[i].index);
        record_octets(&r, RECORD_OLD_POLICY_HASH, p->hash, sizeof p->hash);
        if (has_hash)
            record_octets(&r, RECORD_POLICY_HASH, hash, sizeof hash);
        record_text(&r, RECORD_WHY, why);
        record_text(&r, RECORD_DETAIL, detail);
        monitor_record(m, &r);
    }
}
