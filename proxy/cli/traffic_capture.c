/* APDUs of both directions of the connections in a capture, in the order of its packets.
 */
#include "proxy/cli/tcp_stream.h"
#include "proxy/cli/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader;
struct connection;

struct way {
    struct connection *connection;
    enum direction dir;
    struct tcp_stream tcp;
    bool lost; /* framing is lost: what follows is not looked at */
    size_t n;
    uint8_t held[APDU_SIZE_MAX];
};

struct connection {
    struct reader *reader;
    uint32_t slot;
    bool spoken;            /* an APDU of the session was told */
    uint64_t session, used; /* used: packet in which it was heard of last */
    struct capture_endpoint master, station;
    char who[TRAFFIC_WHO_MAX];
    struct traffic_peer peer;
    struct way way[DIRECTIONS];
};

struct reader {
    struct traffic *t;
    struct connection *connection[TRAFFIC_SESSIONS];
    size_t count;
    bool stop; /* out of memory, or the caller wants no more */
};

/* ---- octets of one direction ------------------------------------------------------- */

static void tell(struct way *w, const struct capture_segment *when, size_t n,
                 struct verdict framing)
{
    struct connection *c = w->connection;
    struct traffic_apdu a = {.number = when->number,
                             .time_ms = when->time_us / 1000,
                             .slot = c->slot,
                             .session = c->session,
                             .dir = w->dir,
                             .framing = framing,
                             .octets = w->held,
                             .n = n,
                             .who = c->who,
                             .peer = &c->peer,
                             .event = ""};

    c->spoken = true;
    if (!traffic_tell(c->reader->t, &a))
        c->reader->stop = true;
}

/* Takes one APDU out of what is held; false: none is whole. */
static bool take_apdu(struct way *w, const struct capture_segment *when)
{
    size_t size;
    const struct verdict v = apci_scan(w->held, w->n, &size);

    if (v.reason != REASON_OK) {
        tell(w, when, w->n, v);
        w->lost = true;
        w->n = 0;
        return false;
    }
    if (size == 0)
        return false;
    tell(w, when, size, v);
    w->n -= size;
    memmove(w->held, w->held + size, w->n);
    return w->n > 0;
}

/* gate104 would have closed the connection where framing is lost, and the capture shows
 * more of it: it is entered again at a segment that begins as an APDU does. */
static void take_octets(void *ctx, const struct capture_segment *when,
                        const uint8_t *octets, size_t n)
{
    struct way *w = ctx;

    if (w->lost && octets[0] == APCI_START)
        w->lost = false;
    while (n > 0 && !w->lost && !w->connection->reader->stop) { /* n shrinks */
        const size_t room = sizeof w->held - w->n;
        const size_t some = n < room ? n : room;

        memcpy(w->held + w->n, octets, some);
        w->n += some;
        octets += some;
        n -= some;
        while (take_apdu(w, when) && !w->connection->reader->stop) /* w->n shrinks */
            ;
    }
}

static void take_break(void *ctx, enum tcp_break why)
{
    struct way *w = ctx;

    w->n = 0;
    w->lost = false;
    w->connection->reader->t->counts.gaps += why == TCP_BREAK_GAP;
}

/* A connection that comes back with the same ports is another session. */
static void end_session(struct connection *c)
{
    if (!c->spoken)
        return;
    traffic_end(c->reader->t, c->slot, c->session);
    c->session = ++c->reader->t->counts.sessions;
    c->spoken = false;
}

/* ---- the table of connections ------------------------------------------------------ */

static void end_connection(struct reader *r, struct connection *c)
{
    for (int d = 0; d < DIRECTIONS; d++) {
        tcp_stream_end(&c->way[d].tcp);
        r->t->counts.repeated += c->way[d].tcp.repeated;
    }
}

static void begin_connection(struct reader *r, struct connection *c, uint32_t slot,
                             const struct capture_segment *s)
{
    const bool from_station = s->source.port == capture_station_port(s, r->t->port);
    char text[CAPTURE_ENDPOINT_TEXT];
    char *port;

    memset(c, 0, sizeof *c);
    c->reader = r;
    c->slot = slot;
    c->session = ++r->t->counts.sessions;
    c->master = from_station ? s->destination : s->source;
    c->station = from_station ? s->source : s->destination;
    for (int d = 0; d < DIRECTIONS; d++) {
        struct way *w = &c->way[d];

        w->connection = c;
        w->dir = (enum direction)d;
        w->tcp.ctx = w;
        w->tcp.octets = take_octets;
        w->tcp.broken = take_break;
    }
    c->peer.has_address = c->master.address_size != 0;
    memcpy(c->peer.address, c->master.address, sizeof c->peer.address);
    if (c->master.address_size == 4) {
        memset(c->peer.address, 0, sizeof c->peer.address);
        c->peer.address[10] = c->peer.address[11] = 0xFF;
        memcpy(c->peer.address + 12, c->master.address, 4);
    }
    capture_endpoint_text(&c->master, text);
    port = strrchr(text, ':');
    if (port)
        *port = '\0';
    (void)snprintf(c->who, sizeof c->who, "%s", text);
}

static uint32_t new_slot(struct reader *r)
{
    uint32_t oldest = 0;

    if (r->count < TRAFFIC_SESSIONS)
        return (uint32_t)r->count;
    for (uint32_t i = 1; i < r->count; i++) {
        if (r->connection[i]->used < r->connection[oldest]->used)
            oldest = i;
    }
    end_connection(r, r->connection[oldest]);
    return oldest;
}

static struct connection *connection_of(struct reader *r, const struct capture_segment *s)
{
    const bool from_station = s->source.port == capture_station_port(s, r->t->port);
    const struct capture_endpoint *station = from_station ? &s->source : &s->destination;
    const struct capture_endpoint *master = from_station ? &s->destination : &s->source;
    uint32_t slot;

    for (size_t i = 0; i < r->count; i++) {
        if (capture_endpoint_same(&r->connection[i]->master, master) &&
            capture_endpoint_same(&r->connection[i]->station, station))
            return r->connection[i];
    }
    slot = new_slot(r);
    if (slot == r->count) {
        r->connection[slot] = malloc(sizeof *r->connection[0]);
        if (!r->connection[slot])
            return NULL;
        r->count++;
    }
    begin_connection(r, r->connection[slot], slot, s);
    return r->connection[slot];
}

/* ---- the file ---------------------------------------------------------------------- */

static void take_packet(struct way *w, const struct capture_segment *s)
{
    w->n = 0;
    w->lost = false;
    if (s->n > 1 || s->whole) /* one octet is a keep-alive probe, RFC 9293 3.8.4 */
        take_octets(w, s, s->octets, s->n);
}

static void take_segment(struct reader *r, const struct capture_segment *s)
{
    const uint16_t port = capture_station_port(s, r->t->port);
    const bool from_station = s->source.port == port;
    struct connection *c;
    struct way *w;

    if (!from_station && s->destination.port != port) {
        r->t->counts.others += s->n > 0;
        return;
    }
    r->t->counts.segments += s->n > 0;
    c = connection_of(r, s);
    if (!c) {
        r->stop = true;
        (void)traffic_complain(r->t, "capture", "out of memory");
        return;
    }
    c->used = s->number;
    w = &c->way[from_station ? DIR_MONITOR : DIR_CONTROL];
    if ((s->flags & CAPTURE_TCP_SYN) != 0 && !from_station)
        end_session(c);
    if (!r->t->per_packet && !s->whole)
        tcp_stream_add(&w->tcp, s);
    else
        take_packet(w, s);
    if ((s->flags & (CAPTURE_TCP_FIN | CAPTURE_TCP_RST)) != 0)
        end_session(c);
}

/* A recording of a route has two legs, which hold most APDUs twice, and each session once
 * on either: what the master sent and got is the first (recording_file.c). */
static bool is_wanted(const struct capture_segment *s)
{
    return !s->whole || s->interface == 0;
}

static int read_all(struct reader *r, struct capture *c)
{
    struct capture_packet packet;
    struct capture_segment segment;
    int more = capture_next(c, &packet);

    while (more > 0 && !r->stop) { /* ends with the file */
        if (capture_segment_of(&packet, &segment) && is_wanted(&segment))
            take_segment(r, &segment);
        more = capture_next(c, &packet);
    }
    for (size_t i = 0; i < r->count; i++) {
        end_connection(r, r->connection[i]);
        free(r->connection[i]);
    }
    return more;
}

static bool report(struct reader *r, const char *path, uint64_t segments,
                   uint64_t repeated)
{
    const struct traffic_counts *c = &r->t->counts;
    char what[160];

    segments = c->segments - segments;
    repeated = c->repeated - repeated;
    if (segments == 0) {
        (void)snprintf(what, sizeof what,
                       "no octets to or from TCP port %u; name the station's port with "
                       "--port N",
                       r->t->port);
        return traffic_complain(r->t, path, what);
    }
    if (repeated * 2 > segments) {
        (void)snprintf(what, sizeof what,
                       "%llu of %llu segments repeat octets seen before and were passed "
                       "over; --per-packet looks at each packet alone",
                       (unsigned long long)repeated, (unsigned long long)segments);
        (void)traffic_complain(r->t, path, what);
    }
    return true;
}

bool traffic_capture(struct traffic *t, const char *path)
{
    static struct capture c;
    static struct reader r;
    const uint64_t segments = t->counts.segments, repeated = t->counts.repeated;
    char why[128];
    int end;

    r = (struct reader){.t = t};
    if (!capture_open(&c, path, why, sizeof why))
        return traffic_complain(t, path, why);
    t->counts.captures++;
    end = read_all(&r, &c);
    capture_close(&c);
    if (r.stop)
        return false;
    if (end < 0) {
        (void)snprintf(why, sizeof why, "damaged or cut off behind packet %llu",
                       (unsigned long long)c.packets);
        (void)traffic_complain(t, path, why);
        t->counts.cut = true;
    }
    return report(&r, path, segments, repeated);
}
