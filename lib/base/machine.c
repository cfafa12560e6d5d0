// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "base/machine.h"

#include <dlfcn.h>
#include <hwloc.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/linker.h"
#include "base/util.h"

#define MAX_NODES	64
#define SETTLED_NS	(200 * NSEC_PER_MSEC)

/**
 * struct hwloc - its functions, by their names without hwloc_
 *
 * It is not linked, since the library must load where hwloc is not installed, and at once.
 */
struct hwloc {
	typeof(hwloc_get_api_version) *get_api_version;
	typeof(hwloc_topology_init) *topology_init;
	typeof(hwloc_topology_set_all_types_filter) *topology_set_all_types_filter;
	typeof(hwloc_topology_set_type_filter) *topology_set_type_filter;
	typeof(hwloc_topology_load) *topology_load;
	typeof(hwloc_topology_destroy) *topology_destroy;
	typeof(hwloc_get_type_depth) *get_type_depth;
	typeof(hwloc_get_obj_by_depth) *get_obj_by_depth;
	typeof(hwloc_bitmap_next) *bitmap_next;
};

#define SYMBOL(name)	{ "hwloc_" #name, offsetof(struct hwloc, name) }
static const struct {
	const char *name;
	size_t at;
} symbols[] = {
	SYMBOL(get_api_version), SYMBOL(topology_init), SYMBOL(topology_set_all_types_filter),
	SYMBOL(topology_set_type_filter), SYMBOL(topology_load), SYMBOL(topology_destroy),
	SYMBOL(get_type_depth), SYMBOL(get_obj_by_depth), SYMBOL(bitmap_next),
};

/**
 * struct machine - what is known
 * @known:	the others are there, and stay as they are
 * @first:	by CPU: the first one of the same core
 * @node:	the CPUs of a memory node that has any
 */
static struct {
	atomic_bool known;
	uint16_t first[CPU_SETSIZE];
	cpu_set_t node[MAX_NODES];
	unsigned int nodes;
} machine;

/* ---- asking hwloc ------------------------------------------------------- */

static bool find_symbols(void *object, struct hwloc *h)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(symbols); i++) {
		void *symbol = dlsym(object, symbols[i].name);

		if (!symbol)
			return false;
		memcpy((char *)h + symbols[i].at, &symbol, sizeof(symbol));
	}
	/* It counts up where structs change, in the upper half. */
	return h->get_api_version() >> 16 == HWLOC_API_VERSION >> 16;
}

static void read_set(const struct hwloc *h, hwloc_const_cpuset_t from, cpu_set_t *to)
{
	int cpu = -1;

	CPU_ZERO(to);
	while ((cpu = h->bitmap_next(from, cpu)) >= 0 && cpu < CPU_SETSIZE)
		CPU_SET(cpu, to);
}

static void read_cores(const struct hwloc *h, hwloc_topology_t topology)
{
	int depth = h->get_type_depth(topology, HWLOC_OBJ_CORE), cpu, first;
	hwloc_obj_t core;
	unsigned int i;
	cpu_set_t set;

	for (i = 0; depth >= 0 && (core = h->get_obj_by_depth(topology, depth, i)); i++) {
		read_set(h, core->cpuset, &set);
		for (first = -1, cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &set))
				continue;
			first = first < 0 ? cpu : first;
			machine.first[cpu] = first;
		}
	}
}

/* Memory of several kinds may lie at the same CPUs. */
static void read_nodes(const struct hwloc *h, hwloc_topology_t topology)
{
	hwloc_obj_t node;
	unsigned int i, k;
	cpu_set_t set;

	for (i = 0; machine.nodes < MAX_NODES; i++) {
		node = h->get_obj_by_depth(topology, HWLOC_TYPE_DEPTH_NUMANODE, i);
		if (!node)
			return;
		read_set(h, node->cpuset, &set);
		for (k = 0; k < machine.nodes && !CPU_EQUAL(&set, &machine.node[k]); k++)
			;
		if (k == machine.nodes && CPU_COUNT(&set))
			machine.node[machine.nodes++] = set;
	}
}

static int read_topology(const struct hwloc *h)
{
	hwloc_topology_t topology;
	int ret;

	ret = h->topology_init(&topology);
	if (ret)
		return ret;
	ret = h->topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE) ?:
	      h->topology_set_type_filter(topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL) ?:
	      h->topology_load(topology);
	if (!ret) {
		read_cores(h, topology);
		read_nodes(h, topology);
	}
	h->topology_destroy(topology);
	return ret;
}

/* The first character of what the kernel says; 0: nothing. */
static char kernel_says(const char *path)
{
	FILE *f = fopen(path, "re");
	int c = f ? fgetc(f) : EOF;

	/* "0" is also how "0-1" begins. */
	if (c == '0' && fgetc(f) != '\n')
		c = '+';
	if (f)
		fclose(f);
	return c == EOF ? 0 : c;
}

/* One thread a core, and one memory node: there is nothing to ask. */
static bool is_simple(void)
{
	/* Who has hwloc take this for another machine is to be heard. */
	return !getenv("HWLOC_SYNTHETIC") && !getenv("HWLOC_XMLFILE") &&
	       kernel_says("/sys/devices/system/cpu/smt/active") == '0' &&
	       kernel_says("/sys/devices/system/node/has_cpu") == '0';
}

static void ask(void)
{
	/* It stays: its plugins may have brought in what does not end. */
	void *object = dlopen("libhwloc.so.15", RTLD_NOW | RTLD_LOCAL);
	struct hwloc h;

	if (!object || !find_symbols(object, &h))
		log_msg(LOG_INFO, "no hwloc: each CPU is taken for a core");
	else if (read_topology(&h))
		log_msg(LOG_WARN, "hwloc can not tell what the machine is: each CPU is taken for a core");
}

static bool learn(void)
{
	unsigned int cpu;

	if (atomic_load_explicit(&machine.known, memory_order_acquire))
		return true;
	/* For dlopen(), and one at a time. A child of fork() finds it done, or not begun. */
	if (!linker_try())
		return false;
	if (!atomic_load(&machine.known)) {
		for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
			machine.first[cpu] = cpu;
		if (!is_simple())
			ask();
		atomic_store(&machine.known, true);
	}
	linker_leave();
	return true;
}

/* ---- what the process may use ------------------------------------------- */

static unsigned int read_quota(const char *folder)
{
	long long quota, period;
	unsigned int cpus = UINT_MAX;
	char path[PATH_MAX + sizeof("/cpu.max")];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cpu.max", folder);
	f = fopen(path, "re");
	if (!f)
		return cpus;
	/* Or "max", which is none. A part of a CPU is one thread's. */
	if (fscanf(f, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
		cpus = min((quota + period - 1) / period, (long long)INT_MAX);
	fclose(f);
	return cpus;
}

unsigned int machine_quota(const char *root, const char *path)
{
	unsigned int cpus = UINT_MAX;
	char folder[PATH_MAX];
	size_t top = strlen(root);

	snprintf(folder, sizeof(folder), "%s%s", root, path);
	/* What is above binds as well. */
	for (;;) {
		cpus = min(cpus, read_quota(folder));
		if (strlen(folder) <= top)
			return cpus;
		*strrchr(folder, '/') = 0;
	}
}

/* Of the process's cgroup in the unified hierarchy. */
static unsigned int own_quota(void)
{
	unsigned int cpus = UINT_MAX;
	char line[PATH_MAX];
	FILE *f = fopen("/proc/self/cgroup", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "0::/", 4))
			continue;
		line[strcspn(line, "\n")] = 0;
		cpus = machine_quota("/sys/fs/cgroup", line + 3);
	}
	if (f)
		fclose(f);
	return cpus;
}

static unsigned int quota;

static void find_quota(void)
{
	quota = own_quota();
}

/* It is looked up once: processes seldom move. */
static unsigned int within_quota(unsigned int cpus)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, find_quota);
	return max(min(cpus, quota), 1u);
}

static void may_use(cpu_set_t *set)
{
	CPU_ZERO(set);
	/* More CPUs than a set has room for: one is always there. */
	if (sched_getaffinity(0, sizeof(*set), set))
		CPU_SET(0, set);
}

unsigned int machine_cpus(void)
{
	cpu_set_t set;

	may_use(&set);
	return within_quota(CPU_COUNT(&set));
}

static unsigned int count_cores(const cpu_set_t *set)
{
	cpu_set_t firsts;
	int cpu;

	CPU_ZERO(&firsts);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, set))
			CPU_SET(machine.first[cpu], &firsts);
	return CPU_COUNT(&firsts);
}

unsigned int machine_cores(void)
{
	cpu_set_t set;

	if (!atomic_load_explicit(&machine.known, memory_order_acquire))
		return machine_cpus();
	may_use(&set);
	return within_quota(count_cores(&set));
}

/* ---- where threads run -------------------------------------------------- */

int machine_here(void)
{
	return sched_getcpu();
}

void machine_leave(int cpu)
{
	cpu_set_t usable, others;

	if (sched_getcpu() != cpu)
		return;
	may_use(&usable);
	others = usable;
	CPU_CLR(cpu, &others);
	if (CPU_COUNT(&others) && !sched_setaffinity(0, sizeof(others), &others))
		sched_setaffinity(0, sizeof(usable), &usable);
}

/* Which node thread @index belongs to, from the one that has @here on. */
static unsigned int node_of(unsigned int index, int here, const unsigned int *cores)
{
	unsigned int i, node = 0;

	for (i = 0; i < machine.nodes && here >= 0; i++)
		if (CPU_ISSET(here, &machine.node[i]))
			node = i;
	while (index >= cores[node]) {
		index -= cores[node];
		node = (node + 1) % machine.nodes;
	}
	return node;
}

bool machine_place(uint64_t born, unsigned int index, unsigned int count, int here)
{
	unsigned int cores[MAX_NODES], i, largest = 0, all = 0;
	cpu_set_t usable, set;

	if (now_ns() - born < SETTLED_NS || !learn())
		return false;
	if (machine.nodes < 2)
		return true;
	may_use(&usable);
	for (i = 0; i < machine.nodes; i++) {
		CPU_AND(&set, &usable, &machine.node[i]);
		cores[i] = count_cores(&set);
		largest = max(largest, cores[i]);
		all += cores[i];
	}
	/* More of them than there are cores: all are crowded, and none has a place of its own. */
	if (count <= largest || count > all)
		return true;
	CPU_AND(&set, &usable, &machine.node[node_of(index, here, cores)]);
	if (sched_setaffinity(0, sizeof(set), &set))
		log_msg(LOG_INFO, "thread %u stays where it is: %m", index);
	return true;
}
