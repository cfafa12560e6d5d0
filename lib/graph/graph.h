/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The task graph: what is built once and launched any number of times.
 *
 * A task is a descriptor, prebuilt for its core, and a node that says what
 * waits for it: 88 bytes, which are two cache lines, or of one task in four
 * three. Tasks lie in slabs, are found by their id, and nothing is allocated
 * per task or per edge. The first edges of a task lie in its node, the others in
 * chunks, which have slabs of their own: there most are distances of two bytes.
 *
 * A task's entry in pto_graph.pending counts the predecessors that are not done. A
 * scheduler takes it down to 1, knows then that the last one is done, and puts it
 * back to how many there are when it runs the task, so that a graph is ready to be
 * launched again as soon as it has run. Where a task has many successors, or those lie
 * far apart, these counts are what a run touches beside the task itself: so they are
 * small, and lie together. They are not smaller, as workers would then write to the
 * same cache lines more often. What few tasks have that need more is in a table.
 */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/pto_queue.h>

#include "base/util.h"
#include "graph/depmap.h"

#define TASK_NONE	UINT32_MAX
#define GRAPH_MAX_TASKS	(1u << 30)

#define SLAB_SHIFT	18
#define SLAB_TASKS	(1u << SLAB_SHIFT)
#define SLAB_UNIT_SHIFT	20
#define SLAB_UNITS	(1u << SLAB_UNIT_SHIFT)

#define NODE_EDGES	4
#define NODE_NEAR	(NODE_EDGES - 1)	/* in the node, where there are chunks */
#define NODE_NPRED	0xffu	/* in graph_node.edges, and above it: */
#define NODE_NSUCC_SHIFT 8
#define NODE_MAX_SUCC	(UINT32_MAX >> NODE_NSUCC_SHIFT)
#define UNIT_WORDS	4	/* what chunks are made of */
#define CHUNK_WIDE	(1u << 31)	/* in graph_node.more: ids, not distances */
#define UNIT_NONE	0	/* the first one is not used */
#define WINDOW_UNITS	2	/* a chunk of a window, */
#define WINDOW_EDGES	(WINDOW_UNITS * UNIT_WORDS - 1)	/* and its edges */

#define FEW_TASKS	32	/* need no memory of their own for their counts, */
#define FEW_RUNS	4	/* nor do so few runs of roots, */
#define FEW_KERNELS	4	/* or kernels, */
#define FEW_ARGS	16	/* or words of arguments */
#define PENDING_MANY	UINT8_MAX	/* or more: graph_node.count has those that are not done */

_Static_assert(GRAPH_MAX_TASKS <= CHUNK_WIDE, "an id in a node is not a wide chunk");
_Static_assert(PENDING_MANY == NODE_NPRED, "what has no room in a count has none in the node");

/**
 * struct graph_node - the edges of a task
 * @count:	while it is ready, the next one of a list of ready tasks; while it is
 *		not, and in a window or with PENDING_MANY predecessors and more, those
 *		that are not done
 * @edges:	in a graph: predecessors, PENDING_MANY at the most, and successors. One word,
 *		as a load that finds a part of it just stored has to wait
 * @state:	in a window, see NODE_USED
 * @succ:	successors; in a window NODE_NEAR of them at the most
 * @more:	where there is no room for all: a chunk, and NODE_NEAR are in the node. In a
 *		graph it is the one with the latest of them, and has CHUNK_WIDE if they are
 *		wide; in a window it is the one with the earliest
 */
struct graph_node {
	atomic_uint count;
	union {
		uint32_t edges;
		uint32_t state;
	};
	union {
		uint32_t succ[NODE_EDGES];
		struct {
			uint32_t near[NODE_NEAR];
			uint32_t more;
		};
	};
};

/** struct graph_many - @npred is PENDING_MANY or more */
struct graph_many {
	uint32_t task;
	uint32_t npred;
};

/** struct graph_many_table - @count of them, by @task; there is room for @size */
struct graph_many_table {
	struct graph_many *at;
	uint32_t count;
	uint32_t size;
};

/**
 * struct graph_chunk - successors for which there is no room in the node
 * @next:	the one with the successors before these; in a window with those after these
 * @to:		wide: their ids; in a window their places
 * @by:		else: by how much greater their ids are than the task's own
 *
 * All chunks of a task are wide, or none is. The first one is a unit of UNIT_WORDS words, the
 * second one two, and all others are four: to walk them waits for memory once for each of
 * them. Wide ones are twice as large. In a window, where they are used again for other
 * tasks, all are WINDOW_UNITS.
 */
struct graph_chunk {
	uint32_t next;
	union {
		uint32_t to[8 * UNIT_WORDS - 1];
		uint16_t by[2 * (4 * UNIT_WORDS - 1)];
	};
};

struct graph_task {
	struct pto_desc desc;
	struct graph_node node;
};

/**
 * struct graph_slab - address space that is filled from its beginning on
 * @task:	tasks, as many as fill whole huge pages
 * @unit:	edges; they take less than all of it, so that there is but one kind of slab
 * @next:	while it is in no graph
 */
struct graph_slab {
	union {
		struct graph_task task[SLAB_TASKS];
		uint32_t unit[SLAB_UNITS][UNIT_WORDS];
		struct graph_slab *next;
	};
};

static __inline struct graph_task *slab_task(struct graph_slab *const *slabs, uint32_t task)
{
	struct graph_task *t = &slabs[task >> SLAB_SHIFT]->task[task & (SLAB_TASKS - 1)];

	/* Else the compiler works it out anew at each member that is used. */
	hide_var(t);
	return t;
}

static __inline struct pto_desc *slab_desc(struct graph_slab *const *slabs, uint32_t task)
{
	return &slab_task(slabs, task)->desc;
}

static __inline struct graph_node *slab_node(struct graph_slab *const *slabs, uint32_t task)
{
	return &slab_task(slabs, task)->node;
}

/* @unit: the chunk's first */
static __inline struct graph_chunk *slab_chunk(struct graph_slab *const *slabs, uint32_t unit)
{
	return (struct graph_chunk *)slabs[unit >> SLAB_UNIT_SHIFT]->unit[unit & (SLAB_UNITS - 1)];
}

static __inline struct graph_chunk *window_chunk(struct graph_slab *const *slabs, uint32_t chunk)
{
	return slab_chunk(slabs, chunk * WINDOW_UNITS);
}

/* Edges in a chunk of size 1, 2 or 4. */
static __inline uint32_t chunk_edges(uint32_t size, bool wide)
{
	return wide ? 2 * size * UNIT_WORDS - 1 : 2 * (size * UNIT_WORDS - 1);
}

/* The units of the chunk of an edge that comes after @far others which are not in the node, */
static __inline uint32_t chunk_units(uint32_t far, bool wide)
{
	uint32_t one = chunk_edges(1, wide), two = chunk_edges(2, wide);

	return (far < one ? 1 : far < one + two ? 2 : 4) << wide;
}

/* and its place there. */
static __inline uint32_t chunk_place(uint32_t far, bool wide)
{
	uint32_t one = chunk_edges(1, wide), two = chunk_edges(2, wide);

	if (likely(far < one))
		return far;
	if (far < one + two)
		return far - one;
	far -= one + two;
	/* Constants: to divide by these takes no division. */
	return wide ? far % chunk_edges(4, true) : far % chunk_edges(4, false);
}

static __inline bool node_wide(const struct graph_node *node)
{
	return node->more & CHUNK_WIDE;
}

static __inline struct graph_chunk *node_chunk(struct graph_slab *const *slabs,
					       const struct graph_node *node)
{
	return slab_chunk(slabs, node->more & ~CHUNK_WIDE);
}

static __inline uint32_t chunk_get(const struct graph_chunk *chunk, bool wide, uint32_t task,
				   uint32_t place)
{
	return wide ? chunk->to[place] : task + chunk->by[place];
}

/* Begin to fetch it: it is up to two cache lines, or three if it is wide. */
static __inline void chunk_prefetch(const struct graph_chunk *chunk)
{
	__builtin_prefetch(chunk);
	__builtin_prefetch(chunk->to + 4 * UNIT_WORDS - 2);
	__builtin_prefetch(chunk->to + 8 * UNIT_WORDS - 2);
}

/* Predecessors, if they are less than PENDING_MANY, */
static __inline uint32_t node_npred(const struct graph_node *node)
{
	return node->edges & NODE_NPRED;
}

static __inline uint32_t node_nsucc(const struct graph_node *node)
{
	return node->edges >> NODE_NSUCC_SHIFT;
}

/* How many of @n successors lie in the node. */
static __inline uint32_t node_near(uint32_t n)
{
	return likely(n <= NODE_EDGES) ? n : NODE_NEAR;
}

/* Where a task is in the table, or would have to be. */
static __attribute__((noinline)) uint32_t many_find(const struct graph_many_table *many,
						    uint32_t task)
{
	uint32_t low = 0, high = many->count, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (many->at[mid].task < task)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* All predecessors of a task are to be done again. */
static __inline void node_arm(_Atomic uint16_t *pending, const struct graph_many_table *many,
			      struct graph_node *node, uint32_t task)
{
	uint32_t npred = node_npred(node);

	if (unlikely(npred == PENDING_MANY))
		atomic_store_explicit(&node->count, many->at[many_find(many, task)].npred,
				      memory_order_relaxed);
	atomic_store_explicit(&pending[task], npred, memory_order_relaxed);
}

/* Walk the successors of @task, whose node is @node; @visit is a statement that uses @to. */
#define for_each_successor(chunks, node, task, to, visit) do { \
	uint32_t _n = node_nsucc(node), _i, _in = node_near(_n); \
	const struct graph_chunk *_chunk; \
	bool _wide; \
	for (_i = 0; _i < _in; _i++) { \
		uint32_t to = (node)->succ[_i]; \
		visit; \
	} \
	_n -= _in; \
	if (likely(!_n)) \
		break; \
	_wide = node_wide(node); \
	for (_chunk = node_chunk(chunks, node); ; _chunk = slab_chunk(chunks, _chunk->next)) { \
		_in = chunk_place(_n - 1, _wide) + 1; \
		_n -= _in; \
		if (_n) \
			chunk_prefetch(slab_chunk(chunks, _chunk->next)); \
		for (_i = 0; _i < _in; _i++) { \
			uint32_t to = chunk_get(_chunk, _wide, task, _i); \
			visit; \
		} \
		if (!_n) \
			break; \
	} \
} while (0)

/*
 * In a window, see struct sched_window, a node's state is 0 while its place is free. Else it
 * is NODE_USED, and 1 more for each successor; NODE_CLOSED as well: no more edges are added.
 */
#define NODE_USED	1u
#define NODE_CLOSED	(1u << 31)

/*
 * In a window chunks are linked the other way round, the oldest first: what is
 * added is then behind all that a walk of @n successors reads. So is the first chunk,
 * as no successor has ever been where the node names it.
 */
#define for_each_in_window(chunks, node, n, to, visit) do { \
	uint32_t _n = (n), _i, _in = min(_n, (uint32_t)NODE_NEAR); \
	for (_i = 0; _i < _in; _i++) { \
		uint32_t to = (node)->succ[_i]; \
		visit; \
	} \
	_n -= _in; \
	for (uint32_t _c = unlikely(_n) ? (node)->more : 0; _n; _n -= _in) { \
		const struct graph_chunk *_chunk = window_chunk(chunks, _c); \
		for (_in = min(_n, (uint32_t)WINDOW_EDGES), _i = 0; _i < _in; _i++) { \
			uint32_t to = _chunk->to[_i]; \
			visit; \
		} \
		if (_n > _in) \
			_c = _chunk->next; \
	} \
} while (0)

/** struct graph_kernel - what a func_id stands for: a program, and its tasks' descriptor */
struct graph_kernel {
	struct pto_program *prog;
	struct pto_desc desc;
};

/**
 * struct graph_slabs - a growing array of slabs
 * @at:		its length is the next power of two from @count; of the first one alone
 *		it is @first
 * @fresh:	the last one came from the system, not from the cache
 */
struct graph_slabs {
	struct graph_slab **at;
	uint32_t count;
	bool fresh;
	struct graph_slab *first;
};

/**
 * struct graph_roots - tasks without predecessors, whose ids follow each other
 * @first:	the first of them
 * @index:	how many roots with lower ids there are
 */
struct graph_roots {
	uint32_t first;
	uint32_t index;
};

struct check;
struct graph_args;
struct graph_params;
struct profile;
struct pto_device;
struct pto_program;

struct pto_graph {
	struct pto_device *dev;
	struct graph_slabs slabs;	/* tasks */
	struct graph_slabs chunks;	/* edges */
	uint32_t ntasks;
	uint32_t room;			/* for so many tasks there are slabs and counts */
	uint32_t nunits;		/* of chunks, from the first one on */
	uint32_t unused[4];		/* by log2 of their units: chunks that were made wide */
	_Atomic uint16_t *pending;	/* by task; room for @pending_size of them */
	uint32_t pending_size;
	bool armed;			/* these are all as they are before a launch */
	_Atomic uint16_t few_pending[FEW_TASKS];
	struct graph_many_table many;	/* tasks whose predecessors these can not count */

	struct graph_kernel **kernels;	/* by func_id */
	uint32_t nkernels;
	struct graph_kernel *few_kernels[FEW_KERNELS];
	bool leaf;			/* all of them may run on the caller's thread */

	struct graph_args *args;	/* blocks of device memory, the newest first */
	char *args_at;
	size_t args_left;

	struct depmap *deps;		/* made when tensors are first submitted */
	struct depmap_preds preds;	/* of the task being added */
	int deps_lost;			/* -errno: an edge may be missing */
	struct graph_params *params;	/* NULL: it has none */
	struct check *check;		/* PTO_CHECK; NULL: not asked for */
	void **buffers;			/* allocated for tensors without address */
	uint32_t nbuffers;

	/* Known once sealed; an added task or edge breaks the seal, and a launch that failed. */
	bool sealed;
	bool backward;			/* an edge to an older task: a cycle is possible */
	struct graph_roots *roots;	/* @runs of them, and one that ends the last */
	uint32_t nroots;
	uint32_t runs;
	uint32_t runs_size;
	struct graph_roots few_roots[FEW_RUNS];

	atomic_bool launched;
	struct profile *profile;	/* of the last launch, if it was profiled */
	uint64_t few_args[FEW_ARGS];	/* not where a driver's device has to read them */
};

/**
 * graph_seal - make a graph ready to be launched
 *
 * Finds the tasks without predecessors, and restores the counts after a launch that failed.
 * Errors: -ELOOP with a text that names a cycle, -ENOMEM.
 */
int graph_seal(struct pto_graph *graph);

/* ---- for submit.c, which adds tasks that say what they access ---------- */

/** graph_next - room for one more task; returns its id or -ENOMEM */
int64_t graph_next(struct pto_graph *g);

/**
 * graph_args - memory for a task's arguments where kernels can read it, as long as the graph lives
 * @align:	8 or 64
 *
 * NULL: there is none, and @err is -errno.
 */
void *graph_args(struct pto_graph *g, size_t size, size_t align, int *err);

/** graph_open - the task of graph_next(), without edges; its descriptor is to be filled in */
struct pto_desc *graph_open(struct pto_graph *g);

/** graph_commit - the task of graph_next() is one from now on */
void graph_commit(struct pto_graph *g);

/** graph_link - as pto_graph_add_edge() of two tasks that there are; adds an edge once in a row */
int graph_link(struct pto_graph *g, uint32_t from, uint32_t to);

/* What destroying a graph leaves to it: buffers and dependencies. */
void graph_free_submitted(struct pto_graph *g);

/* Returns @error: an edge may be missing, so the graph can not be launched. */
int graph_deps_lost(int error) __attribute__((cold));

/** graph_npred - how many predecessors there are of a task that there is */
static inline uint32_t graph_npred(const struct pto_graph *g, uint32_t task)
{
	uint32_t npred = node_npred(slab_node(g->slabs.at, task));

	return likely(npred < PENDING_MANY) ? npred : g->many.at[many_find(&g->many, task)].npred;
}

/** graph_pred_count - how many tasks a task waits for; -EINVAL */
int graph_pred_count(const struct pto_graph *g, int task);

/* ---- cycle.c ------------------------------------------------------------ */

/* The part of sealing that looks for a cycle. */
int graph_check_cycles(struct pto_graph *graph);

/**
 * graph_peel - tasks in an order that the edges allow
 * @npred, @queue: arrays with an entry for each task; the order is in @queue
 *
 * Returns how many there are; fewer than the graph has: there is a cycle.
 */
uint32_t graph_peel(const struct pto_graph *g, uint32_t *npred, uint32_t *queue);

/**
 * graph_trim - give back slabs that no graph has needed since it was called last
 *
 * Slabs come from a cache that all graphs share. True: there are some in it still.
 */
bool graph_trim(void);

#endif
