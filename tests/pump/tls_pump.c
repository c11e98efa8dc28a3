/* A TLS station's transport, by OpenSSL alone: one plain connection on one side, one of
 * TLS on the other, and whatever a peer may do to the keys between them, on command.
 *
 *   tls_pump client|server 1.2|1.3 FOLDER NAME PORT_FILE CONNECT_PORT LAG_MS
 *
 * FOLDER is a lab PKI, NAME the certificate in it.  It takes one connection on a port of
 * its own and makes one to CONNECT_PORT; a client speaks TLS on the latter, a server on
 * the former.  From TLS it reads every LAG_MS only, so that the flights of a handshake
 * lie apart.  Lines on standard input are commands (see the table), lines on standard
 * output are what was seen of keys. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct pump {
    SSL *ssl;
    int tls, plain;
    bool server, deaf, over;
    long lag, next_read; /* ms */
    const char *folder;
    char to_tls[16384], to_plain[16384];
    int to_tls_n, to_plain_n;
};

static _Noreturn void die(const char *what)
{
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static long now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- commands ---- */

static void renegotiate(struct pump *p, const char *arg)
{
    (void)arg;
    if (SSL_renegotiate(p->ssl) != 1 || (p->server && SSL_do_handshake(p->ssl) != 1))
        printf("cannot renegotiate\n");
}

/* HelloRequests, as many as named. */
static void insist(struct pump *p, const char *arg)
{
    for (int i = atoi(arg); i > 0; i--)
        renegotiate(p, "");
}

/* Key updates, as many as named; those asked for if negative. */
static void update(struct pump *p, const char *arg)
{
    int n = atoi(arg);
    int type = n < 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;

    for (int i = 0; i < abs(n); i++) {
        if (SSL_key_update(p->ssl, type) != 1 || SSL_do_handshake(p->ssl) != 1)
            break;
    }
}

static void refuse(struct pump *p, const char *arg)
{
    (void)arg;
    SSL_set_options(p->ssl, SSL_OP_NO_RENEGOTIATION);
}

/* Reads nothing from TLS for so many ms; what is plain goes on. */
static void pause_reading(struct pump *p, const char *arg)
{
    p->next_read = now_ms() + atol(arg);
}

static void deaf(struct pump *p, const char *arg)
{
    (void)arg;
    p->deaf = true;
}

/* From the next handshake on it is another. */
static void become(struct pump *p, const char *arg)
{
    char crt[600];
    char key[600];

    (void)snprintf(crt, sizeof crt, "%s/%s.crt", p->folder, arg);
    (void)snprintf(key, sizeof key, "%s/%s.key", p->folder, arg);
    if (SSL_use_certificate_file(p->ssl, crt, SSL_FILETYPE_PEM) != 1 ||
        SSL_use_PrivateKey_file(p->ssl, key, SSL_FILETYPE_PEM) != 1)
        die(crt);
}

static const struct {
    const char *word;
    void (*run)(struct pump *p, const char *arg);
} commands[] = {
    {"renegotiate", renegotiate}, {"update", update}, {"pause", pause_reading},
    {"insist", insist},           {"refuse", refuse}, {"deaf", deaf},
    {"become", become},
};

static void read_command(struct pump *p)
{
    static char line[256];
    static size_t have;
    char word[32];
    char arg[64] = "";
    ssize_t n = read(0, line + have, sizeof line - 1 - have);

    if (n <= 0)
        exit(0);
    have += (size_t)n;
    for (char *end; (end = memchr(line, '\n', have));) {
        size_t used = (size_t)(end - line) + 1;

        *end = '\0';
        if (sscanf(line, "%31s %63s", word, arg) >= 1) {
            for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
                if (strcmp(commands[i].word, word) == 0)
                    commands[i].run(p, arg);
            }
            printf("did %s\n", word);
        }
        have -= used;
        memmove(line, end + 1, have);
    }
}

/* ---- what is seen ---- */

static void on_message(int sent, int version, int type, const void *buf, size_t len,
                       SSL *ssl, void *arg)
{
    static const char *const names[] = {
        [SSL3_MT_HELLO_REQUEST] = "hello-request",
        [SSL3_MT_CLIENT_HELLO] = "client-hello",
        [SSL3_MT_CERTIFICATE] = "certificate",
        [SSL3_MT_FINISHED] = "finished",
        [SSL3_MT_KEY_UPDATE] = "key-update",
    };
    const unsigned char *p = buf;

    (void)version;
    (void)ssl;
    (void)arg;
    if (type == SSL3_RT_HANDSHAKE && len > 0 && p[0] < sizeof names / sizeof names[0] &&
        names[p[0]])
        printf("%s %s\n", sent ? "sent" : "got", names[p[0]]);
    if (type == SSL3_RT_ALERT && len == 2 && !sent)
        printf("got alert %s\n", SSL_alert_desc_string_long(p[1]));
}

/* ---- the pump ---- */

static void over(struct pump *p, const char *side)
{
    printf("%s end %s\n", side, ERR_reason_error_string(ERR_peek_error()) ?: "");
    p->over = true;
}

static void read_tls(struct pump *p)
{
    int n = 1;

    if (p->deaf || p->to_plain_n > 0 || now_ms() < p->next_read)
        return;
    ERR_clear_error();
    while (n > 0 && p->to_plain_n + 4096 <= (int)sizeof p->to_plain) {
        n = SSL_read(p->ssl, p->to_plain + p->to_plain_n, 4096);
        if (n > 0)
            p->to_plain_n += n;
    }
    if (n <= 0 && SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_READ &&
        SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_WRITE)
        over(p, "tls");
    p->next_read = now_ms() + p->lag;
}

/* Not during a handshake: SSL_write would read, and bears no data of the peer there. */
static void write_tls(struct pump *p)
{
    int n;

    if (p->to_tls_n == 0 || SSL_in_init(p->ssl) ||
        (!p->server && SSL_version(p->ssl) == TLS1_2_VERSION &&
         SSL_renegotiate_pending(p->ssl)))
        return;
    ERR_clear_error();
    n = SSL_write(p->ssl, p->to_tls, p->to_tls_n);
    if (n > 0)
        p->to_tls_n = 0;
    else if (SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_READ &&
             SSL_get_error(p->ssl, n) != SSL_ERROR_WANT_WRITE)
        over(p, "tls");
}

static void plain_io(struct pump *p)
{
    ssize_t n;

    if (p->to_plain_n > 0) {
        n = send(p->plain, p->to_plain, (size_t)p->to_plain_n, MSG_NOSIGNAL);
        if (n > 0) {
            p->to_plain_n -= (int)n;
            memmove(p->to_plain, p->to_plain + n, (size_t)p->to_plain_n);
        }
    }
    if (p->to_tls_n > 0)
        return;
    n = recv(p->plain, p->to_tls, sizeof p->to_tls, MSG_DONTWAIT);
    if (n == 0)
        over(p, "plain");
    else if (n > 0)
        p->to_tls_n = (int)n;
}

static void run(struct pump *p)
{
    while (!p->over) {
        struct pollfd w[3] = {{.fd = 0, .events = POLLIN},
                              {.fd = p->tls, .events = p->deaf ? 0 : POLLIN},
                              {.fd = p->plain, .events = POLLIN}};
        long wait = p->next_read - now_ms();

        if (wait > 0 || p->deaf)
            w[1].fd = -1;
        if (p->to_tls_n > 0)
            w[2].fd = -1;
        (void)poll(w, 3, wait > 0 && wait < 20 ? (int)wait : 20);
        if (w[0].revents)
            read_command(p);
        read_tls(p);
        plain_io(p);
        write_tls(p);
        plain_io(p);
    }
    if (!p->deaf)
        (void)SSL_shutdown(p->ssl);
}

/* ---- begin ---- */

static int listen_on(const char *port_file)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    FILE *f = fopen(port_file, "w");

    if (!f || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0)
        die(port_file);
    (void)fprintf(f, "%d\n", ntohs(a.sin_port));
    (void)fclose(f);
    return fd;
}

static int connect_to(const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(port)),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect");
    return fd;
}

static SSL_CTX *context(struct pump *p, const char *version, const char *name)
{
    SSL_CTX *ctx = SSL_CTX_new(p->server ? TLS_server_method() : TLS_client_method());
    int v = strcmp(version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    char ca[600];

    (void)snprintf(ca, sizeof ca, "%s/ca.crt", p->folder);
    SSL_CTX_set_min_proto_version(ctx, v);
    SSL_CTX_set_max_proto_version(ctx, v);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"pump", 4);
    SSL_CTX_set_mode(ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    if (SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
        die(ca);
    p->ssl = SSL_new(ctx);
    become(p, name);
    return ctx;
}

int main(int argc, char **argv)
{
    static struct pump p;
    int accepted;
    int dialled;
    int one = 1;
    int listener;

    if (argc != 8)
        return 2;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    p.server = strcmp(argv[1], "server") == 0;
    p.folder = argv[3];
    (void)context(&p, argv[2], argv[4]);
    listener = listen_on(argv[5]);
    accepted = accept(listener, NULL, NULL);
    dialled = connect_to(argv[6]);
    p.lag = atol(argv[7]);
    p.tls = p.server ? accepted : dialled;
    p.plain = p.server ? dialled : accepted;
    (void)setsockopt(p.tls, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(p.plain, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (SSL_set_fd(p.ssl, p.tls) != 1 ||
        (p.server ? SSL_accept(p.ssl) : SSL_connect(p.ssl)) != 1)
        die("handshake");
    printf("ready %s\n", SSL_get_version(p.ssl));
    SSL_set_msg_callback(p.ssl, on_message);
    (void)fcntl(p.tls, F_SETFL, O_NONBLOCK);
    run(&p);
    return 0;
}
