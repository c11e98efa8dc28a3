#include "proxy/audit_digest.h"

#include <errno.h>
#include <string.h>

void audit_digest_reset(struct audit_digest *d)
{
    (void)audit_hash_end(d->ctx, NULL);
    memset(d, 0, sizeof *d);
}

static bool begin(struct audit_digest *d)
{
    if (!d->ctx) {
        d->ctx = audit_hash_begin();
        d->upto = 0;
    }
    errno = d->ctx ? 0 : ENOMEM;
    return d->ctx != NULL;
}

bool audit_digest_advance(struct audit_digest *d, int fd, uint64_t size, uint64_t most)
{
    uint64_t to;

    if (size < d->upto)
        audit_digest_reset(d);
    if (!begin(d))
        return false;
    to = size - d->upto > most ? d->upto + most : size;
    if (!audit_hash_more(d->ctx, fd, d->upto, to)) {
        errno = errno ? errno : EIO;
        return false;
    }
    d->upto = to;
    return to == size;
}

bool audit_digest_end(struct audit_digest *d, uint8_t out[AUDIT_HASH_SIZE])
{
    void *ctx = begin(d) ? d->ctx : NULL;

    memset(d, 0, sizeof *d);
    return audit_hash_end(ctx, out);
}
