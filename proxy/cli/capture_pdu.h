/* Link type 252 (Upper PDU), as gate104 records it (pcapng.h): tags that say between
 * whom, then an APDU.  capture_segment_of() calls it. */
#ifndef GATE104_PROXY_CLI_CAPTURE_PDU_H
#define GATE104_PROXY_CLI_CAPTURE_PDU_H

#include "proxy/cli/capture.h"

/* False when the tags are damaged or name another protocol, or when nothing is behind
 * them. */
bool capture_pdu(const struct capture_packet *packet, struct capture_segment *segment);

#endif
