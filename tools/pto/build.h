/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Compiling the sources of an example. */
#ifndef TOOLS_BUILD_H
#define TOOLS_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "example.h"

/** struct image - what pto-cc has made of a source */
struct image {
	uint8_t *bytes;
	size_t size;
};

/** struct images - of all sources of an example, kernels in its order */
struct images {
	struct image orch;
	struct image kernels[EXAMPLE_MAX];
};

/**
 * build_images - compile all sources of an example at once
 * @work:	folder for the images
 * @images:	zeroed; to be freed with images_free() in any case
 *
 * Returns PTO_OK, or PTO_FAILED after a complaint.
 */
int build_images(const struct example *ex, const char *work, struct images *images);

void images_free(struct images *images);

#endif
