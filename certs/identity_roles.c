#include "certs/identity_ssl.h"

#include <string.h>

#include <openssl/objects.h>

void identity_take_roles(struct peer_identity *id, const X509 *cert)
{
    ASN1_OBJECT *oid = OBJ_txt2obj(USER_ROLES_OID, 1);
    const ASN1_OCTET_STRING *value;
    int at, size;

    id->role_token = ROLE_TOKEN_NONE;
    id->roles_size = 0;
    if (!oid) { /* without memory: a token that nobody can read */
        id->role_token = ROLE_TOKEN_TOO_LONG;
        return;
    }
    at = X509_get_ext_by_OBJ(cert, oid, -1);
    if (at >= 0) {
        value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
        size = ASN1_STRING_length(value);
        if (X509_get_ext_by_OBJ(cert, oid, at) >= 0) {
            id->role_token = ROLE_TOKEN_SEVERAL;
        } else if (size > (int)sizeof(id->roles)) {
            id->role_token = ROLE_TOKEN_TOO_LONG;
        } else {
            id->role_token = ROLE_TOKEN_ONE;
            id->roles_size = (uint16_t)size;
            memcpy(id->roles, ASN1_STRING_get0_data(value), (size_t)size);
        }
    }
    ASN1_OBJECT_free(oid);
}
