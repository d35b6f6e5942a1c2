#include "sinks/web/refusal.h"

#include <stdio.h>
#include <string.h>

const em_web_field em_web_every_answer[] = {
    { "Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "Cache-Control", "no-store" },
    { "Referrer-Policy", "no-referrer" },
    { "X-Accel-Buffering", "no" },                      /* nginx would hold events back */
    { "Connection", "close" },                          /* one request each: nothing can hide behind it, and nobody keeps a place idle */
};
const int em_web_n_every_answer = (int)(sizeof em_web_every_answer / sizeof *em_web_every_answer);

static const struct refusal { int code; const char *reason, *text, *field; } refusals[] = {
    { 400, "Bad Request", "bad request\n", "" },
    { 401, "Unauthorized", "a token is needed: as the password, or as Authorization: Bearer\n",
      "WWW-Authenticate: Basic realm=\"earmark\", charset=\"UTF-8\"\r\n" },
    { 403, "Forbidden", "forbidden\n", "" },
    { 404, "Not Found", "not found\n", "" },
    { 405, "Method Not Allowed", "GET and HEAD only\n", "Allow: GET, HEAD\r\n" },
    { 414, "URI Too Long", "too long\n", "" },
    { 417, "Expectation Failed", "nothing is to be expected\n", "" },
    { 429, "Too Many Requests", "too many wrong tokens\n", "Retry-After: 60\r\n" },
    { 431, "Request Header Fields Too Large", "too many header fields\n", "" },
    { 503, "Service Unavailable", "too many connections\n", "Retry-After: 10\r\n" },
    { 505, "HTTP Version Not Supported", "another version\n", "" },
};

size_t em_web_refusal(char out[EM_WEB_REFUSAL_BYTES], int code, bool has_body)
{
    const struct refusal *r = &refusals[0];
    size_t n;

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].code == code)
            r = &refusals[i];
    n = (size_t)snprintf(out, EM_WEB_REFUSAL_BYTES, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n%s",
                         r->code, r->reason, strlen(r->text), r->field);
    for (int i = 0; i < em_web_n_every_answer; i++)
        n += (size_t)snprintf(out + n, EM_WEB_REFUSAL_BYTES - n, "%s: %s\r\n", em_web_every_answer[i].name, em_web_every_answer[i].value);
    return n + (size_t)snprintf(out + n, EM_WEB_REFUSAL_BYTES - n, "\r\n%s", has_body ? r->text : "");
}
