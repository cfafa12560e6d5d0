// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What this library is. */
#include <string.h>

#include <pto/pto.h>

#include "base/util.h"

static const char *const features[] = {
	"embedded", "chardev", "inplace", "threads", "streams", "async-launch", "profile",
	"tensors", "flows", "mixed", "params",
};

unsigned int pto_version(void)
{
	return PTO_VERSION_MAJOR << 16 | PTO_VERSION_MINOR << 8 | PTO_VERSION_PATCH;
}

int pto_has_feature(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(features); i++)
		if (!strcmp(name, features[i]))
			return 1;
	return 0;
}
