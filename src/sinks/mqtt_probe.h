/* mqtt_probe.h - whether a broker is there and lets us in; it is told nothing. In the module earmark-mqtt.so. */
#ifndef EM_SINKS_MQTT_PROBE_H
#define EM_SINKS_MQTT_PROBE_H

#include "sinks/sink.h"

/* Connects once, within limit_s, and leaves. shown[512]: the broker, without who we are to it; "" if that is not known. EM_EINVAL: settings that
 * em_mqtt_settings refuses; EM_EIO: it is not there, does not answer or refuses us, the sentence says which; EM_ENOMEM. */
typedef em_status em_mqtt_probe_fn(char shown[512], const em_sink_mqtt_cfg *cfg, double limit_s, em_err *err);

em_mqtt_probe_fn em_mqtt_probe;

#endif
