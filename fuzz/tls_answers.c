/* What a tls worker takes while it is in the middle of something: answers of the signer,
 * for which a handshake waits, and what the gate wants sent.  An answer is taken exactly
 * if it is one to the question; secrets do not stay where they arrived.
 *
 * Target functions: tls_sign tls_decrypt tls_signer_answer tls_resume_keeper write_apdus
 * Options: -max_len=1024
 *
 * Messages: SIGNED DECRYPTED SESSION_FOUND GATE_DATA
 *
 * Input: an octet that chooses the question, then the answers; or a GATE_DATA. */
#include "fuzz/lib/fuzz.h"

#include "proxy/tls_session.c"

#include "fuzz/lib/role_files.h"

#define ANSWERS_MAX 4u

static struct tls worker;
static const struct tls_key key = {&worker, 0};

/* ---- the signer ---- */

static const struct {
    enum imsg_type type;
    size_t head;
} kinds[] = {{MSG_SIGNED, sizeof(struct msg_signed)},
             {MSG_DECRYPTED, sizeof(struct msg_decrypted)},
             {MSG_SESSION_FOUND, sizeof(struct msg_session_found)}};

#define KINDS (sizeof kinds / sizeof kinds[0])

struct answer {
    size_t kind;
    size_t size;
    uint8_t payload[IMSG_PAYLOAD_MAX];
};

/* Status and size are small numbers, more often than not. */
static void make_answer(struct fuzz_input *in, struct answer *a)
{
    const uint8_t what = fuzz_u8(in);
    const uint32_t request = worker.sign_request + 1 + (what >> 6);
    size_t more = fuzz_u8(in);

    memset(a, 0, sizeof *a);
    a->kind = what % KINDS;
    a->size = kinds[a->kind].head;
    memcpy(a->payload, &request, sizeof request);
    for (unsigned int i = 0; i < 4; i++)
        a->payload[4 + i] = fuzz_u8(in);
    const uint8_t *octets = fuzz_take(in, &more);
    memcpy(a->payload + 8, octets, more < a->size - 8 ? more : a->size - 8);
    if (a->kind == 2) {
        memcpy(a->payload + a->size, octets, more);
        a->size += more;
    }
}

/* The first of its type with the number of the question, and nothing bad before it. */
static const struct answer *expected(const struct answer *a, size_t n, size_t kind)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t request;

        memcpy(&request, a[i].payload, sizeof request);
        if (a[i].kind == kind && request == worker.sign_request)
            return &a[i];
    }
    return NULL;
}

static void try_sign(const struct answer *a, size_t n)
{
    uint8_t signature[512];
    size_t size = 0;
    const int got = tls_sign((void *)(uintptr_t)&key, 0x0403, (const uint8_t *)"x", 1,
                             signature, sizeof signature, &size);
    const struct answer *e = expected(a, n, 0);
    struct msg_signed m = {.status = 1};

    if (e)
        memcpy(&m, e->payload, sizeof m);
    FUZZ_CHECK((got == 0) == (m.status == 0 && m.size <= sizeof signature));
    FUZZ_CHECK(got != 0 || (size == m.size && memcmp(signature, m.signature, size) == 0));
}

static void try_decrypt(const struct answer *a, size_t n)
{
    uint8_t premaster[REMOTE_PREMASTER];
    const int got =
        tls_decrypt((void *)(uintptr_t)&key, (const uint8_t *)"x", 1, premaster);
    const struct answer *e = expected(a, n, 1);
    struct msg_decrypted m = {.status = 1};

    if (e)
        memcpy(&m, e->payload, sizeof m);
    FUZZ_CHECK((got == 0) == (m.status == 0));
    FUZZ_CHECK(got != 0 || memcmp(premaster, m.premaster, sizeof premaster) == 0);
    for (size_t i = 0; e && i < sizeof m; i++)
        FUZZ_CHECK(worker.child.scratch.payload[i] == 0);
}

static void try_take(const struct answer *a, size_t n)
{
    static struct resume_session s;
    const struct resume_keeper keeper = tls_resume_keeper(&worker);
    const enum resume_found got = keeper.take(keeper.ctx, &s);
    const struct answer *e = expected(a, n, 2);
    struct msg_session_found m = {.status = SESSION_UNKNOWN};
    size_t octets = 0;

    if (e) {
        memcpy(&m, e->payload, sizeof m);
        octets = e->size - sizeof m;
    }
    FUZZ_CHECK((got == RESUME_FOUND) ==
               (m.status == SESSION_GOOD && m.seconds > 0 && octets > 0));
    FUZZ_CHECK((got == RESUME_LAPSED) == (m.status == SESSION_LAPSED));
    FUZZ_CHECK(
        got != RESUME_FOUND ||
        (s.size == octets && memcmp(s.octets, e->payload + sizeof m, octets) == 0));
}

static void ask(struct fuzz_input *in, unsigned int question)
{
    static void (*const tries[KINDS])(const struct answer *a,
                                      size_t n) = {try_sign, try_decrypt, try_take};
    static struct answer a[ANSWERS_MAX];
    struct imsg_channel signer;
    size_t n = 0;
    int pair[2];

    FUZZ_CHECK(imsg_pair(pair));
    imsg_channel_init(&worker.signer, pair[0], ROLE_TLS, ROLE_SIGNER, 0, PHASE_RUN);
    imsg_channel_init(&signer, pair[1], ROLE_SIGNER, ROLE_TLS, 0, PHASE_RUN);
    while (n < ANSWERS_MAX && in->left > 0) {
        make_answer(in, &a[n]);
        (void)imsg_send(&signer, kinds[a[n].kind].type, a[n].payload, a[n].size, NULL, 0);
        n++;
    }
    /* Nobody waits for what does not come; the question still finds its way. */
    (void)shutdown(pair[1], SHUT_WR);
    tries[question % KINDS](a, n);
    imsg_channel_close(&signer);
    imsg_channel_close(&worker.signer);
}

/* ---- the gate ---- */

static SSL *near, *far;

/* An established connection, in memory. */
static void connect_both(void)
{
    char path[400];
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    BIO *a = NULL, *b = NULL;

    (void)snprintf(path, sizeof path, "%s/station.crt", role_files());
    FUZZ_CHECK(SSL_CTX_use_certificate_chain_file(server, path) == 1);
    (void)snprintf(path, sizeof path, "%s/station.key", role_files());
    FUZZ_CHECK(SSL_CTX_use_PrivateKey_file(server, path, SSL_FILETYPE_PEM) == 1);
    near = SSL_new(server);
    far = SSL_new(client);
    FUZZ_CHECK(BIO_new_bio_pair(&a, 1u << 20, &b, 1u << 20) == 1);
    SSL_set_bio(near, a, a);
    SSL_set_bio(far, b, b);
    SSL_set_accept_state(near);
    SSL_set_connect_state(far);
    for (unsigned int i = 0; i < 10 && !SSL_is_init_finished(near); i++) {
        (void)SSL_do_handshake(far);
        (void)SSL_do_handshake(near);
    }
    FUZZ_CHECK(SSL_is_init_finished(near) && SSL_is_init_finished(far));
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

/* Octets of whole APDUs in front, and how many records they are. */
static size_t whole(const uint8_t *p, size_t n, unsigned int *records)
{
    size_t at = 0;

    *records = 0;
    while (n - at >= 2 && p[at + 1] >= 4 && n - at >= 2u + p[at + 1]) {
        at += 2u + p[at + 1];
        ++*records;
    }
    return at;
}

static void write_to_peer(struct fuzz_input *in)
{
    struct tls_session s = {.tls = &worker, .ssl = near};
    uint8_t *p = fuzz_copy(in->p, in->left);
    unsigned int records;
    uint8_t got[300]; /* an octet of length says at most 255 */
    size_t at = 0;

    const size_t good = whole(p, in->left, &records);
    FUZZ_CHECK(write_apdus(&s, p, in->left) == (good == in->left));
    for (unsigned int i = 0; i < records; i++) {
        const int n = SSL_read(far, got, sizeof got);
        FUZZ_CHECK(n == 2 + p[at + 1] && memcmp(got, p + at, (size_t)n) == 0);
        at += (size_t)n;
    }
    FUZZ_CHECK(at == good && SSL_read(far, got, sizeof got) <= 0);
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    const uint8_t what = fuzz_u8(&in);

    worker.child.control.fd = -1;
    if (!near)
        connect_both();
    if (what % 4 < KINDS)
        ask(&in, what % 4);
    else
        write_to_peer(&in);
    return 0;
}
