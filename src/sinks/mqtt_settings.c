/* mqtt_settings.c - see mqtt_settings.h. */
#include "sinks/mqtt_settings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first line. Who else can read the file knows the password. */
static em_status read_password(em_mqtt_url *url, const char *path, em_err *err)
{
    FILE *f = fopen(path, "re");
    struct stat st;
    bool has_line;

    if (!f)
        return em_fail(err, EM_EINVAL, "--mqtt-password-file: %.120s: cannot be read: %s", path, strerror(errno));
    if (fstat(fileno(f), &st) == 0 && st.st_mode & S_IRWXO) {
        fclose(f);
        return em_fail(err, EM_EINVAL, "--mqtt-password-file: %.120s: everybody can use it: chmod 600", path);
    }
    has_line = fgets(url->password, sizeof url->password, f) != NULL;
    fclose(f);
    url->password[strcspn(url->password, "\r\n")] = '\0';
    if (!has_line || !*url->password)
        return em_fail(err, EM_EINVAL, "--mqtt-password-file: %.120s: has no password in its first line", path);
    return EM_OK;
}

static em_status check_file(const char *option, const char *path, em_err *err)
{
    if (!path || access(path, R_OK) == 0)
        return EM_OK;
    return em_fail(err, EM_EINVAL, "--%s: %.120s: cannot be read: %s", option, path, strerror(errno));
}

em_status em_mqtt_settings(em_mqtt_url *url, const em_sink_mqtt_cfg *cfg, em_err *err)
{
    em_status status;

    if (!em_mqtt_url_parse(url, cfg->url))
        return em_fail(err, EM_EINVAL, "--mqtt: not a broker's URL");
    if ((status = check_file("mqtt-ca", cfg->ca, err)) || (status = check_file("mqtt-cert", cfg->cert, err)) ||
        (status = check_file("mqtt-key", cfg->key, err)))
        return status;
    if ((cfg->ca || cfg->cert || cfg->key) && !url->is_tls)
        return em_fail(err, EM_EINVAL, "--mqtt-%s is for mqtts:// URLs", cfg->ca ? "ca" : cfg->cert ? "cert" : "key");
    if (!cfg->cert != !cfg->key)
        return em_fail(err, EM_EINVAL, "--mqtt-cert and --mqtt-key belong together");
    if (cfg->password_file && !*url->user)
        return em_fail(err, EM_EINVAL, "--mqtt-password-file: whose? Name the user in the URL: mqtt://USER@HOST");
    return cfg->password_file ? read_password(url, cfg->password_file, err) : EM_OK;
}
