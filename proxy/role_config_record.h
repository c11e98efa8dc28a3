/* What a route says of its records, on its way to the gate. */
#ifndef GATE104_PROXY_ROLE_CONFIG_RECORD_H
#define GATE104_PROXY_ROLE_CONFIG_RECORD_H

#include "proxy/record_settings.h"
#include "proxy/role_config_wire.h"

/* The fewest and the most octets it can take. */
#define RECORD_SETTINGS_LEAST 11u
#define RECORD_SETTINGS_MOST  (RECORD_SETTINGS_LEAST + FEEDBACKS_MAX * 12u)

void role_config_put_record(struct wire_writer *w, const struct record_settings *s);
/* Sets r->bad on anything out of range. */
void role_config_get_record(struct wire_reader *r, struct record_settings *s);

#endif
