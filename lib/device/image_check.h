/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Checks an ELF shared object before the dynamic linker sees it. */
#ifndef DEVICE_IMAGE_CHECK_H
#define DEVICE_IMAGE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct image_facts - what the checks have found; addresses as the file has them
 * @lo, @hi:	all its segments
 * @text_lo, @text_hi: its executable segments
 * @leaf:	as in struct image
 * @doubt:	what may still go wrong when it is loaded, or NULL
 */
struct image_facts {
	uint64_t lo, hi;
	uint64_t text_lo, text_hi;
	bool leaf;
	const char *doubt;
};

/**
 * image_check - see that the dynamic linker can load a file without harm
 * @bytes, @size: the file; must not change meanwhile
 * @name:	for messages
 *
 * What passes, and has no doubt, makes dlopen() run no code of the image, and
 * read and write only where the image's own segments are. Returns 0, -ENOEXEC
 * with a text that says which check failed, or -ENOMEM.
 */
int image_check(const void *bytes, size_t size, const char *name, struct image_facts *facts);

/**
 * image_trial - load an image in a child process first
 * @fd:		the image's file, sealed
 * @name:	for messages
 * @doubt:	why: struct image_facts.doubt
 *
 * Returns 0 when the child came through or when no child could be started,
 * else -ENOEXEC: it crashed, ended early, or was not done in time.
 */
int image_trial(int fd, const char *name, const char *doubt);

#endif
