/* Rendered frames to small gray images. */
#include "kernel.h"
