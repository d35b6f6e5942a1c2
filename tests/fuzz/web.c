/* libFuzzer target of the web page: what strangers send, first through the strict reader and what is read from its fields, then to a server
 * in this process by a Unix socket, which has to do what the reader says.
 *
 * The first byte of an input is the size of the pieces that the rest comes in, which must not matter.
 * No input may get anything but /healthz without the token, which the dictionary has, so that what lies behind it is reached, too.
 * Run by ctest -L fuzz for a minute; seeds in seeds/web, words in web.dict. */
#include "unit/sinks/web_site.h"

#include "sinks/web/forwarded.h"
#include "sinks/web/server.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ANSWER = 1 << 16,
    MOST_PIECES = 200,              /* a Unix socket takes some 270 pieces that nobody reads, and the head is only looked at until it is whole */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static em_web_site site;
static em_web_server *server;
static em_web_net proxies[2];
static int listen_fd;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    em_err err;

    (void)argc, (void)argv;
    if (!site_init(&site) || !em_web_net_parse(&proxies[0], "unix") || !em_web_net_parse(&proxies[1], "10.0.0.0/8"))
        abort();
    site.proxies = proxies;
    site.n_proxies = 2;
    if ((listen_fd = site_listen()) < 0 || em_web_server_start(&server, dup(listen_fd), &site, &err))
        abort();
    return 0;
}

/* ---- the reader ---- */

static int read_in_pieces(em_web_head *h, char *bytes, const uint8_t *text, size_t n, size_t n_piece)
{
    int code = 0;

    *h = (em_web_head){ 0 };
    n = n < EM_WEB_HEAD_BYTES ? n : EM_WEB_HEAD_BYTES;
    for (size_t at = 0; at < n && !code;) {
        at = n - at < n_piece ? n : at + n_piece;
        memcpy(bytes, text, at);
        code = em_web_head_read(h, bytes, at);
    }
    return code;
}

static void check_text(const char *text)
{
    for (; text && *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            abort();
}

static void check_head(const em_web_head *h)
{
    struct sockaddr_storage from = { .ss_family = AF_UNIX };
    char text[EM_WEB_ADDRESS_CHARS];

    check_text(h->method);
    check_text(h->path);
    for (int i = 0; i < h->n_fields; i++) {
        check_text(h->fields[i].name);
        check_text(h->fields[i].value);
    }
    if (!*h->method || !*h->host || h->n_fields > EM_WEB_FIELDS || (h->path && *h->path != '/') || em_web_head_field(h, "Transfer-Encoding"))
        abort();
    em_web_forwarded(&from, h, proxies, 2);
    if (from.ss_family != AF_UNIX && from.ss_family != AF_INET && from.ss_family != AF_INET6)
        abort();
    em_web_address_text(text, (struct sockaddr *)&from, true);
}

/* ---- the server ---- */

static int ask_server(char answer[ANSWER], const uint8_t *text, size_t n, size_t n_piece)
{
    int fd = site_connect(listen_fd), code;
    size_t n_answer;

    if (fd < 0)
        abort();
    n_answer = site_ask(fd, (const char *)text, n, n_piece, answer, ANSWER);
    close(fd);
    code = site_status(answer);
    if (n_answer > 0 && (!code || !strstr(answer, "\r\nConnection: close\r\n") || !strstr(answer, "\r\nContent-Security-Policy: ")))
        abort();
    return code;
}

static bool is_public(const em_web_head *h)
{
    return h->path && strcmp(h->path, "/healthz") == 0;
}

static void check_answer(int code, int wanted, const em_web_head *h, const uint8_t *text, size_t n)
{
    const bool has_token = memmem(text, n, SITE_TOKEN, strlen(SITE_TOKEN)) || memmem(text, n, SITE_TOKEN_BASE64, 40);

    if (wanted != 200 ? code != wanted : code != 200 && code != 400 && code != 401 && code != 403 && code != 404 && code != 405 && code != 429)
        abort();
    if (code == 200 && !has_token && !is_public(h))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static char copy[EM_WEB_HEAD_BYTES], again[EM_WEB_HEAD_BYTES], answer[ANSWER];
    static em_web_head h, in_pieces;
    const size_t n_piece = n > 0 && bytes[0] ? bytes[0] : 256;
    int code;

    if (n < 1)
        return 0;
    bytes++, n--;
    code = read_in_pieces(&h, copy, bytes, n, n + 1);
    if (read_in_pieces(&in_pieces, again, bytes, n, n_piece) != code)
        abort();
    if (code == 200)
        check_head(&h);
    if (code == 200 || n % 16 == 0)                     /* a thousand times dearer than the reader alone */
        check_answer(ask_server(answer, bytes, n, n_piece > n / MOST_PIECES ? n_piece : n / MOST_PIECES + 1), code, &h, bytes, n);
    return 0;
}
