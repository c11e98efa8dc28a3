#include "tests/lib/bpf_allows.h"

#include <string.h>

#define RANDOM_TRIALS 2000u

struct sight {
    const struct sock_filter *op;
    size_t count;
    struct seccomp_data data;
    uint32_t common;
    struct bpf_number *out;
    enum bpf_sight state;
};

/* Whether the call of data gets another verdict than the common one. */
static bool differs(struct sight *s)
{
    struct bpf_result r = {0};

    if (!bpf_run(s->op, s->count, &s->data, &r))
        s->state = BPF_BROKEN;
    return s->state != BPF_BROKEN && r.verdict != s->common;
}

bool bpf_matches(const struct bpf_number *n, const uint64_t args[BPF_ARGS])
{
    for (size_t i = 0; i < n->count; i++) {
        const struct bpf_pattern *p = &n->pattern[i];
        bool all = true;

        for (size_t k = 0; k < BPF_ARGS; k++)
            all = all && (args[k] & p->mask[k]) == p->value[k];
        if (all)
            return true;
    }
    return false;
}

/* From a call that differs: the bits without which it would not. */
static void find_pattern(struct sight *s)
{
    struct bpf_pattern p = {{0}, {0}};

    for (size_t k = 0; k < BPF_ARGS; k++) {
        for (unsigned int bit = 0; bit < 64; bit++) {
            const uint64_t one = 1ull << bit;

            s->data.args[k] ^= one;
            if (!differs(s))
                p.mask[k] |= one;
            s->data.args[k] ^= one;
        }
        p.value[k] = s->data.args[k] & p.mask[k];
    }
    if (s->out->count < PATTERNS_MAX)
        s->out->pattern[s->out->count++] = p;
    else
        s->state = BPF_TOO_MANY;
}

/* One call more: the patterns found so far have to be right about it. */
static void ask(struct sight *s)
{
    bool other = differs(s);
    uint64_t args[BPF_ARGS];

    memcpy(args, s->data.args, sizeof args);
    if (s->state != BPF_SEEN || other == bpf_matches(s->out, args))
        return;
    if (other)
        find_pattern(s);
    else
        s->state = BPF_NO_FORM;
}

/* `base` for the arguments that are not of the pair. */
static void ask_pairs(struct sight *s, const struct bpf_samples *v, uint64_t base)
{
    for (size_t i = 0; i < BPF_ARGS; i++) {
        for (size_t k = i + 1; k < BPF_ARGS; k++) {
            for (size_t n = 0; n < v->count * v->count && s->state == BPF_SEEN; n++) {
                for (size_t j = 0; j < BPF_ARGS; j++)
                    s->data.args[j] = base;
                s->data.args[i] = v->value[n / v->count];
                s->data.args[k] = v->value[n % v->count];
                ask(s);
            }
        }
    }
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 32 ^ *state << 31;
}

/* Inside and outside what was found, as a pattern may be too wide or too narrow. */
static void ask_at_random(struct sight *s)
{
    uint64_t state = 1;

    for (unsigned int n = 0; n < RANDOM_TRIALS && s->state == BPF_SEEN; n++) {
        const struct bpf_pattern *p =
            s->out->count > 0 ? &s->out->pattern[n % s->out->count] : NULL;

        for (size_t k = 0; k < BPF_ARGS; k++) {
            uint64_t r = next_random(&state);
            bool follow = p && (n / 4 >> k & 1u);

            s->data.args[k] = follow ? p->value[k] | (r & ~p->mask[k]) : r;
        }
        ask(s);
    }
}

enum bpf_sight bpf_look(const struct sock_filter *op, size_t count, uint32_t arch,
                        int number, uint32_t common, const struct bpf_samples *samples,
                        struct bpf_number *out)
{
    struct sight s = {.op = op,
                      .count = count,
                      .data = {.nr = number, .arch = arch},
                      .common = common,
                      .out = out};
    struct bpf_result r = {0};

    out->count = 0;
    if (!bpf_run(op, count, &s.data, &r))
        return BPF_BROKEN;
    ask(&s);
    if (!r.arguments)
        return s.state; /* what was not looked at cannot matter */
    ask_pairs(&s, samples, 0);
    ask_pairs(&s, samples, UINT64_MAX);
    ask_at_random(&s);
    return s.state;
}
