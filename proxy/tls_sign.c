/* Asking the signer. */
#include "proxy/tls.h"

#include <poll.h>
#include <string.h>

static bool send_content(const struct tls_key *key, uint16_t scheme, const uint8_t *tbs,
                         size_t n)
{
    struct tls *t = key->tls;
    struct msg_sign part = {.request = ++t->sign_request,
                            .key = key->number,
                            .scheme = scheme,
                            .total = (uint32_t)n};
    const size_t room = IMSG_PAYLOAD_MAX - sizeof part;

    while (part.offset < n) {
        size_t size = n - part.offset < room ? n - part.offset : room;

        if (imsg_send2(&t->signer, MSG_SIGN, &part, sizeof part, tbs + part.offset,
                       size) != IMSG_OK)
            return false;
        part.offset += (uint32_t)size;
    }
    return true;
}

/* Answers to earlier requests, which nobody waited for to the end, are passed over.  The
 * number of the request is what all of them begin with. */
bool tls_signer_answer(struct tls *t, enum imsg_type type)
{
    uint64_t deadline = monotonic_ms() + TLS_SIGN_TIMEOUT_MS;

    for (;;) {
        struct pollfd p = {.fd = t->signer.fd, .events = POLLIN};
        enum imsg_status status = imsg_recv(&t->signer, &t->child.scratch);
        uint64_t now = monotonic_ms();

        if (status == IMSG_OK) {
            uint32_t request;

            memcpy(&request, t->child.scratch.payload, sizeof request);
            if (t->child.scratch.type == type && request == t->sign_request)
                return true;
        } else if (status == IMSG_BAD) {
            child_violation(&t->child, &t->signer, NULL);
            return false;
        } else if (status == IMSG_CLOSED) {
            imsg_channel_close(&t->signer);
            return false;
        }
        if (now >= deadline)
            return false;
        (void)poll(&p, 1, (int)(deadline - now));
    }
}

static bool receive_answer(struct tls *t, enum imsg_type type, void *out, size_t size)
{
    if (!tls_signer_answer(t, type))
        return false;
    imsg_get(&t->child.scratch, out, size);
    explicit_bzero(t->child.scratch.payload, size); /* it may be a secret */
    return true;
}

int tls_sign(void *ctx, uint16_t scheme, const uint8_t *tbs, size_t n, uint8_t *sig,
             size_t cap, size_t *siglen)
{
    const struct tls_key *key = ctx;
    struct tls *t = key->tls;
    struct msg_signed answer;

    *siglen = 0;
    if (t->signer.fd < 0 || n == 0 || n > UINT32_MAX) {
        child_log(&t->child, "no signer to ask");
        return -1;
    }
    if (!send_content(key, scheme, tbs, n) ||
        !receive_answer(t, MSG_SIGNED, &answer, sizeof answer)) {
        child_log(&t->child, "the signer did not answer");
        return -1;
    }
    if (answer.status != 0 || answer.size > sizeof answer.signature ||
        answer.size > cap) {
        child_log(&t->child, "the signer refused (status %u)", answer.status);
        return -1;
    }
    memcpy(sig, answer.signature, answer.size);
    *siglen = answer.size;
    return 0;
}

int tls_decrypt(void *ctx, const uint8_t *in, size_t n,
                uint8_t premaster[REMOTE_PREMASTER])
{
    const struct tls_key *key = ctx;
    struct tls *t = key->tls;
    struct msg_decrypt ask = {.key = key->number};
    struct msg_decrypted answer;

    if (t->signer.fd < 0) {
        child_log(&t->child, "no signer to ask");
        return -1;
    }
    /* No key is so long: to say so tells nothing about the secret. */
    if (n == 0 || n > SIGNATURE_MAX)
        return -1;
    ask.request = ++t->sign_request;
    if (imsg_send2(&t->signer, MSG_DECRYPT, &ask, sizeof ask, in, n) != IMSG_OK ||
        !receive_answer(t, MSG_DECRYPTED, &answer, sizeof answer)) {
        child_log(&t->child, "the signer did not answer");
        return -1;
    }
    if (answer.status != 0) {
        child_log(&t->child, "the signer refused (status %u)", answer.status);
        return -1;
    }
    memcpy(premaster, answer.premaster, REMOTE_PREMASTER);
    explicit_bzero(&answer, sizeof answer);
    return 0;
}
