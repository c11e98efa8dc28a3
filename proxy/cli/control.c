/* gate104 status, sessions, close, reload, monitor-only: asks the running gate104d. */
#include "proxy/cli/control.h"

#include "proxy/cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/gate104/control"
#define ANSWER_MAX     (64u * 1024u * 1024u)
#define ANSWER_WAIT_MS 100000

/* Exit status: 0 done, 1 refused or nobody there, 2 misuse. */

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof addr.sun_path) {
        (void)fprintf(stderr, "gate104: the path of the socket is too long: %s\n", path);
        return -1;
    }
    (void)memcpy(addr.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
        return fd;
    (void)fprintf(stderr,
                  "gate104: no gate104d answers at %s: %s (is it running; is this its "
                  "run_dir, see -s; are you its user or root?)\n",
                  path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* Everything until the far end closes; NULL with a line to the user. */
static char *read_answer(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t size = 0;
    size_t have = 0;
    char *text = NULL;

    while (have < ANSWER_MAX) {
        ssize_t n;

        if (size - have < 4096) {
            char *more = realloc(text, size = 2 * size + 65536);

            if (!more)
                break;
            text = more;
        }
        if (poll(&p, 1, ANSWER_WAIT_MS) <= 0)
            break;
        n = recv(fd, text + have, size - have - 1, 0);
        if (n < 0)
            break;
        have += (size_t)n;
        text[have] = '\0';
        if (n == 0 && have > 0)
            return text;
        if (n == 0)
            break;
    }
    (void)fprintf(stderr, "gate104: no answer from gate104d\n");
    free(text);
    return NULL;
}

static const char *control_socket = DEFAULT_SOCKET;

json_t *control_ask(const char *line)
{
    json_error_t error;
    json_t *answer = NULL;
    const char *why;
    char *text = NULL;
    int fd = connect_to(control_socket);

    if (fd < 0)
        return NULL;
    if (send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line))
        text = read_answer(fd);
    (void)close(fd);
    if (text)
        answer = json_loads(text, 0, &error);
    free(text);
    if (!answer || json_is_true(json_object_get(answer, "ok")))
        return answer;
    why = json_string_value(json_object_get(answer, "error"));
    (void)fprintf(stderr, "gate104: ");
    cli_put_safe(stderr, why ? why : "refused", 0, false);
    (void)fprintf(stderr, "\n");
    json_decref(answer);
    return NULL;
}

/* ---- printing ---- */

const char *control_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

long long control_number(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

void control_put(const json_t *o, const char *key, size_t width)
{
    cli_put_safe(stdout, control_text(o, key), width, width > 0);
    (void)printf("  ");
}

static void put_list(const json_t *list)
{
    size_t i;
    const json_t *item;

    json_array_foreach(list, i, item)
    {
        const char *s = json_string_value(item);

        (void)printf("%s", i > 0 ? "," : "");
        cli_put_safe(stdout, s ? s : "", 0, false);
    }
}

/* How much of the log is sealed, and has left the machine. */
static void print_evidence(const json_t *l)
{
    static const struct {
        const char *key, *seq, *state, *words;
    } lines[] = {
        {"seals", "seal_seq", "good", "sealed"},
        {"seals", "seal_seq", "impossible", "NO SEAL CAN BE MADE (see the log), sealed"},
        {"shipping", "shipped_seq", "good", "shipped"},
        {"shipping", "shipped_seq", "waits", "syslog takes nothing now, shipped"},
        {"shipping", "shipped_seq", "lags", "SHIPPING LAGS BEHIND, shipped"},
    };

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (strcmp(control_text(l, lines[i].key), lines[i].state) == 0)
            (void)printf("    %s to record %lld of %lld\n", lines[i].words,
                         control_number(l, lines[i].seq), control_number(l, "last_seq"));
    }
}

static void print_log(const json_t *l)
{
    time_t oldest = (time_t)control_number(l, "oldest_seconds");
    char since[32] = "unknown";
    struct tm tm;

    if (!json_is_object(l))
        return;
    if (oldest > 0 && gmtime_r(&oldest, &tm))
        (void)strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void)printf("    disk %lld %% full (%s), %lld files, %lld KiB, since record %lld of "
                 "%s, reserve ",
                 control_number(l, "disk_used_percent"), control_text(l, "state"),
                 control_number(l, "files"), control_number(l, "octets") / 1024,
                 control_number(l, "oldest_seq"), since);
    (void)printf("%s, %lld KiB left\n", control_text(l, "reserve"),
                 control_number(l, "reserve_left") / 1024);
    print_evidence(l);
    if (!json_is_true(json_object_get(l, "writable")))
        (void)printf("THE LOG CANNOT BE WRITTEN: %s\n",
                     strcmp(control_text(l, "on_failure"), "close") == 0
                         ? "no session is let open"
                         : "commands are refused");
}

static void print_routes(const json_t *a)
{
    size_t i;
    const json_t *o;

    (void)printf("\nroutes\n");
    json_array_foreach(json_object_get(a, "routes"), i, o)
    {
        (void)printf("  ");
        control_put(o, "name", 16);
        control_put(o, "kind", 11);
        control_put(o, "mode", 12);
        put_list(json_object_get(o, "listen"));
        (void)printf(" -> ");
        put_list(json_object_get(o, "target"));
        (void)printf("  TLS ");
        control_put(o, "tls", 0);
        if (control_number(o, "permits") > 0)
            (void)printf("PERMITS %lld", control_number(o, "permits"));
        (void)printf("\n");
    }
}

static void print_processes(const json_t *a)
{
    size_t i;
    const json_t *o;

    (void)printf("\nprocesses\n");
    json_array_foreach(json_object_get(a, "processes"), i, o)
    {
        (void)printf("  ");
        control_put(o, "role", 8);
        (void)printf("%7lld  pid %-8lld", control_number(o, "number"),
                     control_number(o, "pid"));
        control_put(o, "state", 8);
        (void)printf("%lld s\n", control_number(o, "up_seconds"));
    }
}

static void print_trust(const json_t *a)
{
    size_t i;
    const json_t *o;

    (void)printf("\ncertificates and lists\n");
    json_array_foreach(json_object_get(a, "trust"), i, o)
    {
        long long days = control_number(o, "days_left");

        (void)printf("  ");
        control_put(o, "kind", 11);
        control_put(o, "name", 40);
        if (days < 0)
            (void)printf("OVER            ");
        else
            (void)printf("%6lld days left ", days);
        control_put(o, "file", 0);
        (void)printf("\n");
    }
}

static void print_status(const json_t *a)
{
    (void)printf("gate104d %s, pid %lld, %s\n", control_text(a, "version"),
                 control_number(a, "pid"), control_text(a, "config"));
    (void)printf("log %s, commands %s, %s\n", control_text(a, "log"),
                 control_text(a, "log_commands"),
                 json_is_true(json_object_get(a, "log_sealed")) ? "sealed"
                                                                : "chained, not sealed");
    print_log(json_object_get(a, "log_files"));
    if (!json_is_true(json_object_get(a, "separate_users")))
        (void)printf(
            "LESS SEPARATION: not started as root, all processes are one user\n");
    if (json_array_size(json_object_get(a, "sandbox_lacks")) > 0) {
        (void)printf("SANDBOX WITHOUT: ");
        put_list(json_object_get(a, "sandbox_lacks"));
        (void)printf("\n");
    }
    print_routes(a);
    print_processes(a);
    print_trust(a);
}

static void print_sessions(const json_t *a)
{
    size_t i;
    const json_t *o;

    json_array_foreach(json_object_get(a, "sessions"), i, o)
    {
        bool open = strcmp(control_text(o, "state"), "open") == 0;

        (void)printf("%lld  ", control_number(o, "session"));
        control_put(o, "route", 16);
        cli_put_safe(stdout,
                     !open ? control_text(o, "state")
                     : json_is_true(json_object_get(o, "started")) ? "started"
                                                                   : "stopped",
                     9, true);
        (void)printf("  ");
        if (!json_is_true(json_object_get(o, "commands"))) {
            (void)printf("NO COMMANDS: ");
            control_put(o, "refused_by", 0);
        }
        control_put(o, "source", 21);
        (void)printf("%6lld s  I %lld/%lld  refused %lld  dropped %lld  ",
                     control_number(o, "age_seconds"), control_number(o, "master_i"),
                     control_number(o, "station_i"), control_number(o, "refused"),
                     control_number(o, "dropped"));
        control_put(o, "subject", 0);
        (void)printf("\n");
    }
    if (json_array_size(json_object_get(a, "sessions")) == 0)
        (void)printf("no sessions\n");
    if (!json_is_true(json_object_get(a, "complete")))
        (void)printf("INCOMPLETE: a gate process did not answer\n");
}

static void print_note(const json_t *a)
{
    (void)printf("done");
    cli_put_safe(stdout, control_text(a, "detail"), 0, false);
    (void)printf("\n");
}

/* ---- commands ---- */

void cli_control_socket(const char *path)
{
    control_socket = path;
}

/* `words` of argv are the question; --json may stand among them. */
static int question(int argc, char **argv, int words, const char *usage,
                    void (*print)(const json_t *))
{
    char line[256] = "";
    bool json = false;
    json_t *answer;
    int have = 0;

    for (int i = 0; i < argc; i++) {
        size_t used = strlen(line);

        if (strcmp(argv[i], "--json") == 0) {
            json = true;
            continue;
        }
        if (++have > words || strlen(argv[i]) + used + 3 > sizeof line)
            break;
        (void)snprintf(line + used, sizeof line - used, "%s%s", used > 0 ? " " : "",
                       argv[i]);
    }
    if (have != words || strchr(line, '\n')) {
        (void)fprintf(stderr, "usage: gate104 [-s SOCKET] %s\n", usage);
        return 2;
    }
    (void)strncat(line, "\n", sizeof line - strlen(line) - 1);
    answer = control_ask(line);
    if (!answer)
        return 1;
    if (json) {
        (void)json_dumpf(answer, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else {
        print(answer);
    }
    json_decref(answer);
    return 0;
}

int cli_status(int argc, char **argv)
{
    return question(argc, argv, 1, "status [--json]", print_status);
}

int cli_sessions(int argc, char **argv)
{
    return question(argc, argv, 1, "sessions [--json]", print_sessions);
}

int cli_close(int argc, char **argv)
{
    return question(argc, argv, 2, "close SESSION", print_note);
}

int cli_reload(int argc, char **argv)
{
    return question(argc, argv, 1, "reload", print_note);
}

int cli_log_order(int argc, char **argv)
{
    char word[] = "log";
    char *words[] = {word, argv[0]};

    if (argc != 1) {
        (void)fprintf(stderr, "usage: gate104 [-s SOCKET] log %s\n", argv[0]);
        return 2;
    }
    return question(2, words, 2, "log seal|rotate", print_note);
}

int cli_monitor_only(int argc, char **argv)
{
    return question(argc, argv, 3, "monitor-only on|off ROUTE", print_note);
}
