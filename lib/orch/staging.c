// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Device memory of a runtime. */
#include "orch/staging.h"

#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>

#include <pto/pto.h>

#include "base/error.h"
#include "device/device.h"
#include "device/memory.h"

struct staging_tensor {
	void *host;
	void *dev;
	size_t size;
};

static int by_address(const void *a, const void *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int own(struct staging *s, void *ptr)
{
	if (!tsearch(ptr, &s->owned, by_address))
		return fail(-ENOMEM, "no memory to note a device allocation");
	return 0;
}

int staging_alloc(struct staging *s, size_t size, void **ptr)
{
	int rc = pto_mem_alloc(s->dev, size, ptr);

	if (rc)
		return rc;
	rc = own(s, *ptr);
	if (rc)
		pto_mem_free(s->dev, *ptr);
	return rc;
}

int staging_free(struct staging *s, void *ptr)
{
	int rc = pto_mem_free(s->dev, ptr);

	if (!rc && ptr)
		tdelete(ptr, &s->owned, by_address);
	return rc;
}

static int note(struct staging *s, void *host, void *dev, size_t size)
{
	if (s->count == s->size) {
		size_t more = s->size ? 2 * s->size : 8;
		void *p = reallocarray(s->tensors, more, sizeof(*s->tensors));

		if (!p)
			return fail(-ENOMEM, "no memory to record tensor %zu", s->count);
		s->tensors = p;
		s->size = more;
	}
	s->tensors[s->count++] = (struct staging_tensor){ host, dev, size };
	return 0;
}

int staging_record(struct staging *s, void *host, void *dev, size_t size)
{
	int rc;

	if (!dev)
		return fail(-EINVAL, "record of a tensor without device memory");
	/* The size means nothing where nothing is copied. */
	rc = mem_check(s->dev->mem, dev, host ? size : 1);
	if (rc) {
		fail_prefix("record of a tensor of %zu bytes", size);
		return rc;
	}
	if (mem_is_start(s->dev->mem, dev)) {
		rc = own(s, dev);
		if (rc)
			return rc;
	}
	return host ? note(s, host, dev, size) : 0;
}

int staging_copy_back(struct staging *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct staging_tensor *t = &s->tensors[i];
		int rc = pto_mem_read(s->dev, t->host, t->dev, t->size);

		if (rc) {
			fail_prefix("copy back of tensor %zu", i);
			return rc;
		}
	}
	return 0;
}

void staging_release(struct staging *s)
{
	while (s->owned) {
		void *ptr = *(void **)s->owned;

		tdelete(ptr, &s->owned, by_address);
		pto_mem_free(s->dev, ptr);
	}
	free(s->tensors);
	s->tensors = NULL;
	s->count = s->size = 0;
}
