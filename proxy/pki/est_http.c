#include "proxy/pki/est_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/err.h>

#include "certs/errtext.h"

#define URL_CAP 1200u

bool est_url_good(const char *url, char *err, size_t cap)
{
    if (strncmp(url, "https://", 8) == 0 && url[8] != '\0' && strlen(url) < 1000 &&
        !strpbrk(url, " ?#@"))
        return true;
    errtext_set(err, cap, "the server is written https://HOST[:PORT][/LABEL]");
    return false;
}

void est_reply_free(struct est_reply *reply)
{
    free(reply->body);
    *reply = (struct est_reply){.body = NULL};
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct est_reply *r = arg;
    const size_t n = size * count;
    char *more;

    if (n > EST_ANSWER_MAX - r->n)
        return 0;
    more = realloc(r->body, r->n + n + 1);
    if (!more)
        return 0;
    memcpy(more + r->n, data, n);
    r->n += n;
    more[r->n] = '\0';
    r->body = more;
    return n;
}

static CURLcode on_context(CURL *curl, void *ssl_ctx, void *arg)
{
    const struct est_server *s = arg;

    (void)curl;
    if (est_tls_apply(ssl_ctx, &s->tls))
        return CURLE_OK;
    ERR_clear_error();
    return CURLE_SSL_CERTPROBLEM;
}

/* The label comes behind the well-known path (RFC 7030 clause 3.2.2). */
static bool make_url(char url[URL_CAP], const char *server, const char *operation)
{
    const char *path = strchr(server + 8, '/');
    const int host = (int)(path ? path - server : (long)strlen(server));
    size_t label = path ? strlen(path) : 0;
    int n;

    while (label > 0 && path[label - 1] == '/')
        label--;
    n = snprintf(url, URL_CAP, "%.*s/.well-known/est%.*s/%s", host, server, (int)label,
                 path ? path : "", operation);
    return n > 0 && (size_t)n < URL_CAP;
}

#define SET(option, value) (curl_easy_setopt(curl, option, value) == CURLE_OK)

/* No redirects, no proxy out of the environment, no files of the system's CAs: what is
 * trusted and who is asked stands on the command line. */
static bool set_link(CURL *curl, const struct est_server *s, struct est_reply *reply,
                     char *reason)
{
    return SET(CURLOPT_ERRORBUFFER, reason) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_PROTOCOLS_STR, "https") && SET(CURLOPT_PROXY, "") &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           SET(CURLOPT_CAINFO, NULL) && SET(CURLOPT_CAPATH, NULL) &&
           SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           SET(CURLOPT_SSL_CTX_FUNCTION, on_context) &&
           SET(CURLOPT_SSL_CTX_DATA, (void *)s) &&
           SET(CURLOPT_TIMEOUT, (long)s->timeout) &&
           SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, reply) &&
           SET(CURLOPT_MAXFILESIZE, (long)EST_ANSWER_MAX) &&
           (!s->user ||
            (SET(CURLOPT_HTTPAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST)) &&
             SET(CURLOPT_USERNAME, s->user) && SET(CURLOPT_PASSWORD, s->password)));
}

static bool set_question(CURL *curl, const char *url, const char *request,
                         struct curl_slist *headers)
{
    if (!SET(CURLOPT_URL, url))
        return false;
    return !request || (headers && SET(CURLOPT_HTTPHEADER, headers) &&
                        SET(CURLOPT_POSTFIELDSIZE, (long)strlen(request)) &&
                        SET(CURLOPT_POSTFIELDS, request));
}

static bool perform(CURL *curl, const struct est_server *s, struct est_reply *reply,
                    const char *reason, char *err, size_t cap)
{
    const CURLcode code = curl_easy_perform(curl);
    const char *type = NULL;
    curl_off_t after = 0;

    ERR_clear_error();
    if (code == CURLE_WRITE_ERROR || code == CURLE_FILESIZE_EXCEEDED) {
        errtext_set(err, cap, "%s: the answer is larger than %u octets", s->url,
                    EST_ANSWER_MAX);
        return false;
    }
    if (code != CURLE_OK) {
        errtext_set(err, cap, "%s: %s", s->url,
                    reason[0] ? reason : curl_easy_strerror(code));
        return false;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &after);
    (void)snprintf(reply->type, sizeof reply->type, "%s", type ? type : "");
    reply->retry_after = after > 0 && after < 86400 ? (long)after : after > 0 ? 86400 : 0;
    return true;
}

bool est_ask(const struct est_server *server, const char *operation, const char *request,
             struct est_reply *reply, char *err, size_t cap)
{
    char url[URL_CAP], reason[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/pkcs10");
    bool good = false;

    *reply = (struct est_reply){.body = NULL};
    if (headers)
        (void)curl_slist_append(headers, "Content-Transfer-Encoding: base64");
    errtext_set(err, cap, "libcurl cannot be set up");
    if (curl && make_url(url, server->url, operation) &&
        set_link(curl, server, reply, reason) &&
        set_question(curl, url, request, headers))
        good = perform(curl, server, reply, reason, err, cap);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return good;
}
