/* tls.pins: the certificates that alone may connect. */
#include "proxy/config_build.h"

void config_pins_read(struct config_build *b, const config_setting_t *list,
                      struct pins *pins)
{
    uint8_t pin[PIN_SIZE];

    pins->count = 0;
    /* An empty list would read as "nobody" and mean "everybody". */
    if (!list || !config_count_check(&b->r, list, 1, PINS_MAX))
        return;
    for (size_t i = 0; i < config_count(list); i++) {
        const config_setting_t *e = config_elem(list, i);
        const char *text = config_string(&b->r, e);

        if (!text)
            continue;
        if (!pin_parse(text, pin))
            config_report(&b->r, CONFIG_ERROR, e,
                          "write \"sha256:\" and what openssl x509 -noout -fingerprint "
                          "-sha256 -in FILE prints behind the \"=\"",
                          "\"%s\" is no fingerprint of a certificate", text);
        else if (!pins_add(pins, pin))
            config_report(&b->r, CONFIG_ERROR, e, "remove one of them",
                          "the fingerprint \"%s\" is in the list twice", text);
    }
}
