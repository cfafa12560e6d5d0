/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Device memory of a runtime: what it has to free, and what it copies back.
 *
 * Not thread-safe: one call at a time per struct staging.
 */
#ifndef ORCH_STAGING_H
#define ORCH_STAGING_H

#include <stddef.h>

struct pto_device;
struct staging_tensor;

/**
 * struct staging - memory that ends with its runtime
 * @owned:	tsearch() tree of the starts of allocations
 * @tensors:	what is copied back, in the order of recording
 */
struct staging {
	struct pto_device *dev;
	void *owned;
	struct staging_tensor *tensors;
	size_t count;
	size_t size;
};

/** staging_alloc - pto_mem_alloc(), freed by staging_release() at the latest */
int staging_alloc(struct staging *s, size_t size, void **ptr);

/** staging_free - pto_mem_free() before the end */
int staging_free(struct staging *s, void *ptr);

/** staging_record - as record_tensor_pair() */
int staging_record(struct staging *s, void *host, void *dev, size_t size);

/** staging_copy_back - copy the recorded tensors; stops at the first error */
int staging_copy_back(struct staging *s);

/** staging_release - free all that is owned, and forget what was recorded */
void staging_release(struct staging *s);

#endif
