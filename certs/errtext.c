#include "certs/errtext.h"

#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>

void errtext_set(char *err, size_t cap, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(err, cap, format, args);
    va_end(args);
}

const char *errtext_openssl(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());

    ERR_clear_error();
    return reason ? reason : "no reason given";
}
