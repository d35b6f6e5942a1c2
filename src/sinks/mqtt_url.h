/* mqtt_url.h - where a broker is: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/PREFIX], or mqtts:// for TLS. Plain functions. */
#ifndef EM_SINKS_MQTT_URL_H
#define EM_SINKS_MQTT_URL_H

#include <stdbool.h>

enum { EM_MQTT_TEXT = 256 };        /* bytes of each part */

typedef struct em_mqtt_url {
    bool is_tls;
    char host[EM_MQTT_TEXT];        /* an IPv6 address without its brackets                              */
    int  port;                      /* 1883, with TLS 8883                                               */
    char user[EM_MQTT_TEXT], password[EM_MQTT_TEXT];        /* "": none                                  */
    char prefix[EM_MQTT_TEXT];      /* of every topic: "earmark" where the URL has none                  */
    char shown[2 * EM_MQTT_TEXT];   /* for messages: scheme, host and port                               */
} em_mqtt_url;

/* User, password and prefix may have %XX. False: not such a URL, or a prefix that no topic can begin with (+, #, an empty level,
 * control characters). */
bool em_mqtt_url_parse(em_mqtt_url *out, const char *text);
bool em_is_mqtt_url(const char *text);

#endif
