#include "proxy/audit_sealer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

bool audit_sealer_init(struct audit_sealer *s, int dir_fd, const char *key_path,
                       char *err, size_t cap)
{
    memset(s, 0, sizeof *s);
    s->dir_fd = dir_fd;
    if (key_path[0] == '\0')
        return true;
    if (audit_seal_warm_up())
        s->state = OPENSSL_secure_zalloc(sizeof *s->state);
    if (!s->state) {
        (void)snprintf(err, cap, "out of memory, or libcrypto has no HMAC");
        return false;
    }
    s->key = audit_seal_key_load(key_path, err, cap);
    return s->key != NULL;
}

void audit_sealer_free(struct audit_sealer *s)
{
    audit_seal_key_free(s->key);
    OPENSSL_secure_clear_free(s->state, sizeof *s->state);
    memset(s, 0, sizeof *s);
}

__attribute__((format(printf, 3, 4))) static void
refuse(struct audit_sealer *s, const char *why, const char *fmt, ...)
{
    va_list ap;

    /* The same again is not told again. */
    if (s->why && strcmp(s->why, why) == 0)
        return;
    s->why = why;
    s->untold = true;
    va_start(ap, fmt);
    (void)vsnprintf(s->detail, sizeof s->detail, fmt, ap);
    va_end(ap);
}

/* ---- the state on disk ---- */

/* From the state's epoch to the next, on disk first. */
static void go_on(struct audit_sealer *s)
{
    struct audit_seal_state *next = OPENSSL_secure_zalloc(sizeof *next);

    s->behind = true;
    if (next) {
        *next = *s->state;
        next->epoch++;
    }
    if (!next || !audit_seal_next(next->mac_key)) {
        refuse(s, "unwritable", "out of memory");
    } else if (!audit_seal_state_store(s->dir_fd, next)) {
        refuse(s, "unwritable",
               AUDIT_SEAL_STATE_NAME " cannot be written: %s; no seal until it can",
               strerror(errno));
    } else {
        *s->state = *next; /* over the key that was used */
        s->behind = false;
        s->why = NULL;
        s->untold = false;
    }
    OPENSSL_secure_clear_free(next, sizeof *next);
}

static bool load(struct audit_sealer *s)
{
    static const struct {
        const char *why;
        const char *what;
    } faults[] = {
        [AUDIT_SEAL_FOUND] = {NULL, NULL},
        [AUDIT_SEAL_MISSING] = {"missing", "is not there"},
        [AUDIT_SEAL_UNREADABLE] = {"unreadable", "cannot be read"},
        [AUDIT_SEAL_DAMAGED] = {"damaged", "is not what was written"},
        [AUDIT_SEAL_OPEN] = {"open", "is open to others, its keys are not secret"},
    };
    enum audit_seal_found found = audit_seal_state_load(s->dir_fd, s->state);

    if (found != AUDIT_SEAL_FOUND)
        refuse(s, faults[found].why,
               AUDIT_SEAL_STATE_NAME
               " %s; no seal until gate104 log keygen makes new keys",
               faults[found].what);
    return found == AUDIT_SEAL_FOUND;
}

/* ---- the log ---- */

/* The epoch of a log's last seal, as far as it is of this key. */
static uint64_t epoch_of(const struct audit_sealer *s, const struct audit_tally *t,
                         const struct audit_last_seal *last)
{
    uint8_t id[AUDIT_KEY_ID_SIZE];
    size_t n = 0;
    const char *hex =
        last->size > 0 ? audit_member_text(last->line, last->size, "key", &n) : NULL;

    if (!hex || n != 2 * sizeof id || !audit_unhex(hex, id, sizeof id) ||
        memcmp(id, audit_seal_key_id(s->key), sizeof id) != 0)
        return 0;
    return t->epoch;
}

void audit_sealer_meet(struct audit_sealer *s, struct audit_tally *t,
                       const struct audit_last_seal *last)
{
    uint64_t sealed = epoch_of(s, t, last);

    t->epoch = sealed;
    s->fits = false;
    if (!load(s))
        return;
    if (memcmp(s->state->key_id, audit_seal_key_id(s->key), AUDIT_KEY_ID_SIZE) != 0) {
        refuse(s, "other-key",
               AUDIT_SEAL_STATE_NAME " was made with another signing key than audit."
                                     "seal_key names");
    } else if (s->state->epoch == sealed + 1) {
        s->fits = true;
    } else if (s->state->epoch > sealed) {
        refuse(s, "newer",
               AUDIT_SEAL_STATE_NAME " is at epoch %" PRIu64 ", the log's last seal "
                                     "at %" PRIu64 ": the log was cut or replaced",
               s->state->epoch, sealed);
    } else if (s->state->epoch == sealed &&
               audit_seal_mac_fits(s->state->mac_key, last->line, last->size)) {
        /* The end came between a seal and its state. */
        s->fits = true;
        go_on(s);
    } else {
        refuse(s, "older",
               AUDIT_SEAL_STATE_NAME " is at epoch %" PRIu64 ", the log's last seal "
                                     "at %" PRIu64 ": the state was put back",
               s->state->epoch, sealed);
    }
}

void audit_sealer_blind(struct audit_sealer *s)
{
    refuse(s, "log-unreadable", "the log cannot be read back to its last seal");
}

bool audit_sealer_ready(struct audit_sealer *s)
{
    if (s->key && s->fits && s->behind)
        go_on(s);
    return s->key && s->fits && !s->behind;
}

void audit_sealer_advance(struct audit_sealer *s, uint64_t epoch)
{
    if (s->fits && !s->behind && epoch == s->state->epoch)
        go_on(s);
}

/* ---- records ---- */

void audit_sealer_fault(const struct audit_sealer *s, struct record *r)
{
    record_begin(r, EVENT_SEAL_STATE, 0, false);
    record_text(r, RECORD_WHY, s->why);
    record_text(r, RECORD_DETAIL, s->detail);
}

bool audit_sealer_config(const struct audit_sealer *s, const struct audit_tally *t,
                         struct record *r)
{
    if (!s->in_force_known || memcmp(s->in_force, t->config, sizeof s->in_force) == 0)
        return false;
    record_begin(r, EVENT_RELOAD, 0, false);
    record_text(r, RECORD_WHY, "lost");
    record_text(r, RECORD_DETAIL,
                "the record of this configuration could not be written");
    record_octets(r, RECORD_CONFIG_HASH, s->in_force, sizeof s->in_force);
    return true;
}
