/* Good messages about permits. */
#include "tests/hostile/mutant.h"

#include "proxy/permit_wire.h"
#include "tests/hostile/stage.h"

#include <string.h>

size_t sample_permit(uint8_t *out)
{
    const struct permit p = {.id = PERMIT_ID_MIN,
                             .commands = 5,
                             .used = 1,
                             .until_ms = permit_now_ms() + 60000,
                             .scope = {.ca_count = 1,
                                       .ca = {{1, 2}},
                                       .ioa_count = 2,
                                       .ioa = {{1, 2}, {4, 5}},
                                       .has_fingerprint = true,
                                       .fingerprint = {1},
                                       .subject = "CN=x"}};
    struct msg_permit m;

    permit_wire_put(&p, ROUTE_PROTECT, &m);
    memcpy(out, &m, sizeof m);
    return sizeof m;
}

size_t sample_permit_revoke(uint8_t *out)
{
    struct msg_permit_revoke m = {.id = PERMIT_ID_MIN, .route = ROUTE_PROTECT};

    memcpy(out, &m, sizeof m);
    return sizeof m;
}
