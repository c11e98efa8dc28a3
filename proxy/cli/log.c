#include "proxy/cli/log.h"

#include "proxy/cli/cli.h"

static const struct cli_command commands[] = {
    {"show", "DIR|FILE... [--json] [--follow] [--since TIME] [--peer TEXT] [--ioa N] ...",
     "print the records in words", log_show},
    {"verify", LOG_VERIFY_ARGUMENTS,
     "check chain and seals: 0 whole, 1 tampered, 2 incomplete, 3 unusable", log_verify},
    {"stats", "[--json] DIR|FILE...", "count events, operations, refusals and latencies",
     log_stats},
    {"report",
     "--html [-o FILE] [--since TIME] [--until TIME] [--key PUB.pem] ... DIR|FILE",
     "write a page for an auditor", log_report},
    {"export", "--pcapng SESSION|--all [-o FILE] DIR|FILE",
     "write the APDUs of the log for Wireshark", log_export},
    {"keygen", "[--out PREFIX] [--force] [--qr] DIR", "make the keys that seal a log",
     log_keygen},
    {"seal", "", "have the running gate104d seal its log now", cli_log_order},
    {"rotate", "", "have it go on in a new file now", cli_log_order},
    {NULL, NULL, NULL, NULL},
};

int cli_log(int argc, char **argv)
{
    return cli_dispatch(commands, "gate104 log", LOG_EXIT_UNUSABLE, argc, argv);
}
