/* A ReLU network: forward, backward, clipping and Adam. */
#include "kernel.h"
