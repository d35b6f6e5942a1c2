/* For planted.sh: the resampler is allowed. */
#include "audio/resample.h"
