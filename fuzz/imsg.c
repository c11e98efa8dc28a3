/* Messages between processes over a real socket pair: whatever another process sends, in
 * any order and phase and with any descriptors, a message is taken exactly if it fits its
 * row of the catalogue, and no descriptor is left behind.
 *
 * Target functions: imsg_recv imsg_row imsg_drop_fds imsg_get imsg_reject
 *   imsg_channel_init imsg_channel_close imsg_pair imsg_fault_name imsg_name
 * Options: -max_len=512
 *
 * Input: a script, see LLVMFuzzerTestOneInput and make_packet. */
#include "fuzz/lib/fuzz.h"

#include "sandbox/imsg.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MESSAGES_MAX 24u
#define FDS_SENT_MAX 5u
#define KINDS        5u

/* Descriptors to send: the two kinds messages carry, and three they never do. */
static int fd_of_kind[KINDS];
static const char KIND[KINDS + 1] = "TU---";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    int pair[2];

    (void)argc;
    (void)argv;
    fd_of_kind[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    fd_of_kind[1] = pair[0];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    fd_of_kind[2] = pair[0];
    fd_of_kind[3] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    fd_of_kind[4] = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (size_t i = 0; i < KINDS; i++)
        FUZZ_CHECK(fd_of_kind[i] >= 0);
    return 0;
}

/* The lowest descriptor that is free: higher than before if one was left open. */
static int lowest_free(void)
{
    const int fd = fcntl(fd_of_kind[0], F_DUPFD_CLOEXEC, 0);

    FUZZ_CHECK(fd >= 0);
    (void)close(fd);
    return fd;
}

/* ---- what is sent ---- */

struct packet {
    unsigned int type;
    size_t len;      /* of payload, as sent */
    size_t declared; /* as its header says */
    bool short_one;  /* less than a header */
    unsigned int fds;
    int fd[FDS_SENT_MAX];
    char kinds[FDS_SENT_MAX + 1];
    uint8_t octets[IMSG_SIZE_MAX + 64];
};

/* Around the limits of the row, or anything. */
static size_t make_length(struct fuzz_input *in, const struct imsg_row *row)
{
    const uint8_t what = fuzz_u8(in);
    const size_t min = row ? row->min : 0, max = row ? row->max : IMSG_PAYLOAD_MAX;

    switch (what % 8) {
    case 0: return max;
    case 1: return max + 1;
    case 2: return min > 0 ? min - 1 : 0;
    case 3: return fuzz_u16(in) % (IMSG_PAYLOAD_MAX + 32u);
    default: return min;
    }
}

static void make_fds(struct fuzz_input *in, struct packet *k, const struct imsg_row *row)
{
    const uint8_t what = fuzz_u8(in);
    const char *wanted = row ? row->fds : "";
    const size_t fit = strlen(wanted);

    k->fds = what < 192 ? (unsigned int)fit : what % (FDS_SENT_MAX + 1);
    for (unsigned int i = 0; i < k->fds; i++) {
        const unsigned int kind =
            what < 176 ? (wanted[i] == 'T' ? 0 : 1) : fuzz_u8(in) % KINDS;
        k->fd[i] = fd_of_kind[kind];
        k->kinds[i] = KIND[kind];
    }
    k->kinds[k->fds] = '\0';
}

static void make_packet(struct fuzz_input *in, struct packet *k)
{
    const uint8_t which = fuzz_u8(in), twist = fuzz_u8(in);
    size_t given = fuzz_u8(in) % 64u;

    memset(k, 0, sizeof *k);
    k->type = which < 192 ? imsg_catalogue[which % imsg_catalogue_size].type
                          : (unsigned int)(which - 192u) | (unsigned int)(twist & 3) << 8;
    const struct imsg_row *row = imsg_row(k->type);
    k->len = make_length(in, row);
    k->declared = twist >= 248 ? k->len ^ 1u << (twist & 7) : k->len;
    k->short_one = twist == 247;
    make_fds(in, k, row);
    const uint8_t *octets = fuzz_take(in, &given);
    memcpy(k->octets + 4, octets, given < k->len ? given : k->len);
    const uint16_t header[2] = {(uint16_t)k->type, (uint16_t)k->declared};
    memcpy(k->octets, header, sizeof header);
}

static void send_packet(int fd, const struct packet *k)
{
    union {
        struct cmsghdr align;
        char buf[CMSG_SPACE(sizeof(int) * FDS_SENT_MAX)];
    } control = {.buf = {0}};
    const size_t size = k->short_one ? 1 + k->len % 3 : IMSG_HEADER_SIZE + k->len;
    struct iovec iov = {(void *)(uintptr_t)k->octets, size};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (k->fds > 0) {
        msg.msg_control = control.buf;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * k->fds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * k->fds);
        memcpy(CMSG_DATA(c), k->fd, sizeof(int) * k->fds);
    }
    FUZZ_CHECK(sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size);
}

/* ---- what is received ---- */

/* The first rule a packet breaks, read from the catalogue. */
static enum imsg_fault fault_of(const struct packet *k, const struct imsg_channel *ch,
                                const bool seen[1024])
{
    const struct imsg_row *row = NULL;

    for (size_t i = 0; i < imsg_catalogue_size; i++)
        if (imsg_catalogue[i].type == k->type)
            row = &imsg_catalogue[i];
    if (k->short_one || k->len > IMSG_PAYLOAD_MAX || k->declared != k->len)
        return IMSG_FAULT_LENGTH;
    if (row == NULL)
        return IMSG_FAULT_TYPE;
    if ((row->from >> ch->peer & 1) == 0 || (row->to >> ch->self & 1) == 0)
        return IMSG_FAULT_DIRECTION;
    if (k->len < row->min || k->len > row->max)
        return IMSG_FAULT_LENGTH;
    if ((row->phases & ch->phase) == 0)
        return IMSG_FAULT_PHASE;
    if (row->once && seen[k->type])
        return IMSG_FAULT_TWICE;
    return strcmp(k->kinds, row->fds) == 0 ? IMSG_FAULT_NONE : IMSG_FAULT_DESCRIPTORS;
}

static void check_taken(struct imsg_channel *ch, struct imsg *m, const struct packet *k,
                        bool reject)
{
    uint8_t payload[IMSG_PAYLOAD_MAX];

    FUZZ_CHECK(m->type == k->type && m->len == k->len && m->fd_count == k->fds);
    for (unsigned int i = 0; i < m->fd_count; i++)
        FUZZ_CHECK((fcntl(m->fds[i], F_GETFD) & FD_CLOEXEC) != 0);
    imsg_get(m, payload, m->len);
    FUZZ_CHECK(memcmp(payload, k->octets + IMSG_HEADER_SIZE, m->len) == 0);
    if (reject)
        FUZZ_CHECK(imsg_reject(ch, m) == IMSG_BAD && ch->fault == IMSG_FAULT_FIELD &&
                   ch->fault_type == k->type);
    else
        imsg_drop_fds(m);
    FUZZ_CHECK(m->fd_count == 0);
}

static void exchange(int sender, struct imsg_channel *ch, const struct packet *k,
                     bool seen[1024])
{
    static struct imsg m;
    const int free_before = lowest_free();
    const enum imsg_fault fault = fault_of(k, ch, seen);

    send_packet(sender, k);
    const enum imsg_status status = imsg_recv(ch, &m);
    FUZZ_CHECK(status == (fault == IMSG_FAULT_NONE ? IMSG_OK : IMSG_BAD));
    if (status == IMSG_OK) {
        seen[k->type] = true;
        check_taken(ch, &m, k, k->octets[4] == 0xFF);
    } else {
        FUZZ_CHECK(ch->fault == fault && m.fd_count == 0);
        FUZZ_CHECK(ch->fault_type == (k->short_one ? 0 : k->type));
        FUZZ_CHECK(strcmp(imsg_fault_name(ch->fault), "unknown") != 0);
        FUZZ_CHECK(imsg_name(k->type) != NULL);
    }
    FUZZ_CHECK(imsg_recv(ch, &m) == IMSG_AGAIN);
    FUZZ_CHECK(lowest_free() == free_before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct packet k;
    struct fuzz_input in = {data, size};
    const int free_before = lowest_free();
    struct imsg_channel ch;
    bool seen[1024] = {false};
    int fds[2];

    const enum role self = (enum role)(fuzz_u8(&in) % ROLE_COUNT);
    const enum role peer = (enum role)(fuzz_u8(&in) % ROLE_COUNT);
    FUZZ_CHECK(imsg_pair(fds));
    imsg_channel_init(&ch, fds[0], self, peer, 7, 1u << fuzz_u8(&in) % 5u);
    for (size_t i = 0; i < MESSAGES_MAX && in.left > 0; i++) {
        const uint8_t phase = fuzz_u8(&in);
        if (phase >= 224)
            ch.phase = 1u << phase % 5u;
        make_packet(&in, &k);
        exchange(fds[1], &ch, &k, seen);
    }
    static struct imsg m;
    (void)close(fds[1]);
    FUZZ_CHECK(imsg_recv(&ch, &m) == IMSG_CLOSED);
    imsg_channel_close(&ch);
    FUZZ_CHECK(imsg_recv(&ch, &m) == IMSG_CLOSED);
    FUZZ_CHECK(lowest_free() == free_before);
    return 0;
}
