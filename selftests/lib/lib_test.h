/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the tests of libpto's own interface share. */
#ifndef LIB_TEST_H
#define LIB_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pto/pto.h>

/* Or slow for another reason. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(PTO_STRESS)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* A bound, and not a measure: on a kernel that checks itself, in an emulated machine, all is slow. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

/* Too slow for large tests: a sanitizer, or an emulated machine. */
#define SLOW	(SANITIZED || getenv("PTO_TEST_SLOW"))

/* Even more so: a kernel that checks itself, on such a machine (PTO_TEST_SLOW=2). */
#define SLOWER	(SANITIZED || !strcmp(getenv("PTO_TEST_SLOW") ?: "", "2"))

/* Load images/NAME.so, which lies beside the test. NULL: failed, errno or text says why. */
static inline struct pto_program *load_kernel(struct pto_device *dev, const char *name)
{
	char exe[512], path[640];
	struct pto_program *prog = NULL;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct stat st;
	void *bytes;
	int fd;

	if (n < 0)
		return NULL;
	exe[n] = 0;
	snprintf(path, sizeof(path), "%s/images/%s.so", dirname(exe), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	bytes = malloc(st.st_size);
	if (bytes && read(fd, bytes, st.st_size) == st.st_size)
		pto_program_load(dev, bytes, st.st_size, &prog);
	free(bytes);
	close(fd);
	return prog;
}

/* Of the driver, or embedded? */
static inline bool on_driver(struct pto_device *dev)
{
	struct pto_device_info info = { .size = sizeof(info) };

	return !pto_device_query(dev, &info) && !strcmp(info.backend, "chardev");
}

static inline double seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The kernel's own page accounting lags; statm does not. */
static inline long rss_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f)
		return 0;
	if (fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
