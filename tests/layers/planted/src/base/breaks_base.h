/* For planted.sh: base uses nobody. */
#include "ringbuf/ringbuf.h"
