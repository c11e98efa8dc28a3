/* Asking the signer. */
#include "proxy/tls.h"

#include <poll.h>
#include <string.h>

static bool send_content(struct tls *t, uint16_t scheme, const uint8_t *tbs, size_t n)
{
    struct msg_sign part = {.request = ++t->sign_request,
                            .key = t->config.key,
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

/* The answer to the request just sent.  Answers to earlier ones, which nobody waited for
 * to the end, are passed over. */
static bool receive_signature(struct tls *t, struct msg_signed *out)
{
    uint64_t deadline = monotonic_ms() + TLS_SIGN_TIMEOUT_MS;

    for (;;) {
        struct pollfd p = {.fd = t->signer.fd, .events = POLLIN};
        enum imsg_status status = imsg_recv(&t->signer, &t->child.scratch);
        uint64_t now = monotonic_ms();

        if (status == IMSG_OK) {
            imsg_get(&t->child.scratch, out, sizeof *out);
            if (out->request == t->sign_request)
                return out->size <= sizeof out->signature;
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

int tls_sign(void *ctx, uint16_t scheme, const uint8_t *tbs, size_t n, uint8_t *sig,
             size_t cap, size_t *siglen)
{
    struct tls *t = ctx;
    struct msg_signed answer;

    *siglen = 0;
    if (t->signer.fd < 0 || n == 0 || n > UINT32_MAX) {
        child_log(&t->child, "no signer to ask");
        return -1;
    }
    if (!send_content(t, scheme, tbs, n) || !receive_signature(t, &answer)) {
        child_log(&t->child, "the signer did not answer");
        return -1;
    }
    if (answer.status != 0 || answer.size > cap) {
        child_log(&t->child, "the signer refused (status %u)", answer.status);
        return -1;
    }
    memcpy(sig, answer.signature, answer.size);
    *siglen = answer.size;
    return 0;
}
