// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "base/linker.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread unsigned int depth;

void linker_enter(void)
{
	if (!depth++)
		pthread_mutex_lock(&lock);
}

bool linker_try(void)
{
	if (!depth && pthread_mutex_trylock(&lock))
		return false;
	depth++;
	return true;
}

void linker_leave(void)
{
	if (!--depth)
		pthread_mutex_unlock(&lock);
}
