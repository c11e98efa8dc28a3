#include "proxy/cli/cli.h"
#include "proxy/cli/log_verify.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

/* More than any file of one key or one seed has. */
#define FILE_MAX 16384u

static bool complain(const char *name, const char *why)
{
    (void)fprintf(stderr, "gate104 log verify: ");
    cli_put_safe(stderr, name, 0, false);
    (void)fprintf(stderr, ": %s\n", why);
    return false;
}

static bool read_small(const char *name, char out[FILE_MAX], size_t *n)
{
    FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    bool good;

    if (!in)
        return complain(name, strerror(errno));
    *n = fread(out, 1, FILE_MAX, in);
    good = !ferror(in);
    if (!good)
        (void)complain(name, strerror(errno));
    else if (*n == FILE_MAX)
        good = complain(name, "too long");
    if (in != stdin)
        (void)fclose(in);
    return good;
}

static bool add_key(struct log_verify_request *r, const char *name)
{
    char text[FILE_MAX];
    const char *fault;
    size_t n;

    if (r->options.n_keys == AUDIT_VERIFY_KEYS)
        return complain(name, "too many keys");
    if (!read_small(name, text, &n))
        return false;
    fault = audit_public_key_read(text, n, &r->keys[r->options.n_keys]);
    if (fault)
        return complain(name, fault);
    r->options.n_keys++;
    return true;
}

static bool add_seed(struct log_verify_request *r, const char *name)
{
    char text[FILE_MAX];
    const char *fault;
    size_t n;

    if (r->options.n_seeds == AUDIT_VERIFY_KEYS)
        return complain(name, "too many seeds");
    if (!read_small(name, text, &n))
        return false;
    fault = audit_seed_read(text, n, r->seeds[r->options.n_seeds]);
    OPENSSL_cleanse(text, sizeof text);
    if (fault)
        return complain(name, fault);
    r->options.n_seeds++;
    return true;
}

static bool add_anchors(struct log_verify_request *r, const char *name)
{
    FILE *in = fopen(name, "re");
    char line[AUDIT_LINE_MAX + 2];
    uint64_t number = 0;
    const char *fault = NULL;

    if (!in)
        return complain(name, strerror(errno));
    while (!fault && fgets(line, sizeof line, in)) {
        number++;
        fault = audit_anchors_add(&r->anchors, line, strlen(line));
    }
    if (fault)
        (void)fprintf(stderr,
                      "gate104 log verify: line %" PRIu64 " of the anchors: ", number);
    if (fault || ferror(in))
        (void)complain(name, fault ? fault : strerror(errno));
    else if (r->anchors.n == 0)
        fault = "";
    if (fault && !*fault)
        (void)complain(name, "no anchor is in it");
    (void)fclose(in);
    r->options.anchors = &r->anchors;
    return !fault;
}

static bool take(struct log_verify_request *r, int c)
{
    switch (c) {
    case 'k': return add_key(r, optarg);
    case 's': return add_seed(r, optarg);
    case 'a': return add_anchors(r, optarg);
    case 'l': return r->options.log_alone = true;
    case 'j': return r->json = true;
    case 'q': return r->quiet = true;
    default:
        (void)fprintf(stderr, "usage: gate104 log verify " LOG_VERIFY_ARGUMENTS "\n");
        return false;
    }
}

bool log_verify_request(struct log_verify_request *r, int argc, char **argv)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},
        {"seed", required_argument, NULL, 's'},
        {"anchors", required_argument, NULL, 'a'},
        {"json", no_argument, NULL, 'j'},
        {"quiet", no_argument, NULL, 'q'},
        {"log-alone", no_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int c;

    memset(r, 0, sizeof *r);
    audit_anchors_init(&r->anchors);
    r->options.keys = r->keys;
    r->options.seeds = (const uint8_t(*)[AUDIT_SEED_SIZE])r->seeds;
    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "jq", options, NULL)) != -1) {
        if (!take(r, c))
            return false;
    }
    if (optind + 1 != argc)
        return take(r, '?');
    r->path = argv[optind];
    return true;
}

void log_verify_request_free(struct log_verify_request *r)
{
    audit_anchors_free(&r->anchors);
    OPENSSL_cleanse(r->seeds, sizeof r->seeds);
}
