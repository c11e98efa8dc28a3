/* Shipping of the log to syslog: the keys ship... of the group audit. */
#include "proxy/config_build.h"

#include <string.h>
#include <sys/un.h>

#define SOCKET_DEFAULT "/dev/log"

static bool mentions(const config_setting_t *audit, const char **key)
{
    static const char *const keys[] = {"ship_socket", "ship_lag", "ship_size",
                                       "ship_enterprise"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        *key = keys[i];
        if (config_setting_get_member(audit, keys[i]))
            return true;
    }
    return false;
}

static void read_socket(struct config_build *b, const config_setting_t *audit)
{
    const config_setting_t *s = config_member(audit, "ship_socket", CONFIG_KIND_STRING);
    const size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path;

    if (s) {
        b->c->ship_socket = config_path(b, s);
    } else {
        b->c->ship_socket = strdup(SOCKET_DEFAULT);
        if (!b->c->ship_socket)
            config_no_memory(&b->r);
    }
    b->c->ship_line = s ? s->line : audit->line;
    if (b->c->ship_socket && strlen(b->c->ship_socket) >= room)
        config_report_key(&b->r, CONFIG_ERROR, audit, "ship_socket", "use a shorter path",
                          "the path of a socket has at most %zu octets", room - 1);
}

void config_ship_read(struct config_build *b, const config_setting_t *audit)
{
    static const char *const words[] = {
        [SHIP_OFF] = "off", [SHIP_SECURITY] = "security", [SHIP_ALL] = "all"};
    size_t which = SHIP_OFF;
    const char *key;

    (void)config_word_read(&b->r, audit, "ship", words, sizeof words / sizeof words[0],
                           &which);
    b->c->ship.what = (enum ship_what)which;
    read_socket(b, audit);
    if (which == SHIP_OFF && mentions(audit, &key))
        config_report_key(&b->r, CONFIG_WARNING, audit, key,
                          "write ship = \"security\" or ship = \"all\"",
                          "nothing is shipped to syslog");
}

bool config_ship_same(const struct config *a, const struct config *b)
{
    return memcmp(&a->ship, &b->ship, sizeof a->ship) == 0 &&
           strcmp(a->ship_socket, b->ship_socket) == 0;
}
