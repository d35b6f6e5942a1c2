/* For planted.sh: mel is below engine. */
#include "engine/engine.h"
