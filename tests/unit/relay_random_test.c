/* Random conversations through the relay, watched by two stations of our own making.
 *
 * Each station has its own codec, numbers, windows and STARTDT state and knows nothing of
 * the relay.  A ledger says for every frame sent what the driver decided, whether it
 * arrived, whether the far station acknowledged it, whether it was answered.  Seeded, so
 * a failure can be repeated; RELAY_RANDOM_STEPS sets the length. */
#include "proxy/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOD       32768u
#define LEDGER    65536u /* frames remembered per direction, a power of two */
#define PIPE_SIZE 8192u
#define QUEUE     64u
#define K_HIGHEST 40u
#define STEPS     3000000ul

enum fate { UNJUDGED, FORWARDED, DROPPED, REFUSED };

struct entry {
    enum fate fate;
    bool arrived, acknowledged, answered;
};

enum data { STOPPED, STARTING, STARTED, STOPPING };

struct apdu {
    size_t size;
    uint8_t octets[255];
};

struct station {
    enum link_leg leg;
    unsigned int w;
    enum data data;
    unsigned int vs, va, vr, told; /* numbers; told = last N(R) sent */
    uint64_t sent, sent_acked;     /* the same for frames sent, never wrapping */
    uint64_t expected;             /* no frame of the other below this may arrive */
    bool relayed[MOD];             /* by N(S) received: from the far station, and which */
    uint64_t which[MOD];
    bool testing; /* TESTFR act sent, con missing */
    bool stop_pending;
    struct apdu queue[QUEUE]; /* to the relay */
    unsigned int queue_first, queue_count;
    uint8_t pipe[PIPE_SIZE]; /* from the relay */
    size_t piped;
    unsigned int nr_at_relay, on_wire; /* for the window the relay keeps */
    uint64_t wraps, replies, tests, stops;
};

struct world {
    struct link *link;
    void *memory;
    unsigned int k;
    uint64_t seed, step, random;
    bool quiet; /* nothing new is sent, everything is acknowledged */
    struct station *at[LINK_LEGS];
    struct entry *ledger[LINK_LEGS]; /* frames sent by this leg's station */
    uint64_t judged[LINK_LEGS];      /* frames of this leg decided for good */
    uint64_t refused_to_answer;      /* master's frames refused, answers missing */
    uint8_t reply[249];
};

#define CHECK(world, condition)                                                          \
    do {                                                                                 \
        if (!(condition))                                                                \
            fail_msg("seed %lu step %lu k %u: %s", (unsigned long)(world)->seed,         \
                     (unsigned long)(world)->step, (world)->k, #condition);              \
    } while (0)

static uint64_t draw(struct world *o, uint64_t below)
{
    o->random ^= o->random << 13;
    o->random ^= o->random >> 7;
    o->random ^= o->random << 17;
    return (o->random >> 11) % below;
}

static unsigned int distance(unsigned int from, unsigned int to)
{
    return (to + MOD - from) % MOD;
}

static struct entry *entry_of(struct world *o, enum link_leg leg, uint64_t id)
{
    return &o->ledger[leg][id % LEDGER];
}

static enum link_leg far_of(enum link_leg leg)
{
    return leg == LEG_MASTER ? LEG_STATION : LEG_MASTER;
}

/* ---- a station sends --------------------------------------------------------------- */

static struct apdu *enqueue(struct world *o, struct station *s, size_t size)
{
    CHECK(o, s->queue_count < QUEUE);
    struct apdu *a = &s->queue[(s->queue_first + s->queue_count++) % QUEUE];
    memset(a, 0, sizeof(*a));
    a->size = size;
    a->octets[0] = 0x68;
    a->octets[1] = (uint8_t)(size - 2);
    return a;
}

static void send_u(struct world *o, struct station *s, uint8_t function)
{
    enqueue(o, s, 6)->octets[2] = function;
}

/* Whatever the station has received is acknowledged with this N(R). */
static void write_nr(struct world *o, struct station *s, struct apdu *a)
{
    a->octets[4] = (uint8_t)(s->vr << 1);
    a->octets[5] = (uint8_t)(s->vr >> 7);
    for (; s->told != s->vr; s->told = (s->told + 1) % MOD)
        if (s->relayed[s->told])
            entry_of(o, far_of(s->leg), s->which[s->told])->acknowledged = true;
}

static void send_s(struct world *o, struct station *s)
{
    struct apdu *a = enqueue(o, s, 6);
    a->octets[2] = 1;
    write_nr(o, s, a);
}

static void write_id(uint8_t *asdu, uint8_t kind, uint64_t id)
{
    asdu[0] = kind;
    for (int i = 0; i < 7; i++)
        asdu[1 + i] = (uint8_t)(id >> (8 * i));
}

static uint64_t read_id(const uint8_t *asdu)
{
    uint64_t id = 0;
    for (int i = 0; i < 7; i++)
        id |= (uint64_t)asdu[1 + i] << (8 * i);
    return id;
}

static void send_i(struct world *o, struct station *s)
{
    size_t size = draw(o, 16) == 0 ? 8 + draw(o, 242) : 8;
    struct apdu *a = enqueue(o, s, 6 + size);
    a->octets[2] = (uint8_t)(s->vs << 1);
    a->octets[3] = (uint8_t)(s->vs >> 7);
    write_nr(o, s, a);
    write_id(a->octets + 6, 'D', s->sent);
    *entry_of(o, s->leg, s->sent) = (struct entry){.fate = UNJUDGED};
    s->sent++;
    s->vs = (s->vs + 1) % MOD;
    s->wraps += s->vs == 0;
}

/* ---- a station receives ------------------------------------------------------------ */

static void take_nr(struct world *o, struct station *s, const uint8_t *a)
{
    unsigned int nr = a[4] / 2u + a[5] * 128u;
    CHECK(o, distance(s->va, nr) <= distance(s->va, s->vs));
    for (; s->va != nr; s->va = (s->va + 1) % MOD, s->sent_acked++) {
        const struct entry *e = entry_of(o, s->leg, s->sent_acked);
        CHECK(o, e->fate != UNJUDGED);
        CHECK(o, e->fate != FORWARDED || (e->arrived && e->acknowledged));
        CHECK(o, e->fate != REFUSED || e->answered);
    }
}

static void take_data(struct world *o, struct station *s, const uint8_t *asdu)
{
    uint64_t id = read_id(asdu);
    if (asdu[0] == 'R') {
        struct entry *mine = entry_of(o, s->leg, id);
        CHECK(o, s->leg == LEG_MASTER && id < s->sent && s->sent - id < LEDGER);
        CHECK(o, mine->fate == REFUSED && !mine->answered);
        mine->answered = true;
        o->refused_to_answer--;
        s->replies++;
        return;
    }
    struct entry *theirs = entry_of(o, far_of(s->leg), id);
    CHECK(o, asdu[0] == 'D' && id < o->at[far_of(s->leg)]->sent);
    CHECK(o, theirs->fate == FORWARDED && !theirs->arrived);
    /* In order, and nothing left out but what was not to be forwarded. */
    for (; s->expected < id; s->expected++)
        CHECK(o, entry_of(o, far_of(s->leg), s->expected)->fate == DROPPED ||
                     entry_of(o, far_of(s->leg), s->expected)->fate == REFUSED);
    CHECK(o, s->expected == id);
    s->expected++;
    theirs->arrived = true;
    s->relayed[s->vr] = true;
    s->which[s->vr] = id;
}

static void take_i(struct world *o, struct station *s, const uint8_t *a, size_t size)
{
    CHECK(o, s->data == STARTED || (s->data == STOPPING && s->leg == LEG_MASTER));
    CHECK(o, a[2] / 2u + a[3] * 128u == s->vr);
    CHECK(o, distance(s->told, s->vr) < o->k);
    CHECK(o, size >= 14);
    s->relayed[s->vr] = false;
    take_data(o, s, a + 6);
    s->vr = (s->vr + 1) % MOD;
    take_nr(o, s, a);
}

static void take_u(struct world *o, struct station *s, uint8_t function)
{
    struct station *far = o->at[far_of(s->leg)];
    bool master = s->leg == LEG_MASTER;
    if (function == 0x43) {
        CHECK(o, far->testing);
        send_u(o, s, 0x83);
    } else if (function == 0x83) {
        CHECK(o, s->testing);
        s->testing = false;
        s->tests++;
    } else if (function == 0x07) {
        CHECK(o, !master && s->data == STOPPED);
        s->data = STARTED;
        send_u(o, s, 0x0B);
    } else if (function == 0x0B) {
        CHECK(o, master && s->data == STARTING);
        s->data = STARTED;
    } else if (function == 0x13) {
        CHECK(o, !master && s->data == STARTED);
        s->data = STOPPING;
    } else {
        CHECK(o, function == 0x23 && master && s->data == STOPPING);
        CHECK(o, s->told == s->vr && s->va == s->vs && o->refused_to_answer == 0);
        s->data = STOPPED;
        s->stops++;
    }
}

static void take(struct world *o, struct station *s, const uint8_t *a, size_t size)
{
    if ((a[2] & 1) == 0) {
        take_i(o, s, a, size);
    } else if ((a[2] & 3) == 1) {
        CHECK(o, size == 6 && s->data != STOPPED && s->data != STARTING);
        unsigned int before = s->va;
        take_nr(o, s, a);
        CHECK(o, s->va != before); /* an S-frame that moves nothing is not sent */
    } else {
        take_u(o, s, a[2]);
    }
}

static void read_pipe(struct world *o, struct station *s)
{
    size_t at = 0;
    while (s->piped - at >= 6 && s->piped - at >= s->pipe[at + 1] + 2u) {
        CHECK(o, s->pipe[at] == 0x68);
        size_t size = s->pipe[at + 1] + 2u;
        take(o, s, s->pipe + at, size);
        at += size;
    }
    memmove(s->pipe, s->pipe + at, s->piped - at);
    s->piped -= at;
}

/* ---- the relay between them -------------------------------------------------------- */

static void give(struct world *o, struct station *s)
{
    if (s->queue_count == 0)
        return;
    CHECK(o, link_can_receive(o->link, s->leg));
    const struct apdu *a = &s->queue[s->queue_first];
    if ((a->octets[2] & 3) != 3)
        s->nr_at_relay = a->octets[4] / 2u + a->octets[5] * 128u;
    struct verdict v = link_receive(o->link, s->leg, a->octets, a->size);
    CHECK(o, v.reason == REASON_OK);
    s->queue_first = (s->queue_first + 1) % QUEUE;
    s->queue_count--;
}

static void judge(struct world *o, enum link_leg leg)
{
    static const enum fate fates[] = {DROPPED, UNJUDGED, REFUSED, FORWARDED};
    struct link_frame f;
    bool held = link_held(o->link, leg, &f);
    if (!held && !link_next(o->link, leg, &f))
        return;
    uint64_t id = read_id(f.asdu);
    CHECK(o, id == o->judged[leg] && f.ticket == id + 1);
    struct link_decision d = {.ticket = f.ticket, .verb = LINK_FORWARD};
    uint64_t choice = draw(o, 8);
    if (choice >= 4 && leg == LEG_MASTER)
        d.verb = choice == 4 ? LINK_HOLD : choice == 5 ? LINK_DROP : LINK_REFUSE;
    else if (choice == 7)
        d.verb = LINK_DROP;
    if (d.verb == LINK_HOLD && (o->quiet || held))
        return;
    if (d.verb == LINK_REFUSE) {
        write_id(o->reply, 'R', id);
        d.reply = o->reply;
        d.reply_size = draw(o, 8) == 0 ? 249 : 8;
        o->refused_to_answer++;
    }
    if (d.verb != LINK_HOLD) {
        entry_of(o, leg, id)->fate = fates[d.verb];
        o->judged[leg]++;
    }
    CHECK(o, link_decide(o->link, leg, &d));
}

/* The window, counted where the octets leave. */
static void watch(struct world *o, struct station *s, const uint8_t *a)
{
    if ((a[2] & 1) != 0)
        return;
    CHECK(o, a[2] / 2u + a[3] * 128u == s->on_wire);
    s->on_wire = (s->on_wire + 1) % MOD;
    CHECK(o, distance(s->nr_at_relay, s->on_wire) <= o->k);
}

static void carry(struct world *o, struct station *s)
{
    const uint8_t *octets;
    size_t size, n = 0;
    CHECK(o, link_unacknowledged(o->link, s->leg) <= o->k);
    CHECK(o, link_owed(o->link, s->leg) <= o->k);
    link_output(o->link, s->leg, &octets, &size);
    size_t wanted = draw(o, 4) == 0 ? draw(o, 300) : size;
    while (n < size && n < wanted && n + octets[n + 1] + 2u <= PIPE_SIZE - s->piped) {
        CHECK(o, octets[n] == 0x68 && n + octets[n + 1] + 2u <= size);
        watch(o, s, octets + n);
        n += octets[n + 1] + 2u;
    }
    memcpy(s->pipe + s->piped, octets, n);
    s->piped += n;
    link_output_consumed(o->link, s->leg, n);
}

/* ---- what the stations want -------------------------------------------------------- */

static bool owes(const struct station *s)
{
    return s->told != s->vr;
}

static void master_wants(struct world *o, struct station *s)
{
    if (s->data == STOPPED && !o->quiet) {
        s->data = STARTING;
        send_u(o, s, 0x07);
    } else if (s->data == STARTED && s->stop_pending) {
        if (owes(s))
            send_s(o, s);
        s->stop_pending = false;
        s->data = STOPPING;
        send_u(o, s, 0x13);
    }
}

static void station_wants(struct world *o, struct station *s)
{
    if (s->data != STOPPING || s->va != s->vs)
        return;
    if (owes(s))
        send_s(o, s);
    s->data = STOPPED;
    send_u(o, s, 0x23);
}

static void want(struct world *o, struct station *s)
{
    if (s->queue_count > QUEUE - 8)
        return;
    if (s->leg == LEG_MASTER)
        master_wants(o, s);
    else
        station_wants(o, s);
    if (s->data == STARTED && !o->quiet && distance(s->va, s->vs) < o->k && draw(o, 4))
        send_i(o, s);
    bool due = distance(s->told, s->vr) >= s->w || s->data == STOPPING || o->quiet;
    if (owes(s) && (due || draw(o, 16) == 0))
        send_s(o, s);
    if (!s->testing && !o->quiet && draw(o, 64) == 0) {
        s->testing = true;
        send_u(o, s, 0x43);
    }
    if (s->leg == LEG_MASTER && draw(o, 2048) == 0)
        s->stop_pending = true;
}

static void one_step(struct world *o)
{
    enum link_leg leg = draw(o, 2) ? LEG_MASTER : LEG_STATION;
    struct station *s = o->at[leg];
    switch (draw(o, 5)) {
    case 0: want(o, s); break;
    case 1: give(o, s); break;
    case 2: judge(o, leg); break;
    case 3: carry(o, s); break;
    default: read_pipe(o, s); break;
    }
    o->step++;
}

/* ---- one session ------------------------------------------------------------------- */

static void open_world(struct world *o, uint64_t seed)
{
    static const unsigned int ks[] = {1, 2, 3, 5, 12, K_HIGHEST};
    memset(o, 0, sizeof(*o));
    o->seed = seed;
    o->random = seed * 0x9E3779B97F4A7C15u + 1;
    o->k = ks[seed % 6];
    struct link_config config = {.k = (uint16_t)o->k, .output_size = LINK_OUTPUT_MIN};
    if (draw(o, 2))
        config.output_size = LINK_OUTPUT_DEFAULT;
    size_t size = link_memory_size(&config);
    o->memory = malloc(size);
    o->link = link_init(&config, o->memory, size);
    assert_non_null(o->link);
    for (int leg = 0; leg < LINK_LEGS; leg++) {
        o->at[leg] = calloc(1, sizeof(struct station));
        o->ledger[leg] = calloc(LEDGER, sizeof(struct entry));
        assert_true(o->at[leg] != NULL && o->ledger[leg] != NULL);
        o->at[leg]->leg = (enum link_leg)leg;
        o->at[leg]->w = 1 + (unsigned int)draw(o, o->k);
    }
}

static void close_world(struct world *o)
{
    for (int leg = 0; leg < LINK_LEGS; leg++) {
        free(o->at[leg]);
        free(o->ledger[leg]);
    }
    free(o->memory);
}

/* Nobody sends anything new: all that was sent must come to its end. */
static void settle(struct world *o)
{
    o->quiet = true;
    for (unsigned int n = 0; n < 40000; n++)
        one_step(o);
    CHECK(o, o->refused_to_answer == 0);
    for (int leg = 0; leg < LINK_LEGS; leg++) {
        const struct station *s = o->at[leg];
        struct link_frame f;
        CHECK(o, s->va == s->vs && s->sent_acked == s->sent && s->told == s->vr);
        CHECK(o, !s->testing && s->queue_count == 0 && s->piped == 0);
        CHECK(o, o->judged[leg] == s->sent);
        CHECK(o, link_unacknowledged(o->link, (enum link_leg)leg) == 0);
        CHECK(o, link_owed(o->link, (enum link_leg)leg) == 0);
        CHECK(o, !link_next(o->link, (enum link_leg)leg, &f));
    }
    const struct link_count *m = link_counts(o->link, LEG_MASTER);
    CHECK(o, m->inserted == m->refused && m->refused == o->at[LEG_MASTER]->replies);
    CHECK(o, m->forwarded + m->refused + m->dropped == o->at[LEG_MASTER]->sent);
}

static void test_random_conversations(void **state)
{
    (void)state;
    const char *asked = getenv("RELAY_RANDOM_STEPS");
    unsigned long steps = asked != NULL ? strtoul(asked, NULL, 10) : STEPS;
    uint64_t wraps = 0, replies = 0, stops = 0, tests = 0, frames = 0;
    static struct world o;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        open_world(&o, seed);
        for (unsigned long n = 0; n < steps; n++)
            one_step(&o);
        settle(&o);
        for (int leg = 0; leg < LINK_LEGS; leg++) {
            wraps += o.at[leg]->wraps;
            frames += o.at[leg]->sent;
            tests += o.at[leg]->tests;
        }
        replies += o.at[LEG_MASTER]->replies;
        stops += o.at[LEG_MASTER]->stops;
        close_world(&o);
    }
    print_message("# %lu frames, %lu wraps, %lu replies, %lu stops, %lu tests\n",
                  (unsigned long)frames, (unsigned long)wraps, (unsigned long)replies,
                  (unsigned long)stops, (unsigned long)tests);
    assert_true(steps < STEPS || (wraps > 12 && replies > 10000 && stops > 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_conversations),
    };
    return cmocka_run_group_tests_name("relay_random", tests, NULL, NULL);
}
