/* doctor_outputs.c - can be written, bound and reached what the options name: see doctor.h. */
#include "base/child.h"
#include "base/module.h"
#include "base/words.h"
#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/osc_in.h"
#include "cli/output_checks.h"
#include "sinks/mqtt_probe.h"
#include "sinks/out_path.h"
#include "sinks/web/address.h"
#include "sinks/web/token.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double broker_s = 5;

/* ---- folders ---- */

/* path, or what of it there is: the rest would be made. */
static void find_there(char *path)
{
    struct stat st;

    while (stat(path, &st) != 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');

        if (!slash || slash == path) {
            snprintf(path, PATH_MAX, "%s", slash ? "/" : ".");
            return;
        }
        *slash = '\0';
    }
}

static void check_folder(em_checkup *c, const char *option, const char *folder)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path)
        path[sizeof path - 1] = '\0';
    find_there(path);
    if (em_out_can_make(path))
        em_check_pass(c, "folder", "--%s %s can be written%s", option, folder, strcmp(path, folder) == 0 ? "" : ", and will be made");
    else
        em_check_fail(c, "folder", EM_EXIT_OUTPUT,
                      "--%s %.150s: %s cannot be written: %s: choose another folder, or change its owner or free space there",
                      option, folder, path, strerror(errno));
}

static void check_folders(em_checkup *c)
{
    if (!c->o->clip_dir && !c->o->out_dir)
        em_check_skip(c, "folder", "no --clip-dir and no --out-dir");
    if (c->o->clip_dir)
        check_folder(c, "clip-dir", c->o->clip_dir);
    if (c->o->out_dir)
        check_folder(c, "out-dir", c->o->out_dir);
}

/* ---- files ---- */

static void check_file(em_checkup *c, const char *option, const char *path, bool is_appended)
{
    em_err err;

    if (em_out_check(path, is_appended, &err))
        em_check_fail(c, "output", EM_EXIT_OUTPUT, "--%s %s: choose another place, or make its folder, change its owner or free space there",
                      option, err.msg);
    else
        em_check_pass(c, "output", "--%s %s can be written", option, path);
}

static void check_picture(em_checkup *c)
{
    em_err err;

    if (em_sink_check("picture", &err))
        em_check_fail(c, "output", EM_EXIT_OUTPUT, "--plot: %s", err.msg);
    else if (!c->o->out_dir)
        check_file(c, "plot", c->o->plot, false);
}

/* What fits together, then each file; --out-dir's are its folder's. */
static void check_files(em_checkup *c, int n_together)
{
    const em_options *o = c->o;
    const em_sink_set_cfg cfg = { .n_files = o->inputs.n, .n_together = n_together };
    const int n = o->formats.n > o->outputs.n ? o->formats.n : o->outputs.n;
    em_err err;

    if (em_outputs_check(o, &cfg, n ? n : 1, &err)) {
        em_check_fail(c, "output", EM_EXIT_USAGE, "%s", err.msg);
        return;
    }
    if (o->outputs.n == 0 && !o->store && !o->plot)
        em_check_skip(c, "output", "no --output, --store or --plot");
    for (int i = 0; i < o->outputs.n; i++)
        check_file(c, "output", o->outputs.list[i], o->append);
    if (o->store)
        check_file(c, "store", o->store, false);
    if (o->plot)
        check_picture(c);
}

/* ---- commands ---- */

static void check_exec(em_checkup *c)
{
    char path[PATH_MAX], **argv;
    em_err err;

    if (!c->o->exec) {
        em_check_skip(c, "exec", "no --exec");
        return;
    }
    if (em_words(&argv, c->o->exec, &err)) {
        em_check_fail(c, "exec", EM_EXIT_USAGE, "--exec: %s", err.msg);
        return;
    }
    if (em_child_find(path, argv[0]))
        em_check_pass(c, "exec", "%.300s would be run", path);
    else
        em_check_fail(c, "exec", EM_EXIT_USAGE, "--exec: %.120s is no program that can be run: give its path, or install it", argv[0]);
    free(argv);
}

/* ---- network ---- */

static void check_broker(em_checkup *c)
{
    const em_options *o = c->o;
    const em_sink_mqtt_cfg cfg = { .url = o->mqtt, .password_file = o->mqtt_password_file, .ca = o->mqtt_ca, .cert = o->mqtt_cert,
                                   .key = o->mqtt_key };
    const void *found;
    em_mqtt_probe_fn *probe;
    em_status status;
    char shown[512];
    em_err err;

    if (!o->mqtt) {
        em_check_skip(c, "broker", "no --mqtt");
        return;
    }
    if (em_module_find(&found, "mqtt", "em_mqtt_probe", &err)) {
        em_check_fail(c, "broker", EM_EXIT_OUTPUT, "mqtt: %s; it is built with -DEARMARK_MQTT=ON", err.msg);
        return;
    }
    memcpy(&probe, &found, sizeof probe);               /* as POSIX has it: an object's address may be a function's */
    if (!(status = probe(shown, &cfg, broker_s, &err)))
        em_check_pass(c, "broker", "%s lets us in", shown);
    else if (status == EM_EINVAL)
        em_check_fail(c, "broker", EM_EXIT_USAGE, "%s", err.msg);
    else
        em_check_fail(c, "broker", EM_EXIT_OUTPUT, "%s: look at --mqtt's host and port, the password and whether the broker runs", err.msg);
}

/* It is read, as a run would; one that is not there a run would make. */
static em_status check_token(const char *path, em_err *err)
{
    char token[EM_WEB_TOKEN_CHARS];

    if (!path)
        return EM_OK;
    return access(path, F_OK) == 0 ? em_web_token_read(token, path, err) : em_out_check(path, true, err);
}

static void check_http(em_checkup *c)
{
    char text[EM_WEB_ADDRESS_CHARS];
    em_web_address address;
    em_status status;
    em_err err;
    int fd;

    if (!c->o->http) {
        em_check_skip(c, "http", "no --http");
    } else if (!em_web_address_parse(&address, c->o->http)) {
        em_check_fail(c, "http", EM_EXIT_USAGE, "--http: not ADDR:PORT, nor unix:PATH");
    } else if (!address.is_loopback && !c->o->http_token) {
        em_check_fail(c, "http", EM_EXIT_USAGE, "other machines can reach %s: give --http-token FILE, or an address of this machine alone",
                      c->o->http);
    } else if ((status = check_token(c->o->http_token, &err))) {
        em_check_fail(c, "http", status == EM_EINVAL ? EM_EXIT_USAGE : EM_EXIT_OUTPUT, "%s", err.msg);
    } else if (em_sink_check("web", &err)) {
        em_check_fail(c, "http", EM_EXIT_OUTPUT, "%s", err.msg);
    } else if (em_web_address_listen(&fd, &address, &err)) {
        em_check_fail(c, "http", EM_EXIT_OUTPUT, "%s: choose another place, or end what is there", err.msg);
    } else {
        close(fd);
        em_web_address_forget(&address);
        em_check_pass(c, "http", "%s is free", em_web_address_text(text, (struct sockaddr *)&address.at, true));
    }
}

/* "osc.udp://host:9000/", "osc.udp://[::1]:9000": was checked when it was set. */
static void split_url(char host[256], char port[8], const char *url)
{
    const char *at = strstr(url, "://") + 3;
    const size_t n = strcspn(at, "/");
    const char *colon = memrchr(at, ':', n);
    const bool has_brackets = *at == '[';

    snprintf(host, 256, "%.*s", (int)(colon - at) - 2 * has_brackets, at + has_brackets);
    snprintf(port, 8, "%.*s", (int)(at + n - colon - 1), colon + 1);
}

static void check_osc(em_checkup *c)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
    char host[256], port[8];
    struct addrinfo *found;
    em_err err;
    int rc;

    if (!c->o->osc) {
        em_check_skip(c, "osc", "no --osc");
        return;
    }
    if (em_sink_check("osc", &err)) {
        em_check_fail(c, "osc", EM_EXIT_OUTPUT, "%s", err.msg);
        return;
    }
    split_url(host, port, c->o->osc);
    if ((rc = getaddrinfo(host, port, &hints, &found))) {
        em_check_fail(c, "osc", EM_EXIT_OUTPUT, "%s: %s: look at --osc's host, or give its address", host, gai_strerror(rc));
        return;
    }
    freeaddrinfo(found);
    em_check_pass(c, "osc", "%s port %s is known; whether somebody listens there nobody can tell", host, port);
}

/* A run goes on without it, and nobody can tell it anything. */
static void check_osc_port(em_checkup *c)
{
    em_err err;
    int fd;

    if (!c->o->osc_port) {
        em_check_skip(c, "osc-port", "no --osc-port");
    } else if (em_osc_in_bind(&fd, c->o->osc_port, &err)) {
        em_check_fail(c, "osc-port", EM_EXIT_OUTPUT, "%s: choose another port, or end what is there", err.msg);
    } else {
        close(fd);
        em_check_pass(c, "osc-port", "%s is free", c->o->osc_port);
    }
}

void em_doctor_outputs(em_checkup *c, int n_together)
{
    check_folders(c);
    check_files(c, n_together);
    check_exec(c);
    check_broker(c);
    check_http(c);
    check_osc(c);
    check_osc_port(c);
}
