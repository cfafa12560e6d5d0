/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Images: shared objects given as bytes, checked and loaded into this process.
 *
 * An image is loaded once, however often its bytes are given: images are
 * found by content. Unused ones are kept for a while, so that the next run
 * of a program finds them loaded.
 */
#ifndef DEVICE_IMAGE_H
#define DEVICE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/**
 * struct image - a loaded shared object
 * @base:	where it is loaded; addresses in the file are relative to it
 * @lo, @hi:	all of it in this process
 * @text_lo, @text_hi:	its executable segment in this process
 * @bytes, @size:	its file, mapped from a sealed memfd
 * @leaf:	it imports nothing but mem* and libm, so that a thread may leave
 *		it at any instruction without leaving a lock or a list behind
 *		(constructors have run by then, and do not count)
 * @name:	for messages: "kernel func_id 3", or so; the first one it was got by
 */
struct image {
	uintptr_t base;
	uintptr_t lo, hi;
	uintptr_t text_lo, text_hi;
	const void *bytes;
	size_t size;
	bool leaf;
	char name[64];
	/* The rest belongs to image.c. */
	void *handle;
	int fd;
	int refs;
	bool stuck;
	uint64_t hash;
	TAILQ_ENTRY(image) link;
};

/**
 * image_get - load an image, or find it loaded
 * @bytes, @size: the file; copied
 * @name:	what to call it in messages
 * @image:	where to put it; give it back with image_put()
 *
 * Checked before the dynamic linker sees it: ELF class, machine, type; bounds
 * of segments, dynamic section, hash, symbol, string and relocation tables,
 * and that relocations point into writable segments. What the checks can not
 * vouch for (constructors, IFUNC, libraries of its own, unusual tags) is first
 * loaded in a child process. Errors: -EINVAL (NULL or empty), -ENOEXEC with a
 * text that says which check failed or what the dynamic linker says, -ENOMEM,
 * or why there is no memfd (-EMFILE, ...). Thread-safe; works in a child of
 * fork(), too.
 */
int image_get(const void *bytes, size_t size, const char *name, struct image **image);

/** image_put - give an image back; NULL is allowed */
void image_put(struct image *image);

/** image_keep - never unload an image that is in use: a thread is stuck in it; NULL is allowed */
void image_keep(struct image *image);

/**
 * image_symbol - address of a dynamic symbol that the image itself defines, or NULL
 *
 * It may be data: see @text_lo and @text_hi before calling it.
 */
void *image_symbol(struct image *image, const char *name);

#endif
