/* mqtt_settings.h - where a broker is and who we are to it, as the settings say together. */
#ifndef EM_SINKS_MQTT_SETTINGS_H
#define EM_SINKS_MQTT_SETTINGS_H

#include "sinks/mqtt_url.h"
#include "sinks/sink.h"

/* The URL, with the password of the file if one is named. EM_EINVAL: settings that do not fit together, or a file that cannot be read or that
 * everybody can. */
em_status em_mqtt_settings(em_mqtt_url *url, const em_sink_mqtt_cfg *cfg, em_err *err);

#endif
