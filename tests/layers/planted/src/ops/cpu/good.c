/* For planted.sh: folders inside a folder belong to it. */
#include "ops/cpu/isa/vec.h"
