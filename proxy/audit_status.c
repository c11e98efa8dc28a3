#include "proxy/audit_status.h"

#include "proxy/audit_log.h"
#include "proxy/audit_recover.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t began(int fd, uint64_t size)
{
    struct audit_envelope e;

    return fd >= 0 && size > 0 && audit_recover_first(fd, size, &e)
               ? (uint64_t)audit_time_ms(e.time)
               : 0;
}

/* The time of the oldest record; read once, as long as the oldest file is the same. */
static uint64_t oldest_utc_ms(struct audit_log *l, uint64_t seq)
{
    const struct audit_old *old;
    int fd;

    if (l->oldest_utc_ms != 0 && l->oldest_seq == seq)
        return l->oldest_utc_ms;
    l->oldest_seq = seq;
    if (l->shelf.count == 0) {
        l->oldest_utc_ms = began(l->file.fd, l->file.written.size);
        return l->oldest_utc_ms;
    }
    old = &l->shelf.old[0];
    fd = audit_shelf_open(l->file.dir_fd, old);
    l->oldest_utc_ms = began(fd, old->size);
    if (fd >= 0)
        (void)close(fd);
    return l->oldest_utc_ms;
}

void audit_status(struct audit_log *l, struct msg_log_status *out)
{
    const struct audit_space *s = &l->space;

    memset(out, 0, sizeof *out);
    out->octets = l->shelf.octets + l->file.written.size;
    out->reserve_left = audit_space_left(l);
    out->oldest_seq = l->shelf.count > 0 ? l->shelf.old[0].first_seq : l->turn.first_seq;
    out->oldest_utc_ms = oldest_utc_ms(l, out->oldest_seq);
    out->files = (uint32_t)l->shelf.count + 1u;
    out->used_percent = (uint8_t)(s->used > 100 ? 100 : s->used);
    out->level = (uint8_t)s->level;
    out->reserve = (uint8_t)s->reserve;
    out->broken = l->broken ? 1 : 0;
}
