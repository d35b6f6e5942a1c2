/* For planted.sh: paths begin at src. */
#include "../mel/fft.h"
