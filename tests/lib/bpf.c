#include "tests/lib/bpf.h"

#include <string.h>

static bool load(const struct seccomp_data *data, uint32_t at, uint32_t *a)
{
    if (at % sizeof *a != 0 || at > sizeof *data - sizeof *a)
        return false;
    memcpy(a, (const uint8_t *)data + at, sizeof *a);
    return true;
}

/* How far to jump; -1: no such comparison. */
static int distance(const struct sock_filter *i, uint32_t a)
{
    switch (i->code) {
    case BPF_JMP | BPF_JEQ | BPF_K: return a == i->k ? i->jt : i->jf;
    case BPF_JMP | BPF_JGT | BPF_K: return a > i->k ? i->jt : i->jf;
    case BPF_JMP | BPF_JGE | BPF_K: return a >= i->k ? i->jt : i->jf;
    case BPF_JMP | BPF_JSET | BPF_K: return a & i->k ? i->jt : i->jf;
    case BPF_JMP | BPF_JA: return i->k < BPF_MAXINSNS ? (int)i->k : -1;
    default: return -1;
    }
}

/* A program only goes forward, so each turn is one instruction further. */
bool bpf_run(const struct sock_filter *op, size_t count, const struct seccomp_data *data,
             struct bpf_result *out)
{
    uint32_t a = 0;
    int jump;

    out->arguments = false;
    for (size_t pc = 0; pc < count; pc++) {
        const struct sock_filter *i = &op[pc];

        switch (i->code) {
        case BPF_RET | BPF_K: out->verdict = i->k; return true;
        case BPF_LD | BPF_W | BPF_ABS:
            if (!load(data, i->k, &a))
                return false;
            out->arguments =
                out->arguments || i->k >= offsetof(struct seccomp_data, args);
            break;
        case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
        default:
            jump = distance(i, a);
            if (jump < 0)
                return false;
            pc += (size_t)jump;
        }
    }
    return false;
}
