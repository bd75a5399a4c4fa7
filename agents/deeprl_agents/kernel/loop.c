/* One training step in one call. */
#include "kernel.h"

EXPORT const char *kernel_source(void) { return SOURCE_HASH; }
