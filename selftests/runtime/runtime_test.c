// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "runtime_test.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES	16

char *path_of(const char *name)
{
	char self[PATH_MAX], *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return NULL;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return asprintf(&path, "%s/%s", self, name) < 0 ? NULL : path;
}

static struct file read_file(const char *path)
{
	struct file f = { 0 };
	FILE *in = fopen(path, "re");
	struct stat st;

	if (!in)
		return f;
	if (!fstat(fileno(in), &st))
		f.bytes = malloc(st.st_size);
	if (f.bytes)
		f.size = fread(f.bytes, 1, st.st_size, in);
	fclose(in);
	return f;
}

/* Read once: tests that count what they hold shall not count files. */
struct file image(const char *name)
{
	static struct { const char *name; struct file file; } known[MAX_FILES];
	char *relative, *path;
	int i;

	for (i = 0; i < MAX_FILES && known[i].name; i++)
		if (!strcmp(known[i].name, name))
			return known[i].file;
	if (i == MAX_FILES || asprintf(&relative, "images/%s.so", name) < 0)
		return (struct file){ 0 };
	path = path_of(relative);
	known[i].name = name;
	known[i].file = read_file(path);
	if (!known[i].file.size)
		fprintf(stderr, "# %s: can not be read\n", path);
	free(path);
	free(relative);
	return known[i].file;
}

void good_init(struct init_call *c, void *rt, const char *func, uint64_t *args, int nargs)
{
	static const char *const kernels[KERNELS] = {
		[KERNEL_AXPY] = "kernel_axpy",
		[KERNEL_SUM] = "kernel_sum",
		[KERNEL_CRASH] = "kernel_crash",
		[KERNEL_LEAF_CRASH] = "kernel_leaf_crash",
		[KERNEL_SPIN] = "kernel_spin",
		[KERNEL_TADD] = "kernel_tadd",
		[KERNEL_TCOPY] = "kernel_tcopy",
		[KERNEL_TDOUBLE] = "kernel_tdouble",
	};

	*c = (struct init_call){ .rt = rt, .func = func, .args = args, .nargs = nargs };
	c->orch = image("orch");
	c->ids = c->id_array;
	c->binaries = c->binary_array;
	c->sizes = c->size_array;
	for (c->count = 0; c->count < KERNELS; c->count++) {
		struct file f = image(kernels[c->count]);

		c->ids[c->count] = c->count;
		c->binaries[c->count] = f.bytes;
		c->sizes[c->count] = f.size;
	}
}

int call_init(const struct api *api, const struct init_call *c)
{
	return api->init_runtime(c->rt, c->orch.bytes, c->orch.size, c->func, c->args, c->nargs,
				 NULL, NULL, c->ids, c->binaries, c->sizes, c->count);
}

int call_launch(const struct api *api, const struct launch_call *c)
{
	return api->launch_runtime(c->rt, c->threads, c->blocks, c->device, c->aicpu,
				   c->aicpu_size, c->aicore, c->aicore_size, c->orch_threads);
}

int launch_default(const struct api *api, void *rt)
{
	struct launch_call c = { .rt = rt, LAUNCH_DEFAULTS };

	return call_launch(api, &c);
}

int good_run(const struct api *api, int blocks, int threads)
{
	int64_t x[1000], y[1000];
	uint64_t args[] = { (uint64_t)x, (uint64_t)y, 1000 };
	void *rt = calloc(1, api->get_runtime_size());
	struct launch_call launch = { rt, threads, blocks, .orch_threads = 1 };
	struct init_call init;
	int rc;

	good_init(&init, rt, "axpy", args, 3);
	for (int i = 0; i < 1000; i++) {
		x[i] = i;
		y[i] = -i;
	}
	rc = call_init(api, &init);
	if (!rc) {
		rc = call_launch(api, &launch);
		rc = api->finalize_runtime(rt) ?: rc;
	}
	for (int i = 0; i < 1000 && !rc; i++)
		if (x[i] != i || y[i] != 4 * i)
			rc = -EBADMSG;
	if (rc)
		fprintf(stderr, "# good run: %d (%s)\n", rc, api->last_error());
	free(rt);
	return rc;
}

static int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/*
 * Not those of the file system: a thread that asks what machine this is has some open
 * for a moment. And on a device of the driver not what a thread that submits to it gets
 * when it first has to, and keeps.
 */
static bool is_held(const char *link, bool on_driver)
{
	if (link[0] == '/')
		return begins(link, "/memfd:") || begins(link, "/dev/");
	return !on_driver || (strcmp(link, "anon_inode:[io_uring]") &&
			      strcmp(link, "anon_inode:[eventfd]"));
}

struct usage usage_now(void)
{
	const char *device = getenv("PTO_DEVICE");
	bool on_driver = device && begins(device, "pto");
	struct usage usage = { .threads = threads() };
	char path[64], link[64];
	ssize_t size;
	int fd;

	for (fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		size = readlink(path, link, sizeof(link) - 1);
		if (size <= 0)
			continue;
		link[size] = 0;
		usage.fds += is_held(link, on_driver);
	}
	return usage;
}
