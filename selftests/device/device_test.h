/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the tests of libpto on devices of the driver share. They run as root, on mocks. */
#ifndef DEVICE_TEST_H
#define DEVICE_TEST_H

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/lib_test.h"
#include "uapi/genl.h"

#define BOUND_MS	60000	/* nothing that must come takes longer, under emulation too */
#define TASK_MS		20000

/** struct rig - a device, and a graph on it with kernels 0 noop, 1 busy, 2 crash, 3 spin */
struct rig {
	struct pto_device *dev;
	struct pto_program *prog[4];
	struct pto_graph *graph;
	int64_t *word;		/* device memory */
};

static inline int rig_open(struct rig *r, const char *name)
{
	static const char *const kernels[] = { "noop", "busy", "crash", "spin" };
	int i, ret;

	memset(r, 0, sizeof(*r));
	ret = pto_device_open(name, &r->dev);
	if (!ret)
		ret = pto_mem_alloc(r->dev, 4096, (void **)&r->word);
	if (!ret)
		ret = pto_graph_create(r->dev, &r->graph);
	if (ret)
		return ret;
	memset(r->word, 0, 4096);
	for (i = 0; i < 4 && !ret; i++) {
		r->prog[i] = load_kernel(r->dev, kernels[i]);
		ret = r->prog[i] ? pto_graph_set_kernel(r->graph, i, r->prog[i]) : -ENOENT;
	}
	return ret;
}

/* All that frees something works, however the device is. Counts what does not. */
static inline int rig_close(struct rig *r)
{
	int bad = 0, i;

	bad += pto_graph_destroy(r->graph) != 0;
	for (i = 0; i < 4; i++)
		pto_program_unload(r->prog[i]);
	bad += pto_mem_free(r->dev, r->word) != 0;
	pto_device_close(r->dev);
	return bad;
}

static inline int rig_launch(struct rig *r)
{
	struct pto_launch_opts o = {
		.size = sizeof(o), .block_dim = 2, .aicpu_threads = 2,
		.task_timeout_ms = TASK_MS, .timeout_ms = BOUND_MS,
	};

	return pto_graph_launch(r->graph, &o);
}

/* @n tasks that take @us each, and count themselves at the start of device memory. */
static inline int rig_add_busy(struct rig *r, int n, int64_t us)
{
	uint64_t args[] = { (uintptr_t)r->word, us };
	int ret = 0;

	while (n-- && ret >= 0)
		ret = pto_graph_add_task(r->graph, 1, n % 2 ? PTO_AIV : PTO_AIC, args, 2);
	return ret < 0 ? ret : 0;
}

/* A graph of its own on the same device. 0, or what went wrong. */
static inline int good_run(struct pto_device *dev, struct pto_program *noop, int tasks)
{
	struct pto_launch_opts o = { .size = sizeof(o), .block_dim = 2, .timeout_ms = BOUND_MS };
	struct pto_graph *g;
	int i, ret = pto_graph_create(dev, &g);

	if (ret)
		return ret;
	ret = pto_graph_set_kernel(g, 0, noop);
	for (i = 0; i < tasks && ret >= 0; i++) {
		ret = pto_graph_add_task(g, 0, i % 2 ? PTO_AIV : PTO_AIC, NULL, 0);
		if (ret > 0)
			ret = pto_graph_add_edge(g, i / 2, i);
	}
	if (ret >= 0)
		ret = pto_graph_launch(g, &o);
	pto_graph_destroy(g);
	return ret;
}

/* Wait, in time, for what comes without a call. */
#define UNTIL(condition) ({						\
	int until_ms = BOUND_MS;					\
	while (!(condition) && until_ms--)				\
		usleep(1000);						\
	until_ms > 0;							\
})

static inline int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static inline int device_reset(int index)
{
	return genl_reset_device(index);
}

static inline int device_unplug(int index)
{
	char text[16];

	snprintf(text, sizeof(text), "%d\n", index);
	return write_file("/sys/kernel/debug/pto/unplug", text);
}

/* The last device that is there: who unplugs takes this one. */
static inline int last_device(void)
{
	char path[32];
	int i = 16;

	do
		snprintf(path, sizeof(path), "/dev/pto/pto%d", --i);
	while (i && access(path, F_OK));
	return i;
}

/* The child's exit status, or -1 if it does not end in time, or by a signal. */
static inline int reap(pid_t pid)
{
	int status = 0;
	pid_t done = 0;

	if (!UNTIL((done = waitpid(pid, &status, WNOHANG)))) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return -1;
	}
	return done == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
