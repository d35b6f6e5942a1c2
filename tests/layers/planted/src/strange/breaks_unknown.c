/* For planted.sh: a folder that is not in the list. */
#include "base/status.h"
