#include "proxy/recording_file.h"

#include "proxy/audit_line.h"
#include "proxy/audit_time.h"
#include "proxy/pcapng.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)64 * 1024)
/* Files that begin in one second. */
#define NUMBERS 1000u

/* What was added and is not written yet: one file's, between add and write. */
static struct {
    uint8_t octets[BUFFER_SIZE];
    struct pcapng w;
    uint32_t apdus[RECORDED_LEGS];
} buffer;

static const char *const leg_name[RECORDED_LEGS] = {"master", "station"};

void recording_file_init(struct recording_file *f)
{
    memset(f, 0, sizeof *f);
    f->fd = -1;
}

/* ---- begin ---- */

static void name_of(char out[RECORDING_NAME_MAX], const char *route, unsigned int number)
{
    char at[AUDIT_LINE_TIME_SIZE];
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    audit_line_time(&now, at); /* 2026-11-21T02:33:04.123Z */
    (void)snprintf(out, RECORDING_NAME_MAX,
                   "%.63s-%.4s%.2s%.2sT%.2s%.2s%.2sZ-%03u" RECORDING_SUFFIX, route, at,
                   at + 5, at + 8, at + 11, at + 14, at + 17, number % NUMBERS);
}

/* True if a recording of this name was finished already. */
static bool is_taken(int dir_fd, const char *name)
{
    int fd =
        openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return errno != ENOENT;
    (void)close(fd);
    return true;
}

static int make(struct recording_file *f, int dir_fd, const char *route)
{
    /* Counted on, so that the name of one that was deleted is not used again. */
    static unsigned int number;
    char open_name[RECORDING_OPEN_MAX];

    for (unsigned int i = 0; i < NUMBERS; i++) {
        int fd;

        name_of(f->name, route, number++);
        if (is_taken(dir_fd, f->name))
            continue;
        (void)snprintf(open_name, sizeof open_name, "%s" RECORDING_OPEN, f->name);
        fd =
            openat(dir_fd, open_name,
                   O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    errno = EEXIST;
    return -1;
}

static void add_head(const char *route)
{
    char comment[256];
    char what[RECORDED_LEGS][160];

    (void)snprintf(comment, sizeof comment,
                   "Route %s of gate104: every APDU of its sessions, on each leg those "
                   "that came and those that left. Log records about them are named in "
                   "comments. Port 2404 stands for the station.",
                   route);
    for (size_t i = 0; i < RECORDED_LEGS; i++)
        (void)snprintf(what[i], sizeof what[i],
                       "between gate104 and the %s%s of route %s: in is what the station "
                       "at the end sent, out what gate104 did",
                       i == 0 ? "master" : "RTU", i == 0 ? "" : " (controlled station)",
                       route);
    pcapng_section(&buffer.w, "gate104 recording", "gate104-audit " GATE104_VERSION,
                   comment);
    for (size_t i = 0; i < RECORDED_LEGS; i++)
        pcapng_interface(&buffer.w, leg_name[i], what[i], PCAPNG_MICROSECONDS);
}

static void empty_buffer(void)
{
    pcapng_init(&buffer.w, buffer.octets, sizeof buffer.octets);
    memset(buffer.apdus, 0, sizeof buffer.apdus);
}

bool recording_file_open(struct recording_file *f, int dir_fd, const char *route)
{
    int fd;

    recording_file_init(f);
    fd = make(f, dir_fd, route);
    if (fd < 0)
        return false;
    f->fd = fd;
    f->hash = audit_hash_begin();
    f->changed = f->hash == NULL;
    f->began_ms = audit_time_mono_ms();
    empty_buffer();
    add_head(route);
    return true;
}

/* ---- APDUs ---- */

static bool has_room(void)
{
    return sizeof buffer.octets - buffer.w.n >= PCAPNG_PACKET_MAX;
}

/* Wireshark knows by the port which end is the station. */
static struct msg_endpoint station_of(const struct msg_recorded *head)
{
    struct msg_endpoint e = head->station;

    e.port = PCAPNG_PORT_104;
    return e;
}

bool recording_file_add(struct recording_file *f, const struct msg_recorded *head,
                        const struct recorded_apdu *a, const struct recording_note *note)
{
    const bool from_master = (a->leg == 0) != a->sent;
    const struct msg_endpoint station = station_of(head);
    char comment[PCAPNG_COMMENT_MAX] = "";
    size_t used = 0;

    if (!has_room() && !recording_file_write(f))
        return false;
    if (f->session != head->session)
        used =
            (size_t)snprintf(comment, sizeof comment, "session %" PRIu64, head->session);
    if (note->record != 0)
        (void)snprintf(comment + used, sizeof comment - used,
                       "%srecord %" PRIu64 ": %.40s.%.40s", used > 0 ? "; " : "",
                       note->record, note->event->group, note->event->name);
    f->session = head->session;
    pcapng_packet(&buffer.w, &(struct pcapng_packet){
                                 .interface = a->leg,
                                 .time = a->utc_us,
                                 .flow = a->sent ? PCAPNG_FLOW_OUT : PCAPNG_FLOW_IN,
                                 .from = from_master ? head->master : station,
                                 .to = from_master ? station : head->master,
                                 .apdu = a->octets,
                                 .size = a->size,
                                 .comment = comment[0] ? comment : NULL,
                             });
    if (f->first_us == 0)
        f->first_us = a->utc_us;
    f->last_us = a->utc_us;
    buffer.apdus[a->leg]++;
    return true;
}

void recording_file_lost(struct recording_file *f, unsigned int leg, uint32_t count)
{
    f->leg[leg].lost += count;
}

/* ---- octets ---- */

/* Takes back what was written of a buffer. */
static void take_back(struct recording_file *f, bool some)
{
    int error = errno;

    if (some && ftruncate(f->fd, (off_t)f->size) != 0)
        f->changed = true;
    errno = error;
}

static bool write_all(struct recording_file *f)
{
    size_t done = 0;

    while (done < buffer.w.n) {
        ssize_t n = write(f->fd, buffer.octets + done, buffer.w.n - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            take_back(f, done > 0);
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

bool recording_file_write(struct recording_file *f)
{
    const bool good = write_all(f);
    int error = good ? 0 : errno;

    for (size_t i = 0; i < RECORDED_LEGS; i++) {
        if (good)
            f->leg[i].written += buffer.apdus[i];
        else
            f->leg[i].lost += buffer.apdus[i];
    }
    if (good) {
        f->size += buffer.w.n;
        f->changed = f->changed || !audit_hash_add(f->hash, buffer.octets, buffer.w.n);
    }
    empty_buffer();
    errno = error;
    return good;
}

bool recording_file_sync(struct recording_file *f)
{
    if (f->synced == f->size)
        return true;
    if (fdatasync(f->fd) != 0)
        return false;
    f->synced = f->size;
    return true;
}

bool recording_file_close(struct recording_file *f, uint8_t hash[AUDIT_HASH_SIZE])
{
    bool good;

    empty_buffer();
    for (size_t i = 0; i < RECORDED_LEGS; i++)
        pcapng_statistics(&buffer.w, &(struct pcapng_statistics){
                                         .interface = (uint32_t)i,
                                         .time = f->last_us,
                                         .first = f->first_us,
                                         .last = f->last_us,
                                         .received = f->leg[i].written + f->leg[i].lost,
                                         .dropped = f->leg[i].lost,
                                     });
    (void)recording_file_write(f);
    good = recording_file_sync(f) && !f->changed;
    good = audit_hash_end(f->hash, good ? hash : NULL) && good;
    (void)close(f->fd);
    f->fd = -1;
    f->hash = NULL;
    return good;
}
