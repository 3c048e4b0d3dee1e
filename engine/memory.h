// The memory of the static executable: memory.c.
#ifndef FDINIT_MEMORY_H
#define FDINIT_MEMORY_H

#include "quickjs.h"

/** For JS_NewRuntime2. */
extern const JSMallocFunctions arena;

#endif
