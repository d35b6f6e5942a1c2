/* For planted.sh: all of these are allowed. */
#include "base/status.h"
#include "mel/frontend.h"
#include "fft.h"
#include "ringbuf/ringbuf.h"
#include <stdio.h>
