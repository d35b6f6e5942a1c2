/* For planted.sh: of audio only the resampler. */
  #  include "audio/source.h"
