/* A private key named by a PKCS#11 URI (RFC 7512) instead of a file. */
#include "proxy/config_build.h"

#include "certs/pkcs11_uri.h"

#include <stdlib.h>
#include <string.h>

bool config_key_is_token(const struct config_build *b, const config_setting_t *s)
{
    const char *text = config_setting_get_string(s);

    (void)b;
    return text && pkcs11_uri_is(text);
}

char *config_key_token(struct config_build *b, const config_setting_t *s)
{
    const char *name = config_string(&b->r, s);
    struct pkcs11_uri uri;
    char why[300];
    char *copy;

    if (!name)
        return NULL;
    if (!pkcs11_uri_parse(name, &uri, why, sizeof why)) {
        config_report(&b->r, CONFIG_ERROR, s,
                      "write \"pkcs11:token=TOKEN;object=KEY?module-path=/usr/lib/"
                      "MODULE.so&pin-source=/etc/gate104/pin\"",
                      "the name of the key in a token is not understood: %s", why);
        return NULL;
    }
    copy = strdup(name);
    if (!copy)
        config_no_memory(&b->r);
    return copy;
}
