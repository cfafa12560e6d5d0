// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Images: shared objects given as bytes, checked and loaded into this process.
 *
 * The bytes are copied into a memfd and sealed, checked there, and loaded
 * through /proc/self/fd. The dynamic linker knows a file by that name, so the
 * descriptor stays open as long as the image is loaded: a later image on a
 * reused number would get the older one.
 *
 * Checks, loading and unloading are done without the lock, as they run code
 * of the image. Two threads may so load the same bytes at once; the slower one
 * drops its copy for the other's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/error.h"
#include "base/util.h"
#include "base/linker.h"
#include "device/image.h"
#include "device/image_check.h"

/* Unused images that are kept loaded, so that the next run finds them. */
#define KEEP_IMAGES	64
#define KEEP_BYTES	(64 << 20)

TAILQ_HEAD(image_list, image);

/*
 * All images, the one given back last first. Inside the linker's lock, and
 * innermost: nothing is called under it.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct image_list images = TAILQ_HEAD_INITIALIZER(images);
static size_t unused, unused_bytes;	/* of @images, without the stuck ones */

/* ---- a file that can not change ------------------------------------------------- */

static int write_all(int fd, const void *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = (const char *)bytes + n;
		size -= n;
	}
	return 0;
}

/* A descriptor above those of stdio, which programs close and open as they like. */
static int memfd_open(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), high;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fd);
	return high;
}

static int memfd_fill(int fd, const void *bytes, size_t size)
{
	int err = write_all(fd, bytes, size);

	if (err)
		return err;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ?
	       -errno : 0;
}

static int image_copy(struct image *image, const void *bytes)
{
	void *map;
	int err;

	image->fd = memfd_open(image->name);
	err = image->fd < 0 ? -errno : memfd_fill(image->fd, bytes, image->size);
	if (err)
		return fail(err, "%s: a memfd of %zu bytes: %s", image->name, image->size,
			    strerror(-err));
	/* Private: kernels before 6.7 refuse to share a sealed file's pages. */
	map = mmap(NULL, image->size, PROT_READ, MAP_PRIVATE, image->fd, 0);
	if (map == MAP_FAILED)
		return fail(-ENOMEM, "%s: no memory to map %zu bytes", image->name, image->size);
	image->bytes = map;
	return 0;
}

/* A copy with a name that tells a person what it is, for gdb's add-symbol-file. */
static void image_keep_copy(struct image *image, uintptr_t bias)
{
	const char *dir = getenv("PTO_KEEP_IMAGES");
	char path[PATH_MAX], name[sizeof(image->name)];
	int fd, err;

	if (!dir || !*dir)
		return;
	strcpy(name, image->name);
	for (char *p = name; *p; p++) {
		if (*p == '/' || *p == ' ')
			*p = '_';
	}
	snprintf(path, sizeof(path), "%s/%s-%016lx.so", dir, name, image->hash);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	err = fd < 0 ? -errno : write_all(fd, image->bytes, image->size);
	if (err)
		log_msg(LOG_WARN, "PTO_KEEP_IMAGES: %s: %s", path, strerror(-err));
	else
		log_msg(LOG_INFO, "gdb: add-symbol-file %s -o %#lx", path, bias);
	if (fd >= 0)
		close(fd);
}

/* ---- loading and unloading ------------------------------------------------------- */

static void *image_dlopen(struct image *image, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", image->fd);
	return dlopen(path, RTLD_NOW | RTLD_LOCAL | flags);
}

static void image_free(struct image *image)
{
	if (image->bytes)
		munmap((void *)image->bytes, image->size);
	if (image->fd >= 0)
		close(image->fd);
	free(image);
}

static int image_link(struct image *image, const struct image_facts *facts)
{
	struct link_map *map;
	const char *text;

	linker_enter();
	image->handle = image_dlopen(image, 0);
	linker_leave();
	if (!image->handle) {
		text = dlerror();
		return fail(-ENOEXEC, "%s: %s", image->name, text ? text : "dlopen failed");
	}
	dlinfo(image->handle, RTLD_DI_LINKMAP, &map);	/* can not fail for what dlopen() gave */
	image->lo = map->l_addr + facts->lo;
	image->hi = map->l_addr + facts->hi;
	image->base = map->l_addr;
	image->text_lo = map->l_addr + facts->text_lo;
	image->text_hi = map->l_addr + facts->text_hi;
	image->leaf = facts->leaf;
	return 0;
}

static int image_load(const void *bytes, size_t size, const char *name, uint64_t hash,
		      struct image **loaded)
{
	struct image *image = calloc(1, sizeof(*image));
	struct image_facts facts;
	int err;

	if (!image)
		return fail(-ENOMEM, "%s: no memory to load it", name);
	snprintf(image->name, sizeof(image->name), "%s", name);
	image->size = size;
	image->hash = hash;
	image->fd = -1;
	err = image_copy(image, bytes);
	if (!err)
		err = image_check(image->bytes, size, image->name, &facts);
	if (!err && facts.doubt)
		err = image_trial(image->fd, image->name, facts.doubt);
	if (!err)
		err = image_link(image, &facts);
	if (err) {
		image_free(image);
		return err;
	}
	image_keep_copy(image, image->lo - facts.lo);
	*loaded = image;
	return 0;
}

/*
 * Unload an image that is in no list. The linker keeps some for ever (unique
 * symbols of C++, -z nodelete) or until a thread ends (destructors of
 * thread-local objects): then it goes back to the list, with its descriptor.
 */
static void image_unload(struct image *image)
{
	linker_enter();
	dlclose(image->handle);
	image->handle = image_dlopen(image, RTLD_NOLOAD);
	linker_leave();
	if (!image->handle) {
		image_free(image);
		return;
	}
	log_msg(LOG_DEBUG, "%s stays loaded", image->name);
	image->stuck = true;
	pthread_mutex_lock(&lock);
	TAILQ_INSERT_TAIL(&images, image, link);
	pthread_mutex_unlock(&lock);
}

/* ---- the list --------------------------------------------------------------------- */

static void fork_prepare(void)
{
	linker_enter();
	pthread_mutex_lock(&lock);
}

/* In the parent and in the child: there it is the same thread that goes on. */
static void fork_done(void)
{
	pthread_mutex_unlock(&lock);
	linker_leave();
}

static __attribute__((constructor)) void images_init(void)
{
	pthread_atfork(fork_prepare, fork_done, fork_done);
}

static struct image *image_find(const void *bytes, size_t size, uint64_t hash)
{
	struct image *image;

	TAILQ_FOREACH(image, &images, link) {
		if (image->hash == hash && image->size == size &&
		    !memcmp(image->bytes, bytes, size))
			return image;
	}
	return NULL;
}

static void image_ref(struct image *image)
{
	if (image->refs++ || image->stuck)
		return;
	unused--;
	unused_bytes -= image->size;
}

static struct image *image_oldest(void)
{
	struct image *image;

	TAILQ_FOREACH_REVERSE(image, &images, image_list, link) {
		if (!image->refs && !image->stuck)
			return image;
	}
	return NULL;
}

/* Move the unused images that are too many to @drop, the oldest first. */
static void images_trim(size_t keep_images, size_t keep_bytes, struct image_list *drop)
{
	while (unused > keep_images || unused_bytes > keep_bytes) {
		struct image *image = image_oldest();

		unused--;
		unused_bytes -= image->size;
		TAILQ_REMOVE(&images, image, link);
		TAILQ_INSERT_TAIL(drop, image, link);
	}
}

static void images_unload(struct image_list *drop)
{
	struct image *image;

	while ((image = TAILQ_FIRST(drop))) {
		TAILQ_REMOVE(drop, image, link);
		image_unload(image);
	}
}

static struct image *image_find_ref(const void *bytes, size_t size, uint64_t hash)
{
	struct image *image;

	pthread_mutex_lock(&lock);
	image = image_find(bytes, size, hash);
	if (image)
		image_ref(image);
	pthread_mutex_unlock(&lock);
	return image;
}

/* Put a loaded image into the list, unless another thread was faster. */
static struct image *image_add(struct image *image)
{
	struct image *other;

	pthread_mutex_lock(&lock);
	other = image_find(image->bytes, image->size, image->hash);
	if (other) {
		image_ref(other);
	} else {
		image->refs = 1;
		TAILQ_INSERT_HEAD(&images, image, link);
	}
	pthread_mutex_unlock(&lock);
	if (!other)
		return image;
	image_unload(image);
	return other;
}

int image_get(const void *bytes, size_t size, const char *name, struct image **imagep)
{
	struct image *image;
	uint64_t hash;
	int err;

	if (!bytes || !size)
		return fail(-EINVAL, "%s: no image: %zu bytes at %p", name, size, bytes);
	hash = XXH3_64bits(bytes, size);
	image = image_find_ref(bytes, size, hash);
	if (!image) {
		err = image_load(bytes, size, name, hash, &image);
		if (err)
			return err;
		image = image_add(image);
	}
	*imagep = image;
	return 0;
}

void image_keep(struct image *image)
{
	if (!image)
		return;
	pthread_mutex_lock(&lock);
	image->refs++;
	pthread_mutex_unlock(&lock);
}

void image_put(struct image *image)
{
	struct image_list drop = TAILQ_HEAD_INITIALIZER(drop);

	if (!image)
		return;
	pthread_mutex_lock(&lock);
	if (!--image->refs && !image->stuck) {
		unused++;
		unused_bytes += image->size;
		TAILQ_REMOVE(&images, image, link);
		TAILQ_INSERT_HEAD(&images, image, link);
		images_trim(KEEP_IMAGES, KEEP_BYTES, &drop);
	}
	pthread_mutex_unlock(&lock);
	images_unload(&drop);
}

void *image_symbol(struct image *image, const char *name)
{
	uintptr_t addr = (uintptr_t)dlsym(image->handle, name);

	/* dlsym() goes on to look in the libraries that the image needs. */
	return addr >= image->lo && addr < image->hi ? (void *)addr : NULL;
}

/* The library may be unloaded, and must leave nothing behind. */
static __attribute__((destructor)) void images_exit(void)
{
	struct image_list drop = TAILQ_HEAD_INITIALIZER(drop);

	pthread_mutex_lock(&lock);
	images_trim(0, 0, &drop);
	pthread_mutex_unlock(&lock);
	images_unload(&drop);
}
