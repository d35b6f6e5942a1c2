/* For planted.sh: engine gets its operators from above. */
#include "ops/ops.h"
