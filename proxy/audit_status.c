#include "proxy/audit_status.h"

#include "proxy/audit_log.h"
#include "proxy/audit_recover.h"
#include "proxy/audit_ship.h"

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

static enum log_seal_state seal_state(const struct audit_sealer *s)
{
    return !audit_sealer_on(s) ? LOG_SEAL_OFF : s->why ? LOG_SEAL_NONE : LOG_SEAL_GOOD;
}

static enum log_ship_state ship_state(const struct audit_ship *s)
{
    return s->config.what == SHIP_OFF  ? LOG_SHIP_OFF
           : s->lagging                ? LOG_SHIP_LAGS
           : s->stuck || s->socket < 0 ? LOG_SHIP_WAITS
                                       : LOG_SHIP_GOOD;
}

static void look(struct audit_log *l, const struct audit_ship *ship,
                 struct msg_log_status *out)
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
    out->seal = (uint8_t)seal_state(&l->sealer);
    out->ship = (uint8_t)ship_state(ship);
    out->last_seq = l->file.synced.seq;
    out->seal_seq = l->tally_synced.epoch != 0 ? l->tally_synced.first_seq - 1 : 0;
    out->ship_seq = ship->delivered.seq;
}

void audit_status_tell(struct msg_log_status *known, struct imsg_channel *monitor,
                       struct audit_log *l, const struct audit_ship *ship)
{
    struct msg_log_status now;

    look(l, ship, &now);
    if (memcmp(&now, known, sizeof now) != 0 &&
        imsg_send(monitor, MSG_LOG_STATUS, &now, sizeof now, NULL, 0) == IMSG_OK)
        *known = now;
}
