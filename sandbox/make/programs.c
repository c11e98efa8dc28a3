/* A tool of the build: compiles the tables of system calls (sandbox/filter.h) and writes
 * the programs as C.  So no role carries libseccomp or spends its start on compiling, and
 * what is loaded is what the build shows. */
#include "sandbox/filter.h"
#include "sandbox/filter_load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool put(const struct filter *f, unsigned int slot)
{
    static struct sock_filter op[FILTER_OPS_MAX];
    size_t count;

    if (!filter_compile(f, op, FILTER_OPS_MAX, &count)) {
        (void)fprintf(stderr, "filter of %s: %s\n", f->name, strerror(errno));
        return false;
    }
    (void)printf("\n/* %s */\nstatic const struct sock_filter op_%u[] = {\n", f->name,
                 slot);
    for (size_t i = 0; i < count; i++)
        (void)printf("    {0x%02x, %u, %u, 0x%08x},\n", op[i].code, op[i].jt, op[i].jf,
                     op[i].k);
    (void)printf("};\n");
    return true;
}

int main(void)
{
    (void)printf("#include \"sandbox/filter_load.h\"\n");
    if (!put(filter_of(ROLE_SIGNER, true), FILTER_WITH_MODULE))
        return 1;
    for (unsigned int role = ROLE_BROKER; role < ROLE_COUNT; role++) {
        if (!put(filter_of((enum role)role, false), role))
            return 1;
    }
    (void)printf("\nconst struct filter_program filter_programs[ROLE_COUNT] = {\n");
    for (unsigned int slot = 0; slot < ROLE_COUNT; slot++)
        (void)printf("    {op_%u, sizeof op_%u / sizeof op_%u[0]},\n", slot, slot, slot);
    (void)printf("};\n");
    return fflush(stdout) == 0 ? 0 : 1;
}
