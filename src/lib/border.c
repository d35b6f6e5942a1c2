/* border.c - options in, failures out: see inside.h. */
#include "lib/inside.h"

#include <stdio.h>
#include <string.h>

_Static_assert((int)EARMARK_EINVAL == EM_EINVAL && (int)EARMARK_ENOMEM == EM_ENOMEM && (int)EARMARK_EIO == EM_EIO &&
               (int)EARMARK_EFORMAT == EM_EFORMAT && (int)EARMARK_ESHAPE == EM_ESHAPE && (int)EARMARK_EDEVICE == EM_EDEVICE &&
               (int)EARMARK_EUNSUPPORTED == EM_EUNSUPPORTED, "the statuses of earmark.h are those of base/status.h");
_Static_assert(sizeof(earmark_error) == 256 && sizeof ((em_err *)0)->msg < sizeof ((earmark_error *)0)->message, "a sentence fits");

const char *earmark_version(void)
{
    return EM_LIB_VERSION;
}

earmark_status em_tell_error(earmark_error *out, em_status status, const em_err *err)
{
    if (out) {
        out->status = (int)status;
        snprintf(out->message, sizeof out->message, "%s", status ? err->msg : "");
    }
    return (earmark_status)status;
}

static bool is_zero(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

em_status em_take_options(void *out, size_t n_bytes, const void *given, em_err *err)
{
    size_t size;

    if (!given)
        return EM_OK;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > 65536)
        return em_fail(err, EM_EINVAL, "options without their size: earmark_..._options_init makes them");
    if (size > n_bytes && !is_zero((const char *)given + n_bytes, size - n_bytes))
        return em_fail(err, EM_EINVAL, "an option is set that libearmark %s does not know", earmark_version());
    memcpy(out, given, size < n_bytes ? size : n_bytes);
    return EM_OK;
}

void em_give_options(void *given, size_t n_given, const void *usual, size_t n_bytes)
{
    memset(given, 0, n_given);
    memcpy(given, usual, n_given < n_bytes ? n_given : n_bytes);
    memcpy(given, &n_given, sizeof n_given);
}
