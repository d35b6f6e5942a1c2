/* For planted.sh: ringbuf uses nobody. */
#include "base/status.h"
