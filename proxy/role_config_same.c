/* Settings are the same if they are told in the same octets: what lies between the fields
 * of a struct says nothing. */
#include "proxy/role_config_profile.h"
#include "proxy/role_config_record.h"
#include "proxy/role_config_roles.h"

#include <string.h>

bool role_config_same_roles(const struct role_settings *a, const struct role_settings *b)
{
    uint8_t octets[2][ROLE_SETTINGS_MOST];
    struct wire_writer w[2];

    wire_writer_init(&w[0], octets[0], sizeof octets[0]);
    wire_writer_init(&w[1], octets[1], sizeof octets[1]);
    role_config_put_roles(&w[0], a);
    role_config_put_roles(&w[1], b);
    return !w[0].bad && !w[1].bad && w[0].len == w[1].len &&
           memcmp(octets[0], octets[1], w[0].len) == 0;
}

bool role_config_same_stations(const struct gate_route *a, const struct gate_route *b)
{
    uint8_t octets[2][PROFILE_OCTETS + RECORD_SETTINGS_MOST];
    struct wire_writer w[2];

    wire_writer_init(&w[0], octets[0], sizeof octets[0]);
    wire_writer_init(&w[1], octets[1], sizeof octets[1]);
    role_config_put_profile(&w[0], &a->profile);
    role_config_put_profile(&w[1], &b->profile);
    role_config_put_record(&w[0], &a->record);
    role_config_put_record(&w[1], &b->record);
    return !w[0].bad && !w[1].bad && w[0].len == w[1].len &&
           memcmp(octets[0], octets[1], w[0].len) == 0;
}
