/* What the monitor takes: messages of roles that may have been taken over, questions at
 * the control socket, the names of a service manager's socket.  The monitor goes on, says
 * nothing but printable lines, and answers in JSON.
 *
 * Target functions: monitor_note monitor_violation_said monitor_fleet_worker_taken
 *   monitor_control_session monitor_control_end_of monitor_signer_refused control_command
 *   control_sessions control_status notify_take monitor_audit_status monitor_permit_used
 *   monitor_permit_ack control_permit monitor_policy_told
 * Options: -max_len=1024
 *
 * Messages: READY VIOLATION WORKER_TAKEN NOTE STATUS_SESSION STATUS_END SIGNER_REFUSED
 * LOG_STATUS LOG_ORDERED PERMIT_USED RECORD_ACK POLICY_TOLD
 *
 * Input: a script, see LLVMFuzzerTestOneInput. */
#include "fuzz/lib/fuzz.h"

#include <stdio.h>

static FILE *operator;
static char *operator_text;
static size_t operator_size;

#undef stderr
#define stderr operator
#include "proxy/monitor_log.c"
#undef stderr

#include "proxy/monitor_proc.c"

#include "fuzz/lib/role_files.h"
#include "proxy/monitor_permit.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define STEPS_MAX 24u
#define ROUNDS    3u
#define CLIENTS   3u

static struct monitor monitor;
static struct config config;
static unsigned int rounds;

static const struct {
    enum role role;
    uint32_t id;
} members[] = {
    {ROLE_GATE, 0}, {ROLE_GATE, 1},  {ROLE_SIGNER, 0},  {ROLE_BROKER, 0},
    {ROLE_TLS, 0},  {ROLE_AUDIT, 0}, {ROLE_FETCHER, 0},
};

#define MEMBERS (sizeof members / sizeof members[0])

static struct proc *procs[MEMBERS];
static struct imsg_channel ours[MEMBERS];

/* ---- a monitor that has started ---- */

static void make_config(void)
{
    static struct config_tls tls;
    static struct config_policy policy;
    static struct config_route route[2];
    static char run[400];
    static char nowhere[] = "/nowhere/gate104.conf";
    static char empty[] = "";

    (void)snprintf(run, sizeof run, "%s", role_files());
    tls.cert.path = tls.cert.text = empty;
    policy.path = nowhere;
    policy.permits = true;
    for (unsigned int i = 0; i < 2; i++) {
        route[i].index = (uint16_t)i;
        (void)snprintf(route[i].name, sizeof route[i].name, "route-%u", i);
        route[i].mode = ROUTE_PROTECT_RTU;
        route[i].permit_persons = i + 1;
        route[i].points = CONFIG_NO_POINTS;
    }
    config = (struct config){.path = nowhere,
                             .folder = nowhere,
                             .run_dir = run,
                             .audit_dir = nowhere,
                             .limits = {.routes_per_gate = 1},
                             .permits = {.max_s = 600, .confirm_s = 60, .persons = 1},
                             .tls_count = 1,
                             .tls = &tls,
                             .policy_count = 1,
                             .policies = &policy,
                             .route_count = 2,
                             .routes = route};
}

static void ticked(void *ctx, uint32_t events)
{
    (void)ctx;
    (void)events;
}

static void round_over(void *ctx)
{
    (void)ctx;
    if (++rounds >= ROUNDS)
        loop_stop(&monitor.loop);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static struct loop_watch tick = {.fd = -1};

    (void)argc;
    (void)argv;
    make_config();
    operator= open_memstream(&operator_text, &operator_size);
    monitor.config = &config;
    monitor.signal_watch.fd = monitor.reload.inotify_watch.fd = -1;
    monitor.reload.inotify_fd = -1;
    FUZZ_CHECK(operator&& loop_init(&monitor.loop));
    notify_take(&monitor.notify);
    monitor.loop.round_end = round_over;
    FUZZ_CHECK(
        loop_add(&monitor.loop, &tick, eventfd(1, EFD_CLOEXEC), EPOLLIN, ticked, NULL));
    FUZZ_CHECK(monitor_control_begin(&monitor) && monitor.control->fd >= 0);
    for (size_t i = 0; i < MEMBERS; i++) {
        procs[i] = monitor_proc_add(&monitor, members[i].role, members[i].id, NULL, 0);
        FUZZ_CHECK(procs[i]);
    }
    return 0;
}

static void begin(void)
{
    int pair[2];

    for (size_t i = 0; i < MEMBERS; i++) {
        struct proc *p = procs[i];

        FUZZ_CHECK(imsg_pair(pair));
        imsg_channel_init(&p->control, pair[0], ROLE_MONITOR, p->role, p->id, PHASE_RUN);
        imsg_channel_init(&ours[i], pair[1], p->role, ROLE_MONITOR, 0, PHASE_RUN);
        p->state = PROC_RUNNING;
        rate_init(&p->tells, 1000, 1000, monotonic_ms());
        p->notes = 0;
        p->policy.wait = p->role == ROLE_GATE ? POLICY_WAIT_READY : POLICY_WAIT_NONE;
        FUZZ_CHECK(
            loop_add(&monitor.loop, &p->watch, pair[0], EPOLLIN, control_ready, p));
    }
    FUZZ_CHECK(monitor_permit_begin(&monitor));
    monitor.record_count = 0;
    monitor.policy.number = 1;
    rewind(operator);
}

static void run(void)
{
    rounds = 0;
    monitor.loop.stopping = false;
    loop_run(&monitor.loop);
}

static void end(void)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        loop_del(&monitor.loop, &procs[i]->watch);
        imsg_channel_close(&procs[i]->control);
        imsg_channel_close(&ours[i]);
    }
    monitor_permit_end(&monitor);
    (void)fflush(operator);
    for (long i = 0; i < ftell(operator); i++)
        FUZZ_CHECK(operator_text[i] == '\n' ||
                   (operator_text[i] >= ' ' && operator_text[i] <= '~'));
}

/* ---- messages ---- */

/* The question that waits at this gate, so that the answers are some. */
static uint32_t question(const struct imsg_channel *ch)
{
    static struct imsg m;
    struct msg_status_ask ask = {.request = monitor.control->request};
    struct imsg_channel gate = *ch;

    while (imsg_recv(&gate, &m) == IMSG_OK) { /* at most what a socket holds */
        if (m.type == MSG_STATUS_ASK)
            imsg_get(&m, &ask, sizeof ask);
    }
    return ask.request;
}

static void prepare(unsigned int type, const struct imsg_channel *ch, uint8_t *payload)
{
    static uint64_t session;
    struct msg_status_session s = {.request = question(ch),
                                   .session = ++session,
                                   .route = ch->peer_id == 0 ? ch == &ours[1] : 0,
                                   .state = STATUS_OPEN,
                                   .source = {.family = 4, .port = 1}};
    struct msg_status_end e = {.request = s.request};
    struct msg_signer_refused r = {.count = 1, .why = 1};
    const struct permits *permits = monitor.permits;
    struct msg_record_ack ack = {.ticket = permits->ticket_last, .durable = 1};
    struct msg_permit_used used = {.used = 1};

    if (permits->grants)
        used = (struct msg_permit_used){.id = permits->grants->permit.id,
                                        .used = permits->grants->permit.used + 1,
                                        .route = permits->grants->route};
    if (type == MSG_RECORD_ACK)
        memcpy(payload, &ack, sizeof ack);
    else if (type == MSG_PERMIT_USED)
        memcpy(payload, &used, sizeof used);
    else if (type == MSG_STATUS_SESSION)
        memcpy(payload, &s, sizeof s);
    else if (type == MSG_STATUS_END)
        memcpy(payload, &e, sizeof e);
    else if (type == MSG_SIGNER_REFUSED)
        memcpy(payload, &r, sizeof r);
}

static void message(struct fuzz_input *in)
{
    struct imsg_channel *ch = &ours[fuzz_u8(in) % MEMBERS];
    const uint8_t which = fuzz_u8(in), how = fuzz_u8(in);
    const struct imsg_row *fit[128];
    uint8_t payload[IMSG_PAYLOAD_MAX] = {0};
    size_t count = 0;

    for (size_t i = 0; i < imsg_catalogue_size; i++) {
        const struct imsg_row *row = &imsg_catalogue[i];
        if ((row->from >> ch->self & 1) && (row->to >> ROLE_MONITOR & 1))
            fit[count++] = row;
    }
    const struct imsg_row *row = fit[which % count];
    size_t n = row->min == row->max ? row->max : row->min + how % (row->max - row->min);
    prepare(row->type, ch, payload);
    for (unsigned int i = 0; i < (how & 3u) && n > 0; i++) {
        const size_t at = fuzz_u16(in) % n;
        payload[at] = fuzz_u8(in);
    }
    (void)imsg_send(ch, (enum imsg_type)row->type, payload, n, NULL, 0);
}

/* ---- the control socket ---- */

static void check_answer(int fd)
{
    static char text[1u << 18];
    const ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);
    json_error_t error;

    if (n <= 0)
        return;
    json_t *answer = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &error);
    FUZZ_CHECK(text[n - 1] == '\n' && json_is_boolean(json_object_get(answer, "ok")));
    json_decref(answer);
}

static int ask(struct fuzz_input *in)
{
    static const char *const words[] = {"",
                                        "status",
                                        "sessions",
                                        "close ",
                                        "reload",
                                        "monitor-only on ",
                                        "monitor-only off route-",
                                        "monitor-only on route-1",
                                        "permit list",
                                        "permit grant\troute=route-0\treason=x\tfor=5m",
                                        "permit grant\troute=route-1\treason=x\tfor=5m",
                                        "permit grant\tcommands=1\troute=route-0\tfor=",
                                        "permit revoke ",
                                        "permit confirm "};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const uint8_t which = fuzz_u8(in);
    size_t more = fuzz_u8(in) % 64u;
    const uint8_t *octets = fuzz_take(in, &more);

    memcpy(at.sun_path, monitor.control->path, sizeof at.sun_path);
    FUZZ_CHECK(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    const char *word = words[which % (sizeof words / sizeof words[0])];
    (void)send(fd, word, strlen(word), MSG_NOSIGNAL);
    if (more > 0)
        (void)send(fd, octets, more, MSG_NOSIGNAL);
    if (which < 240)
        (void)send(fd, "\n", 1, MSG_NOSIGNAL);
    run();
    return fd;
}

/* ---- the service manager ---- */

static void notify(struct fuzz_input *in)
{
    static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
    struct notify n;
    char text[129] = "";

    for (unsigned int i = 0; i < 3; i++) {
        size_t size = fuzz_u8(in) % sizeof text;
        const uint8_t *octets = fuzz_take(in, &size);
        memcpy(text, octets, size);
        text[size] = '\0';
        FUZZ_CHECK(setenv(names[i], text, 1) == 0);
    }
    notify_take(&n);
    FUZZ_CHECK(!getenv(names[0]) && !getenv(names[1]) && !getenv(names[2]));
    FUZZ_CHECK((n.fd >= 0) == (n.to_size > 0));
    if (n.fd >= 0)
        (void)close(n.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    int client[CLIENTS];
    unsigned int clients = 0;

    begin();
    for (unsigned int i = 0; i < STEPS_MAX && in.left > 0; i++) {
        const uint8_t what = fuzz_u8(&in);

        if (what < 160)
            message(&in);
        else if (what < 192 && clients < CLIENTS)
            client[clients++] = ask(&in);
        else if (what < 196)
            notify(&in);
        else
            run();
    }
    run();
    for (unsigned int i = 0; i < clients; i++) {
        check_answer(client[i]);
        (void)close(client[i]);
    }
    end();
    run();
    return 0;
}
