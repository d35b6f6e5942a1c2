/* For planted.sh: main sees cli. */
#include "cli/options.h"
