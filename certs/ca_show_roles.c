#include "certs/ca_show_roles.h"

#include "certs/role_name.h"
#include "certs/user_roles.h"

static void put_role(FILE *out, int16_t role)
{
    const char *name = role_standard_name(role);

    if (name)
        (void)fputs(name, out);
    else
        (void)fprintf(out, "%d", role);
}

/* UTF-8 without control characters, by user_roles.h. */
static void put_entry(FILE *out, const struct user_role_info *e)
{
    static const char *const operations[] = {"", ", to be added", ", to be deleted",
                                             ", to be changed"};

    (void)fprintf(out, "  %-14s", "roles");
    for (size_t i = 0; i < e->role_count; i++) {
        (void)fputs(i > 0 ? ", " : "", out);
        put_role(out, e->role[i]);
    }
    (void)fprintf(out, " in \"%s\", revision %u", e->area, e->revision);
    if (e->has_definition)
        (void)fprintf(out, " of \"%s\"", e->definition);
    (void)fputs(operations[e->operation], out);
    if (e->has_sequence)
        (void)fprintf(out, ", change number %u", e->sequence);
    (void)fputc('\n', out);
}

void ca_show_roles(FILE *out, const ASN1_OCTET_STRING *value)
{
    const int n = ASN1_STRING_length(value);
    struct user_roles roles;
    enum user_roles_fault fault =
        user_roles_read(ASN1_STRING_get0_data(value), n > 0 ? (size_t)n : 0, &roles);

    if (fault != USER_ROLES_GOOD)
        (void)fprintf(out, "  %-14snot readable, so no role: %s\n", "roles",
                      user_roles_fault_text(fault));
    for (size_t i = 0; i < roles.count; i++)
        put_entry(out, &roles.entry[i]);
}
