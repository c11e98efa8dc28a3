#include "proxy/audit_ship_state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_SIZE 256u
#define SLOTS     2u
#define WORDS     "gate104 ship 1 "
#define NUMBERS   4u
#define DIGITS    20u

/* "gate104 ship 1 TURN FIRST OFFSET SEQ HASH SUM", blanks, a newline. */
#define NUMBERS_AT (sizeof WORDS - 1)
#define HASH_AT    (NUMBERS_AT + (size_t)NUMBERS * (DIGITS + 1))
#define SUM_AT     (HASH_AT + AUDIT_HASH_HEX_SIZE + 1)

_Static_assert(SUM_AT + AUDIT_HASH_HEX_SIZE < SLOT_SIZE, "a slot has room for its line");

static bool number(const char *p, uint64_t *v)
{
    *v = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        if (p[i] < '0' || p[i] > '9' || *v > (UINT64_MAX - 9) / 10)
            return false;
        *v = 10 * *v + (uint64_t)(p[i] - '0');
    }
    return true;
}

static bool parse(const char slot[SLOT_SIZE], uint64_t *turn,
                  struct audit_place_in_log *at)
{
    uint64_t *numbers[NUMBERS] = {turn, &at->first, &at->offset, &at->seq};
    uint8_t sum[AUDIT_HASH_SIZE];
    uint8_t is[AUDIT_HASH_SIZE];

    if (memcmp(slot, WORDS, NUMBERS_AT) != 0 ||
        !audit_unhex(slot + SUM_AT, sum, sizeof sum) || !audit_hash(slot, SUM_AT, is) ||
        memcmp(sum, is, sizeof is) != 0)
        return false;
    for (size_t i = 0; i < NUMBERS; i++) {
        if (!number(slot + NUMBERS_AT + i * (DIGITS + 1), numbers[i]))
            return false;
    }
    return audit_unhex(slot + HASH_AT, at->hash, sizeof at->hash);
}

static void load(struct audit_ship_state *s, struct audit_place_in_log *at)
{
    char slot[SLOT_SIZE];

    for (unsigned int i = 0; i < SLOTS; i++) {
        struct audit_place_in_log here;
        uint64_t turn;

        if (pread(s->fd, slot, sizeof slot, (off_t)i * SLOT_SIZE) !=
                (ssize_t)sizeof slot ||
            !parse(slot, &turn, &here) || turn <= s->turn)
            continue;
        s->turn = turn;
        *at = here;
    }
}

void audit_ship_state_open(struct audit_ship_state *s, int dir_fd,
                           struct audit_place_in_log *at)
{
    struct stat st;

    memset(at, 0, sizeof *at);
    s->turn = 0;
    s->fd = openat(dir_fd, AUDIT_SHIP_STATE,
                   O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (s->fd >= 0 && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode))
        load(s, at);
    else
        audit_ship_state_close(s);
}

bool audit_ship_state_save(struct audit_ship_state *s,
                           const struct audit_place_in_log *at)
{
    char slot[SLOT_SIZE + 1];
    char hash[AUDIT_HASH_HEX_SIZE + 1];
    char sum[AUDIT_HASH_HEX_SIZE + 1];
    uint8_t is[AUDIT_HASH_SIZE];

    if (s->fd < 0)
        return false;
    s->turn++;
    audit_hex(at->hash, sizeof at->hash, hash);
    (void)snprintf(
        slot, sizeof slot,
        WORDS "%020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %020" PRIu64 " %s %*s",
        s->turn, at->first, at->offset, at->seq, hash, (int)(SLOT_SIZE - SUM_AT - 1), "");
    if (!audit_hash(slot, SUM_AT, is))
        return false;
    audit_hex(is, sizeof is, sum);
    memcpy(slot + SUM_AT, sum, AUDIT_HASH_HEX_SIZE);
    slot[SLOT_SIZE - 1] = '\n';
    return pwrite(s->fd, slot, SLOT_SIZE, (off_t)(s->turn % SLOTS * SLOT_SIZE)) ==
           (ssize_t)SLOT_SIZE;
}

void audit_ship_state_close(struct audit_ship_state *s)
{
    if (s->fd < 0)
        return;
    (void)fdatasync(s->fd);
    (void)close(s->fd);
    s->fd = -1;
}
