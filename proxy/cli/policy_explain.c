/* gate104 policy explain: rule by rule, until one decides. */
#include "policy/policy_review.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/points.h"
#include "proxy/cli/policy.h"
#include "proxy/cli/policy_asker.h"
#include "proxy/policy_file_role.h"

#include <string.h>

#define ROLES_MAX 16u

struct explaining {
    const struct policy_read *read;
    int16_t role[ROLES_MAX];
    size_t role_count;
    struct policy_cli_asker master;
    struct policy_asker asker; /* the same as the policy asks */
    int32_t decided;           /* by the rules as they read */
    struct point_list points;
    struct point_names names; /* of these */
};

static int usage(void)
{
    (void)fprintf(
        stderr, "usage: gate104 policy explain FILE [--points FILE] [--role NAME]... "
                "[--peer WHO]...\n"
                "                              [--from ADDRESS] [--at TIME] HEX\n"
                "  --points  a list of points, which rules may name\n"
                "  --peer  what its certificate says: sha256:, subject:, issuer:, dns:, "
                "uri:, email:\n"
                "  --at    \"Sat 09:00\" (local), 2026-11-21T09:00Z or unknown; else "
                "now\n"
                "  HEX     an APDU of the master, with the address sizes of 104\n"
                "exit status: 0 it may pass, 1 it may not, 2 wrong usage\n");
    return POLICY_EXIT_UNUSABLE;
}

static int complain(const char *what, const char *word)
{
    (void)fprintf(stderr, "gate104 policy explain: %s: ", what);
    cli_put_safe(stderr, word, 0, false);
    (void)fputc('\n', stderr);
    return POLICY_EXIT_UNUSABLE;
}

static bool told(void *ctx, uint32_t rule, const struct policy_rule *r,
                 enum policy_mismatch mismatch)
{
    struct explaining *e = ctx;

    if (mismatch == POLICY_OTHER_DIRECTION)
        return true;
    policy_cli_rule(e->read, (int32_t)rule);
    if (mismatch != POLICY_MATCHES) {
        (void)printf(": %s\n", policy_mismatch_text(mismatch));
        return true;
    }
    (void)printf(" decides: %s\n", policy_action_name(r->action));
    e->decided = (int32_t)rule;
    return false;
}

static void print_limits(const struct policy_limits *l)
{
    static const char *const pers[POLICY_PERS] = {"session", "point", "peer", "route"};

    if (!l)
        return;
    if (l->select == POLICY_SELECT_REQUIRED)
        (void)printf("  if the session selected it before\n");
    if (l->select == POLICY_SELECT_FORBIDDEN)
        (void)printf("  but no select\n");
    if (l->age_ms > 0)
        (void)printf("  if its time tag is at most %g s old\n", l->age_ms / 1000.0);
    if (l->step > 0)
        (void)printf("  if it is at most %g from the value before, and %s if there is "
                     "none\n",
                     l->step,
                     l->step_first == POLICY_FIRST_REFUSE ? "not" : "anything in range");
    if (l->rate_count > 0)
        (void)printf("  at most %u in %u s for each %s\n", l->rate_count, l->rate_seconds,
                     pers[l->per]);
    if (l->permit)
        (void)printf("  by a permit\n");
}

static bool add_role(struct explaining *e, const char *name)
{
    char remedy[96];
    int16_t role;

    if (e->role_count == ROLES_MAX ||
        !policy_file_role_by_name(&e->read->file.roles, name, &role, remedy,
                                  sizeof remedy))
        return false;
    e->role[e->role_count++] = role;
    e->asker.roles |= policy_role_bit(e->read->policy, role);
    return true;
}

static int explain(struct explaining *e, const struct asdu *a)
{
    const struct policy *p = e->read->policy;
    struct policy_question q = {.direction = DIR_CONTROL,
                                .asdu = a,
                                .roles = e->role,
                                .role_count = e->role_count};
    struct policy_decision d;

    policy_cli_who(&e->master, p, &e->asker);
    q.who = e->asker;

    if (point_names_find(&e->names, a->ca, a->ioa, a->type_id)) {
        (void)printf("about the point");
        cli_points_put(stdout, &e->names, a->ca, a->ioa, a->type_id);
        (void)fputc('\n', stdout);
    }
    e->decided = POLICY_DEFAULT;
    if (!policy_explain(e->read->file.blob, e->read->file.size, &q, told, e))
        return complain("out of memory", e->read->path);
    if (e->role_count > 0)
        policy_decide_for(p, &e->asker, DIR_CONTROL, a, &d);
    else
        policy_decide_without_role(p, &e->asker, DIR_CONTROL, a, &d);
    if (e->decided == POLICY_DEFAULT)
        (void)printf("no rule matches: %s\n",
                     policy_action_name(policy_default(p, DIR_CONTROL)));
    if (d.rule == POLICY_NO_ROLE)
        (void)printf("but the file has rules for roles, and a master without one gets "
                     "nothing else through: refuse\n");
    else if (d.rule != e->decided)
        (void)printf("but the compiled policy decides otherwise: a fault of gate104\n");
    print_limits(policy_rule_limits(p, d.rule));
    return policy_action_passes(d.action) ? POLICY_EXIT_OK : POLICY_EXIT_FINDING;
}

/* Two digits an octet, blanks and colons between them.  Gives the number of octets; 0:
 * that is no hex, or too much. */
static size_t read_hex(const char *text, uint8_t *out, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;

    for (; *text != '\0' && n < room; text += 2) {
        const char *high, *low;

        text += strspn(text, " :");
        high = text[0] != '\0' ? strchr(digits, text[0] | 0x20) : NULL;
        low = high && text[1] != '\0' ? strchr(digits, text[1] | 0x20) : NULL;
        if (!low)
            return 0;
        out[n++] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    return *text == '\0' ? n : 0;
}

static int explain_hex(struct explaining *e, const char *hex)
{
    uint8_t apdu[APDU_SIZE_MAX];
    const size_t n = read_hex(hex, apdu, sizeof apdu);
    struct verdict v;
    struct asdu a;

    if (n <= APDU_SIZE_MIN || apdu[0] != 0x68 || apdu[1] != n - 2 || (apdu[2] & 1) != 0)
        return complain("not the hex of one I-frame, begin with 68", hex);
    v = asdu_parse(apdu + APDU_SIZE_MIN, n - APDU_SIZE_MIN, DIR_CONTROL, &PROFILE_104,
                   &a);
    if (v.reason != REASON_OK) {
        (void)printf("no policy is asked: %s\n", reason_info(v.reason)->text);
        return POLICY_EXIT_FINDING;
    }
    return explain(e, &a);
}

/* An option with its word; false after a complaint. */
static bool take_option(struct explaining *e, const char *option, const char *word)
{
    static const struct {
        const char *name;
        bool (*take)(struct policy_cli_asker *a, const char *text, char *remedy,
                     size_t cap);
    } options[] = {{"--peer", policy_cli_peer},
                   {"--from", policy_cli_from},
                   {"--at", policy_cli_at}};
    char remedy[160];

    if (strcmp(option, "--points") == 0)
        return true; /* is read already */
    if (strcmp(option, "--role") == 0) {
        if (add_role(e, word))
            return true;
        (void)complain("no role of IEC 62351-8 or of the policy", word);
        return false;
    }
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(option, options[i].name) != 0)
            continue;
        if (options[i].take(&e->master, word, remedy, sizeof remedy))
            return true;
        (void)complain(remedy, word);
        return false;
    }
    (void)usage();
    return false;
}

static int run(struct explaining *e, int argc, char **argv)
{
    const char *hex = NULL;

    for (int i = 2; i < argc; i++) {
        if (argv[i][0] == '-' && i + 1 < argc) {
            if (!take_option(e, argv[i], argv[i + 1]))
                return POLICY_EXIT_UNUSABLE;
            i++;
        } else if (hex || argv[i][0] == '-') {
            return usage();
        } else {
            hex = argv[i];
        }
    }
    return hex ? explain_hex(e, hex) : usage();
}

/* The list has to be there when the policy is read. */
static bool read_points(struct explaining *e, int argc, char **argv)
{
    for (int i = 2; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--points") != 0)
            continue;
        if (e->points.count > 0) {
            (void)complain("one list of points at a time", argv[i + 1]);
            return false;
        }
        if (!cli_points_read(argv[i + 1], &e->points))
            return false;
        if (!point_list_names(&e->points, &e->names)) {
            (void)complain("out of memory", argv[i + 1]);
            return false;
        }
    }
    return true;
}

static void free_points(struct explaining *e)
{
    point_list_free(&e->points);
    point_names_free(&e->names);
}

int policy_explain_apdu(int argc, char **argv)
{
    struct policy_read read;
    struct explaining e = {.read = &read};
    int status;

    if (argc < 3)
        return usage();
    if (!read_points(&e, argc, argv) ||
        !policy_cli_read_points(argv[1], e.points.count > 0 ? &e.points : NULL, &read)) {
        free_points(&e);
        return POLICY_EXIT_UNUSABLE;
    }
    status = run(&e, argc, argv);
    policy_cli_free(&read);
    free_points(&e);
    return status;
}
