/* Masters without number, for measuring a TLS proxy of any make: each connects, shakes
 * hands, starts data transfer and goes; or stays, for the memory of idle sessions.  With
 * --rtu it is the station behind the proxy instead.  One thread, one epoll. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define SLOTS_MAX 8192

static const unsigned char startdt_act[6] = {0x68, 4, 7};
#define STARTDT_CON 6 /* octets of it */

struct slot {
    int fd;
    SSL *ssl;
    SSL_SESSION *session;
    size_t got;
    bool shaken;
    bool up;
    double begun;
};

static struct load {
    struct slot slot[SLOTS_MAX];
    int epoll;
    uint16_t port;
    SSL_CTX *ctx;
    bool resume, stay;
    unsigned long done, resumed, failed;
    double slowest;
} load;

static double now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct sockaddr_in local(uint16_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static void watch(int epoll, int fd, uint32_t events, uint64_t what, int how)
{
    struct epoll_event e = {.events = events, .data = {.u64 = what}};

    if (epoll_ctl(epoll, how, fd, &e) != 0) {
        perror("epoll_ctl");
        exit(2);
    }
}

static void nodelay(int fd)
{
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* ---- masters ---- */

static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct slot *s = SSL_get_app_data(ssl);

    SSL_SESSION_free(s->session);
    s->session = session;
    return 1;
}

static SSL_CTX *context(const char *dir, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    char crt[512];
    char key[512];
    char ca[512];

    (void)snprintf(crt, sizeof crt, "%s/master.crt", dir);
    (void)snprintf(key, sizeof key, "%s/master.key", dir);
    (void)snprintf(ca, sizeof ca, "%s/ca.crt", dir);
    if (!ctx || SSL_CTX_use_certificate_file(ctx, crt, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1 ||
        SSL_CTX_set1_groups_list(ctx, "P-256") != 1 ||
        SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, version) != 1) {
        ERR_print_errors_fp(stderr);
        exit(2);
    }
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(ctx,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, on_session);
    return ctx;
}

static void begin(size_t i)
{
    struct slot *s = &load.slot[i];
    struct sockaddr_in to = local(load.port);

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    s->ssl = SSL_new(load.ctx);
    if (s->fd < 0 || !s->ssl) {
        perror("socket");
        exit(2);
    }
    nodelay(s->fd);
    s->shaken = s->up = false;
    s->got = 0;
    s->begun = now();
    SSL_set_app_data(s->ssl, s);
    (void)SSL_set_fd(s->ssl, s->fd);
    SSL_set_connect_state(s->ssl);
    if (load.resume && s->session)
        (void)SSL_set_session(s->ssl, s->session);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        perror("connect");
        exit(2);
    }
    watch(load.epoll, s->fd, EPOLLOUT, i, EPOLL_CTL_ADD);
}

static void end(struct slot *s)
{
    if (s->up)
        (void)SSL_shutdown(s->ssl);
    SSL_free(s->ssl);
    (void)close(s->fd);
    s->ssl = NULL;
    s->fd = -1;
}

/* 1: data transfer is on; 0: not yet; -1: failed. */
static int step(struct slot *s)
{
    unsigned char con[16];
    int n;

    ERR_clear_error();
    if (!s->shaken) {
        n = SSL_do_handshake(s->ssl);
        if (n != 1)
            return SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
        s->shaken = true;
        if (SSL_write(s->ssl, startdt_act, sizeof startdt_act) != sizeof startdt_act)
            return -1;
    }
    n = SSL_read(s->ssl, con, sizeof con);
    if (n <= 0)
        return SSL_get_error(s->ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
    s->got += (size_t)n;
    return s->got < STARTDT_CON ? 0 : 1;
}

static void visit(size_t i)
{
    struct slot *s = &load.slot[i];
    double took;
    int r = s->up ? -1 : step(s);

    if (r == 0) {
        watch(load.epoll, s->fd, EPOLLIN, i, EPOLL_CTL_MOD);
        return;
    }
    if (r < 0) {
        load.failed++;
    } else {
        s->up = true;
        load.done++;
        load.resumed += SSL_session_reused(s->ssl) == 1;
        took = now() - s->begun;
        load.slowest = took > load.slowest ? took : load.slowest;
    }
    if (load.stay && r > 0)
        return;
    end(s);
    if (!load.stay)
        begin(i);
}

static void run(size_t slots, double seconds)
{
    double start = now();
    double until = start + seconds;

    for (size_t i = 0; i < slots; i++)
        begin(i);
    while (load.stay ? load.done + load.failed < slots : now() < until) {
        struct epoll_event e[64];
        int n = epoll_wait(load.epoll, e, 64, 100);

        for (int i = 0; i < n; i++)
            visit(e[i].data.u64);
    }
    seconds = now() - start;
    (void)printf("{\"done\":%lu,\"resumed\":%lu,\"failed\":%lu,\"seconds\":%.6f,"
                 "\"slowest\":%.6f}\n",
                 load.done, load.resumed, load.failed, seconds, load.slowest);
    (void)fflush(stdout);
    if (load.stay) {
        char c;

        while (read(STDIN_FILENO, &c, 1) > 0) {
        }
    }
}

/* ---- the station ---- */

static int rtu(const char *port_file)
{
    struct sockaddr_in a = local(0);
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int epoll = epoll_create1(0);
    FILE *f;

    if (bind(listener, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(listener, 1024) != 0 ||
        getsockname(listener, (struct sockaddr *)&a, &len) != 0)
        return 2;
    f = fopen(port_file, "w");
    if (!f)
        return 2;
    (void)fprintf(f, "%u\n", ntohs(a.sin_port));
    (void)fclose(f);
    watch(epoll, listener, EPOLLIN, (uint64_t)listener, EPOLL_CTL_ADD);
    for (;;) {
        struct epoll_event e[64];
        int n = epoll_wait(epoll, e, 64, -1);

        for (int i = 0; i < n; i++) {
            int fd = (int)e[i].data.u64;
            unsigned char in[512];
            ssize_t got;

            if (fd == listener) {
                fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0)
                    continue;
                nodelay(fd);
                watch(epoll, fd, EPOLLIN, (uint64_t)fd, EPOLL_CTL_ADD);
                continue;
            }
            got = read(fd, in, sizeof in);
            /* Every activation is confirmed: STARTDT, STOPDT, TESTFR. */
            if (got <= 0) {
                (void)close(fd);
            } else if (got >= 6 && (in[2] & 3) == 3 && in[2] & 0x54) {
                in[2] = (unsigned char)((in[2] & 0x54) << 1 | 3);
                (void)!write(fd, in, 6);
            }
        }
    }
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && strcmp(argv[1], "--rtu") == 0)
        return rtu(argv[2]);
    if (argc != 7) {
        (void)fprintf(stderr,
                      "usage: load --rtu PORT-FILE\n"
                      "       load PKI PORT 2|3 full|resume|stay SLOTS SECONDS\n");
        return 2;
    }
    load.port = (uint16_t)atoi(argv[2]);
    load.ctx = context(argv[1], argv[3][0] == '2' ? TLS1_2_VERSION : TLS1_3_VERSION);
    load.resume = strcmp(argv[4], "resume") == 0;
    load.stay = strcmp(argv[4], "stay") == 0;
    load.epoll = epoll_create1(0);
    if (atoi(argv[5]) < 1 || atoi(argv[5]) > SLOTS_MAX)
        return 2;
    run((size_t)atoi(argv[5]), atof(argv[6]));
    return 0;
}
