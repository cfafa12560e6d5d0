// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Building a task graph, and making it ready to be launched. */
#include "graph/graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/device.h"
#include "device/image.h"
#include "device/memory.h"
#include "graph/check.h"
#include "graph/slab.h"
#include "profile/profile.h"

#define MAX_FUNC_ID	65535
#define PREFETCH_AHEAD	16
#define PENDING_FIRST	(8 * FEW_TASKS)
#define MANY_FIRST	16
#define NODE_SUCC	(1u << NODE_NSUCC_SHIFT)	/* one successor more */
#define ARGS_FIRST	4096
#define ARGS_MAX	(1u << 20)

/*
 * A block of @size bytes of device memory for arguments; small graphs need none. What is said of
 * it lies elsewhere: of a device that was reset the memory reads as zeroes.
 */
struct graph_args {
	struct graph_args *older;
	size_t size;
	void *bytes;
};

static __attribute__((cold)) int create_checked(struct pto_graph *g, struct pto_graph **graph)
{
	g->check = check_new(g->dev->check, 0);
	if (!g->check) {
		pto_graph_destroy(g);
		return -ENOMEM;
	}
	*graph = g;
	return 0;
}

int pto_graph_create(struct pto_device *dev, struct pto_graph **graph)
{
	struct pto_graph *g;
	int ret;

	if (!dev || !graph)
		return fail(-EINVAL, "pto_graph_create: NULL argument");
	ret = device_usable(dev);
	if (ret)
		return ret;
	/* Not calloc(), which has no cache of a thread's. */
	g = malloc(sizeof(*g));
	if (!g)
		return fail(-ENOMEM, "no memory for a graph");
	device_get(dev);
	clear_bytes(g, offsetof(struct pto_graph, few_args));
	g->dev = dev;
	g->leaf = true;
	g->roots = g->few_roots;
	g->runs_size = FEW_RUNS;
	g->pending = g->few_pending;
	g->pending_size = FEW_TASKS;
	g->armed = true;
	g->kernels = g->few_kernels;
	g->nkernels = FEW_KERNELS;
	if (!dev->chardev) {
		g->args_at = (char *)g->few_args;
		g->args_left = sizeof(g->few_args);
	}
	if (unlikely(dev->check))
		return create_checked(g, graph);
	*graph = g;
	return 0;
}

/* A launch goes by what the graph was when it began. */
static __inline bool is_launched(const struct pto_graph *g)
{
	return atomic_load_explicit(&g->launched, memory_order_relaxed);
}

static __attribute__((cold)) int busy(void)
{
	return fail(-EBUSY, "the graph is being launched");
}

static void free_args(struct pto_graph *g)
{
	struct graph_args *block;

	while ((block = g->args)) {
		g->args = block->older;
		mem_free(g->dev->mem, block->bytes);
		free(block);
	}
}

int pto_graph_destroy(struct pto_graph *g)
{
	uint32_t i;
	bool stuck;

	if (!g)
		return 0;
	if (device_ours(g->dev))
		return -EPERM;
	if (atomic_exchange(&g->launched, true))
		return busy();
	graph_free_submitted(g);
	free_args(g);
	slabs_free(&g->slabs);
	slabs_free(&g->chunks);
	emu_tidy(g->dev->emu);
	for (i = 0; i < g->nkernels; i++) {
		if (g->kernels[i])
			pto_program_unload(g->kernels[i]->prog);
		free(g->kernels[i]);
	}
	if (g->kernels != g->few_kernels)
		free(g->kernels);
	if (g->pending != g->few_pending)
		free(g->pending);
	free(g->many.at);
	if (g->roots != g->few_roots)
		free(g->roots);
	profile_free(g->profile);
	/* A kernel that never returned may yet read its arguments. */
	stuck = mem_quarantined(g->dev->mem);
	device_put(g->dev);
	if (likely(!stuck))
		free(g);
	return 0;
}

/* ---- kernels ------------------------------------------------------------ */

static struct graph_kernel *kernel_new(struct pto_program *prog, int func_id)
{
	struct graph_kernel *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	*k = (struct graph_kernel){
		.prog = program_get(prog),
		.desc.opcode = PTO_OP_LAUNCH,
		.desc.launch.serial = prog->serial,
		.desc.launch.image = (uintptr_t)prog->image->bytes,
		.desc.launch.image_size = prog->image->size,
		.desc.launch.func_id = func_id,
	};
	return k;
}

int pto_graph_set_kernel(struct pto_graph *g, int func_id, struct pto_program *prog)
{
	struct graph_kernel **grown;
	uint32_t n;
	bool few;

	if (!g || !prog)
		return fail(-EINVAL, "pto_graph_set_kernel: NULL argument");
	if (func_id < 0 || func_id > MAX_FUNC_ID)
		return fail(-EINVAL, "func_id %d is not in 0..%d", func_id, MAX_FUNC_ID);
	if (device_ours(g->dev))
		return -EPERM;
	if (is_launched(g))
		return busy();
	if (prog->dev != g->dev)
		return fail(-EXDEV, "the kernel of func_id %d was loaded on another device", func_id);
	if (func_id >= g->nkernels) {
		n = max(func_id + 1, 2 * (int)g->nkernels);
		few = g->kernels == g->few_kernels;
		grown = realloc(few ? NULL : g->kernels, n * sizeof(*grown));
		if (!grown)
			return fail(-ENOMEM, "no memory for func_id %d", func_id);
		if (few)
			memcpy(grown, g->few_kernels, sizeof(g->few_kernels));
		memset(grown + g->nkernels, 0, (n - g->nkernels) * sizeof(*grown));
		g->kernels = grown;
		g->nkernels = n;
	}
	if (g->kernels[func_id])
		return fail(-EEXIST, "func_id %d has a kernel already", func_id);
	g->kernels[func_id] = kernel_new(prog, func_id);
	if (!g->kernels[func_id])
		return fail(-ENOMEM, "no memory for func_id %d", func_id);
	g->leaf = g->leaf && prog->image->leaf;
	return 0;
}

/* ---- tasks -------------------------------------------------------------- */

static int add_args_block(struct pto_graph *g, size_t least)
{
	size_t size = g->args ? min(2 * g->args->size, (size_t)ARGS_MAX) : ARGS_FIRST;
	struct graph_args *block = malloc(sizeof(*block));
	int ret;

	if (!block)
		return fail(-ENOMEM, "no memory for arguments");
	block->size = max(size, least);
	ret = pto_mem_alloc(g->dev, block->size, &block->bytes);
	if (ret) {
		free(block);
		return ret;
	}
	block->older = g->args;
	g->args = block;
	g->args_at = block->bytes;
	g->args_left = block->size;
	return 0;
}

/* They must lie where the device can read them. */
void *graph_args(struct pto_graph *g, size_t size, size_t align, int *err)
{
	size_t skip = -(uintptr_t)g->args_at & (align - 1);
	char *at;

	if (unlikely(skip + size > g->args_left || !g->args_at)) {
		*err = add_args_block(g, size);
		if (*err)
			return NULL;
		skip = 0;
	}
	at = g->args_at + skip;
	g->args_at = at + size;
	g->args_left -= skip + size;
	return at;
}

static bool more_pending(struct pto_graph *g)
{
	bool few = g->pending == g->few_pending;
	size_t size = few ? PENDING_FIRST : 2 * (size_t)g->pending_size;
	_Atomic uint16_t *grown = realloc(few ? NULL : g->pending, size * sizeof(*grown));

	if (!grown)
		return false;
	if (few)
		memcpy(grown, g->few_pending, sizeof(g->few_pending));
	g->pending = grown;
	g->pending_size = size;
	return true;
}

/* Room for the next task. */
static __attribute__((noinline)) int add_room(struct pto_graph *g)
{
	if (device_ours(g->dev))
		return -EPERM;
	if (g->ntasks == GRAPH_MAX_TASKS)
		return fail(-ENOMEM, "a graph holds %u tasks at the most", GRAPH_MAX_TASKS);
	if ((g->ntasks == g->pending_size && !more_pending(g)) ||
	    (g->ntasks >> SLAB_SHIFT == g->slabs.count && slabs_add(&g->slabs)))
		return fail(-ENOMEM, "no memory for more than %u tasks", g->ntasks);
	g->room = min(g->pending_size, g->slabs.count << SLAB_SHIFT);
	return 0;
}

static __inline bool is_full(const struct pto_graph *g)
{
	return unlikely(g->ntasks == g->room);
}

int64_t graph_next(struct pto_graph *g)
{
	int ret = is_full(g) ? add_room(g) : 0;

	return ret ? ret : (int64_t)g->ntasks;
}

static __inline void init_node(struct pto_graph *g, struct graph_node *node)
{
	node->edges = 0;
	atomic_store_explicit(&g->pending[g->ntasks], 0, memory_order_relaxed);
}

static __inline struct pto_desc *fill(struct pto_graph *g, int func_id, unsigned int lane)
{
	struct graph_task *t = slab_task(g->slabs.at, g->ntasks);

	/* Processors fetch ahead, too, but not beyond a page. */
	__builtin_prefetch(&t[PREFETCH_AHEAD].desc, 1);
	__builtin_prefetch(&t[PREFETCH_AHEAD].node, 1);
	t->desc = g->kernels[func_id]->desc;
	t->desc.lane = lane;
	t->desc.cookie = g->ntasks;
	init_node(g, &t->node);
	return &t->desc;
}

struct pto_desc *graph_open(struct pto_graph *g)
{
	struct graph_task *t = slab_task(g->slabs.at, g->ntasks);

	init_node(g, &t->node);
	return &t->desc;
}

static __inline int commit(struct pto_graph *g)
{
	g->sealed = false;
	return g->ntasks++;
}

void graph_commit(struct pto_graph *g)
{
	commit(g);
}

static __attribute__((cold)) int bad_task(struct pto_graph *g, int func_id, enum pto_core core,
					  const uint64_t *args, int nargs)
{
	if (!g)
		return fail(-EINVAL, "pto_graph_add_task: the graph is NULL");
	if (is_launched(g))
		return busy();
	if (nargs < 0 || nargs > PTO_MAX_ARGS)
		return fail(-EINVAL, "task %u (func_id %d): %d arguments, not 0 to %d", g->ntasks,
			    func_id, nargs, PTO_MAX_ARGS);
	if (nargs && !args)
		return fail(-EINVAL, "task %u (func_id %d): arguments are NULL", g->ntasks, func_id);
	if (core != PTO_AIC && core != PTO_AIV)
		return fail(-EINVAL, "task %u (func_id %d): core %d is neither AIC nor AIV",
			    g->ntasks, func_id, core);
	return fail(-ENOENT, "task %u: func_id %d has no kernel", g->ntasks, func_id);
}

/* What not each task needs is done in calls at the end, so that the others save no registers. */
static __attribute__((noinline)) int add_with_args(struct pto_graph *g, struct pto_desc *desc,
						   const uint64_t *args, int nargs)
{
	int i, err = device_ours(g->dev);
	uint64_t *at;

	if (err)
		return err;
	at = graph_args(g, nargs * sizeof(*args), sizeof(*args), &err);
	if (!at)
		return err;
	for (i = 0; i < nargs; i++)
		at[i] = args[i];
	desc->launch.args = (uintptr_t)at;
	desc->launch.nargs = nargs;
	return commit(g);
}

static __attribute__((noinline)) int add_with_room(struct pto_graph *g, int func_id,
						   enum pto_core core, const uint64_t *args,
						   int nargs)
{
	int ret = add_room(g);

	return ret ? ret : pto_graph_add_task(g, func_id, core, args, nargs);
}

int pto_graph_add_task(struct pto_graph *g, int func_id, enum pto_core core,
		       const uint64_t *args, int nargs)
{
	struct pto_desc *desc;

	if (unlikely(!g || is_launched(g) || (unsigned int)nargs > PTO_MAX_ARGS || (nargs && !args) ||
		     (unsigned int)core > PTO_AIV || (unsigned int)func_id >= g->nkernels ||
		     !g->kernels[func_id]))
		return bad_task(g, func_id, core, args, nargs);
	if (is_full(g))
		return add_with_room(g, func_id, core, args, nargs);
	desc = fill(g, func_id, core == PTO_AIC ? PTO_LANE_AIC : PTO_LANE_AIV0);
	return nargs ? add_with_args(g, desc, args, nargs) : commit(g);
}

/* ---- edges -------------------------------------------------------------- */

static __attribute__((cold)) int full_node(uint32_t from)
{
	return fail(-EMLINK, "task %u has %u successors, and can not have more", from,
		    NODE_MAX_SUCC);
}

static int no_edge(const struct pto_graph *g)
{
	return fail(-ENOMEM, "no memory for another edge of %u tasks", g->ntasks);
}

/* Room in the table for one more task. */
static int many_room(struct pto_graph *g)
{
	struct graph_many_table *many = &g->many;
	uint32_t size = max(2 * many->size, (uint32_t)MANY_FIRST);
	struct graph_many *grown;

	if (likely(many->count < many->size))
		return 0;
	grown = realloc(many->at, size * sizeof(*grown));
	if (!grown)
		return no_edge(g);
	many->at = grown;
	many->size = size;
	return 0;
}

static __inline void count_pred(struct pto_graph *g, struct graph_node *node, uint32_t task)
{
	node->edges++;
	atomic_store_explicit(&g->pending[task], node_npred(node), memory_order_relaxed);
}

/* The same, where the table counts or has to from now on. Tasks mostly come in their order. */
static void count_in_table(struct pto_graph *g, struct graph_node *node, uint32_t task)
{
	struct graph_many_table *many = &g->many;
	uint32_t i = many_find(many, task);
	struct graph_many *at = &many->at[i];

	if (node_npred(node) < PENDING_MANY) {
		memmove(at + 1, at, (many->count++ - i) * sizeof(*at));
		*at = (struct graph_many){ .task = task, .npred = node_npred(node) };
		count_pred(g, node, task);
	}
	at->npred++;
	atomic_store_explicit(&node->count, at->npred, memory_order_relaxed);
}

/* Units that follow each other; UNIT_NONE: there is no memory for them. */
static uint32_t take_units(struct pto_graph *g, uint32_t units)
{
	uint32_t *unused = &g->unused[__builtin_ctz(units)], at = *unused;

	if (unlikely(at != UNIT_NONE)) {
		*unused = slab_chunk(g->chunks.at, at)->next;
		return at;
	}
	at = max(g->nunits, UNIT_NONE + 1u);
	/* Not behind the units of a slab, where it would need a page of its own. */
	if ((at & (SLAB_UNITS - 1)) + units > SLAB_UNITS)
		at = align_up(at, SLAB_UNITS);
	if (at >= CHUNK_WIDE || (at >> SLAB_UNIT_SHIFT == g->chunks.count && slabs_add(&g->chunks))) {
		no_edge(g);
		return UNIT_NONE;
	}
	g->nunits = at + units;
	return at;
}

/* To be used again: the chunk at unit @at, whose last successor is number @far, and all before. */
static void leave_chunks(struct pto_graph *g, uint32_t at, uint32_t far)
{
	struct graph_chunk *chunk;
	uint32_t *unused, next;

	for (;;) {
		chunk = slab_chunk(g->chunks.at, at);
		next = chunk->next;
		unused = &g->unused[__builtin_ctz(chunk_units(far, false))];
		chunk->next = *unused;
		*unused = at;
		if (far < chunk_edges(1, false))
			return;
		far -= chunk_place(far, false) + 1;
		at = next;
	}
}

static __inline bool is_short(uint32_t from, uint32_t to)
{
	return to - from <= UINT16_MAX;
}

static __inline void chunk_put(struct graph_chunk *chunk, bool wide, uint32_t place, uint32_t from,
			       uint32_t to)
{
	if (wide)
		chunk->to[place] = to;
	else
		chunk->by[place] = to - from;
}

/* A successor is further away than a distance can be: copy all @far of them, the last first. */
static int widen(struct pto_graph *g, struct graph_node *node, uint32_t from, uint32_t far)
{
	const struct graph_chunk *old = node_chunk(g->chunks.at, node);
	uint32_t at, newest = UNIT_NONE, i = far;
	struct graph_chunk *chunk = NULL;

	while (i--) {
		if (!chunk || !chunk_place(i + 1, true)) {
			at = take_units(g, chunk_units(i, true));
			if (at == UNIT_NONE)
				return -ENOMEM;
			if (chunk)
				chunk->next = at;
			else
				newest = at;
			chunk = slab_chunk(g->chunks.at, at);
		}
		chunk->to[chunk_place(i, true)] = from + old->by[chunk_place(i, false)];
		if (i && !chunk_place(i, false))
			old = slab_chunk(g->chunks.at, old->next);
	}
	leave_chunks(g, node->more, far - 1);
	node->more = newest | CHUNK_WIDE;
	return 0;
}

/*
 * Open a chunk for successor number @n. If it is the task's first one, the successor that is
 * where the node will name the chunk moves into it.
 */
static __attribute__((noinline)) int open_chunk(struct pto_graph *g, struct graph_node *node,
						uint32_t from, uint32_t n, uint32_t to)
{
	bool first = n == NODE_EDGES;
	uint32_t was = node->more, at;
	bool wide = first ? !is_short(from, was) || !is_short(from, to) : node_wide(node);
	struct graph_chunk *chunk;

	at = take_units(g, chunk_units(n - NODE_NEAR, wide));
	if (at == UNIT_NONE)
		return -ENOMEM;
	chunk = slab_chunk(g->chunks.at, at);
	node->more = wide ? at | CHUNK_WIDE : at;
	if (first)
		chunk_put(chunk, wide, 0, from, was);
	else
		chunk->next = was & ~CHUNK_WIDE;
	chunk_put(chunk, wide, first, from, to);
	return 0;
}

/* Put successor number @n of @from where it goes when the node is full. */
static int put_far(struct pto_graph *g, struct graph_node *node, uint32_t from, uint32_t n,
		   uint32_t to)
{
	bool wide = !is_short(from, to) || node_wide(node);
	uint32_t place = chunk_place(n - NODE_NEAR, wide);

	if (n == NODE_EDGES)
		return open_chunk(g, node, from, n, to);
	if (wide && !node_wide(node) && widen(g, node, from, n - NODE_NEAR))
		return -ENOMEM;
	if (!place)
		return open_chunk(g, node, from, n, to);
	chunk_put(node_chunk(g->chunks.at, node), wide, place, from, to);
	return 0;
}

/* The successor is in its place. */
static __inline int count_edge(struct pto_graph *g, struct graph_node *node,
			       struct graph_node *succ, uint32_t to)
{
	node->edges += NODE_SUCC;
	count_pred(g, succ, to);
	g->sealed = false;
	return 0;
}

/* An edge that opens a chunk, or is wide, or has no room in the count of @to. */
static __attribute__((noinline)) int add_rare_edge(struct pto_graph *g, struct graph_node *node,
						   struct graph_node *succ, uint32_t from,
						   uint32_t to)
{
	bool many = node_npred(succ) >= PENDING_MANY - 1;
	uint32_t n = node_nsucc(node);

	if (unlikely(n == NODE_MAX_SUCC))
		return full_node(from);
	if (many && node_npred(succ) < PENDING_MANY && many_room(g))
		return -ENOMEM;
	if (n < NODE_EDGES)
		node->succ[n] = to;
	else if (put_far(g, node, from, n, to))
		return -ENOMEM;
	if (!many)
		return count_edge(g, node, succ, to);
	node->edges += NODE_SUCC;
	count_in_table(g, succ, to);
	g->sealed = false;
	return 0;
}

/* An edge for which there is no room in the node; here, too, what is rare is done in a call. */
static __attribute__((noinline)) int add_far_edge(struct pto_graph *g, struct graph_node *node,
						  struct graph_node *succ, uint32_t from,
						  uint32_t to)
{
	uint32_t n = node_nsucc(node), place = chunk_place(n - NODE_NEAR, false);

	if (unlikely(!place || n == NODE_EDGES || n == NODE_MAX_SUCC || !is_short(from, to) ||
		     node_wide(node)))
		return add_rare_edge(g, node, succ, from, to);
	chunk_put(node_chunk(g->chunks.at, node), false, place, from, to);
	return count_edge(g, node, succ, to);
}

static __attribute__((cold)) int bad_edge(struct pto_graph *g, int from, int to)
{
	if (!g)
		return fail(-EINVAL, "pto_graph_add_edge: the graph is NULL");
	if (is_launched(g))
		return busy();
	if (from == to)
		return fail(-EINVAL, "task %d can not run after itself", from);
	return fail(-EINVAL, "edge %d -> %d: no task %d (there are %u)", from, to,
		    (uint32_t)from < g->ntasks ? to : from, g->ntasks);
}

static __inline int add_edge(struct pto_graph *g, struct graph_node *node, uint32_t from,
			     uint32_t to)
{
	struct graph_node *succ = slab_node(g->slabs.at, to);
	uint32_t n = node_nsucc(node);

	if (unlikely(node_npred(succ) >= PENDING_MANY - 1))
		return add_rare_edge(g, node, succ, from, to);
	if (unlikely(n >= NODE_EDGES))
		return add_far_edge(g, node, succ, from, to);
	node->succ[n] = to;
	return count_edge(g, node, succ, to);
}

int pto_graph_add_edge(struct pto_graph *g, int from, int to)
{
	if (unlikely(!g || is_launched(g) || (uint32_t)from >= g->ntasks ||
		     (uint32_t)to >= g->ntasks || from == to))
		return bad_edge(g, from, to);
	if (to < from)
		g->backward = true;
	return add_edge(g, slab_node(g->slabs.at, from), from, to);
}

/* The successor that was added last, if there is any. */
static uint32_t last_successor(const struct pto_graph *g, const struct graph_node *node,
			       uint32_t from)
{
	uint32_t n = node_nsucc(node);
	bool wide;

	if (!n)
		return TASK_NONE;
	if (n <= NODE_EDGES)
		return node->succ[n - 1];
	wide = node_wide(node);
	return chunk_get(node_chunk(g->chunks.at, node), wide, from,
			 chunk_place(n - 1 - NODE_NEAR, wide));
}

int graph_link(struct pto_graph *g, uint32_t from, uint32_t to)
{
	struct graph_node *node = slab_node(g->slabs.at, from);

	return last_successor(g, node, from) == to ? 0 : add_edge(g, node, from, to);
}

int pto_graph_task_count(const struct pto_graph *g)
{
	return g ? (int)g->ntasks : fail(-EINVAL, "pto_graph_task_count: the graph is NULL");
}

int graph_pred_count(const struct pto_graph *g, int task)
{
	if ((uint32_t)task >= g->ntasks)
		return fail(-EINVAL, "there is no task %d", task);
	return graph_npred(g, task);
}

/* ---- sealing ------------------------------------------------------------ */

/* A run of roots begins at @task. */
static int add_run(struct pto_graph *g, uint32_t task)
{
	bool few = g->roots == g->few_roots;
	struct graph_roots *grown;
	uint32_t size;

	if (g->runs == g->runs_size) {
		size = 2 * g->runs_size;
		grown = realloc(few ? NULL : g->roots, size * sizeof(*grown));
		if (!grown)
			return fail(-ENOMEM, "no memory for %u first tasks", g->nroots);
		if (few)
			memcpy(grown, g->few_roots, sizeof(g->few_roots));
		g->roots = grown;
		g->runs_size = size;
	}
	g->roots[g->runs++] = (struct graph_roots){ .first = task, .index = g->nroots };
	return 0;
}

/* A launch that failed has left the counts as they were when it stopped. */
static void arm(struct pto_graph *g)
{
	uint32_t i;

	for (i = 0; i < g->ntasks; i++)
		node_arm(g->pending, &g->many, slab_node(g->slabs.at, i), i);
	g->armed = true;
}

/* By the counts, which take much less room than the tasks. */
static int find_roots(struct pto_graph *g)
{
	bool in_run = false;
	uint32_t i;
	int ret = 0;

	g->nroots = 0;
	g->runs = 0;
	for (i = 0; i < g->ntasks && !ret; i++) {
		if (atomic_load_explicit(&g->pending[i], memory_order_relaxed)) {
			in_run = false;
			continue;
		}
		if (!in_run)
			ret = add_run(g, i);
		in_run = true;
		g->nroots++;
	}
	/* The end of the last one. */
	if (!ret)
		ret = add_run(g, g->ntasks);
	if (!ret)
		g->runs--;
	return ret;
}

static __attribute__((noinline)) int check_edges(struct pto_graph *g)
{
	int ret = g->backward ? graph_check_cycles(g) : 0;

	return !ret && g->check ? check_graph(g->check, g) : ret;
}

/* How far the last slabs are in use; 0: to their end. */
static size_t tasks_end(const struct pto_graph *g)
{
	return (g->ntasks & (SLAB_TASKS - 1)) * sizeof(struct graph_task);
}

static size_t units_end(const struct pto_graph *g)
{
	return (g->nunits & (SLAB_UNITS - 1)) * UNIT_WORDS * sizeof(uint32_t);
}

int graph_seal(struct pto_graph *g)
{
	int ret;

	if (likely(g->sealed))
		return 0;
	if (g->deps_lost)
		return graph_deps_lost(g->deps_lost);
	if (unlikely(!g->armed))
		arm(g);
	if (unlikely(g->slabs.fresh))
		slabs_fit(&g->slabs, tasks_end(g));
	if (unlikely(g->chunks.fresh))
		slabs_fit(&g->chunks, units_end(g));
	ret = find_roots(g);
	if (!ret && unlikely(g->backward || g->check))
		ret = check_edges(g);
	g->sealed = !ret;
	return ret;
}
