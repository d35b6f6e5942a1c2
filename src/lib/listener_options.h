/* listener_options.h - what a program asks of a listener, checked, and as the rules want it. */
#ifndef EM_LIB_LISTENER_OPTIONS_H
#define EM_LIB_LISTENER_OPTIONS_H

#include "base/status.h"
#include "lib/earmark.h"
#include "lib/settings.h"

/* *out as `given` says it (NULL: as usual). EM_EINVAL names the setting, the value and what is allowed. */
em_status   em_listener_options_read(earmark_listener_options *out, const earmark_listener_options *given, em_err *err);

/* Borrowed from o. */
em_settings em_listener_options_settings(const earmark_listener_options *o);

#endif
