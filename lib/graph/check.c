// SPDX-License-Identifier: MIT OR LGPL-2.1
/* PTO_CHECK: tasks that touch the same bytes without an order. */
#include "graph/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/device.h"
#include "graph/depmap.h"
#include "graph/graph.h"
#include "graph/submit.h"

#define BLOCK		64
#define SLOTS_FIRST	64
#define CARRIED		64	/* tasks that are carried along at once */
#define LOGGED		20	/* findings that the log has */
#define TEXT		960
#define ACCESS_TEXT	320	/* with five dimensions, and numbers as long as they get */
#define REMEDY_TEXT	224

/** struct check_access - what a task does with a tensor, which is a copy */
struct check_access {
	struct pto_tensor tensor;
	struct check_access *next;
	uint32_t dir;
};

/** struct check_pred - a task that it waits for */
struct check_pred {
	struct check_pred *next;
	uint32_t task;
};

/**
 * struct check_task
 * @seen:	it is known about the task of this number whether it comes after this one
 */
struct check_task {
	struct check_access *accesses;
	struct check_pred *preds;
	int32_t kernels[PTO_LANES];
	uint32_t flags;
	uint32_t seen;
};

/* Both are allocated many at a time, and used again. */
struct check_block {
	struct check_block *next;
	char bytes[] __cacheline;
};

/**
 * struct check_pair - tasks that conflict, by their distance from the first one kept
 * @bit:	that stands for @from
 */
struct check_pair {
	uint32_t from, to;
	uint8_t bit;
	bool ordered;
};

/**
 * struct check - tasks, and what is known about them
 * @task:	by number, modulo @size, a power of two; from @base to @head, of which those
 *		before @done have been looked at
 * @order:	of a graph whose edges lead back and forth: the tasks in an order that
 *		its edges allow. NULL: as they were added. In the dependency map and in
 *		preds tasks go by their places in that order
 * @pairs:	that no edge of their own orders
 * @found:	so many findings, of which @text is the first
 */
struct check {
	enum check_level level;
	uint32_t window;
	struct check_task *task;
	uint32_t size;
	uint32_t base, head, done;
	uint32_t *order;
	struct depmap *map;
	struct depmap_preds preds;
	struct check_access *free_accesses;
	struct check_pred *free_preds;
	struct check_block *blocks;
	struct check_pair *pairs;
	uint32_t npairs, pairs_size;
	uint32_t found;
	int error;
	char text[TEXT];
};

enum check_level check_level(void)
{
	const char *value = getenv("PTO_CHECK");

	if (!value || !*value || !strcmp(value, "0"))
		return CHECK_OFF;
	if (!strcmp(value, "trust"))
		return CHECK_TRUST;
	if (strcmp(value, "1"))
		log_msg(LOG_WARN, "PTO_CHECK=%s: want 0, 1 or trust; it is taken for 1", value);
	return CHECK_ALL;
}

struct check *check_new(enum check_level level, uint32_t window)
{
	struct check *c = calloc(1, sizeof(*c));

	if (c) {
		c->level = level;
		c->window = window;
		c->size = window ? 4 * window : SLOTS_FIRST;
		c->task = calloc(c->size, sizeof(*c->task));
	}
	if (!c || !c->task) {
		free(c);
		fail(-ENOMEM, "no memory for PTO_CHECK");
		return NULL;
	}
	return c;
}

void check_free(struct check *c)
{
	struct check_block *block;

	if (!c)
		return;
	while ((block = c->blocks)) {
		c->blocks = block->next;
		free(block);
	}
	depmap_free(c->map);
	free(c->preds.task);
	free(c->pairs);
	free(c->order);
	free(c->task);
	free(c);
}

static void no_memory(struct check *c)
{
	c->error = fail(-ENOMEM, "no memory for PTO_CHECK to note %u tasks", c->head - c->base);
}

/* ---- tasks -------------------------------------------------------------- */

static struct check_task *task_of(const struct check *c, uint32_t id)
{
	return &c->task[id & (c->size - 1)];
}

/* The task at a place in the order. */
static struct check_task *task_at(const struct check *c, uint32_t place)
{
	return task_of(c, c->order ? c->order[place] : place);
}

static uint32_t id_at(const struct check *c, uint32_t place)
{
	return c->order ? c->order[place] : place;
}

static void *add_block(struct check *c, size_t size)
{
	struct check_block *block = aligned_alloc(CACHE_LINE, sizeof(*block) +
						  align_up(BLOCK * size, CACHE_LINE));

	if (!block) {
		no_memory(c);
		return NULL;
	}
	block->next = c->blocks;
	c->blocks = block;
	return block->bytes;
}

static struct check_access *get_access(struct check *c)
{
	struct check_access *a = c->free_accesses;
	uint32_t i;

	if (!a) {
		a = add_block(c, sizeof(*a));
		for (i = 0; a && i < BLOCK; i++)
			a[i].next = i + 1 < BLOCK ? &a[i + 1] : NULL;
	}
	if (a)
		c->free_accesses = a->next;
	return a;
}

static struct check_pred *get_pred(struct check *c)
{
	struct check_pred *p = c->free_preds;
	uint32_t i;

	if (!p) {
		p = add_block(c, sizeof(*p));
		for (i = 0; p && i < BLOCK; i++)
			p[i].next = i + 1 < BLOCK ? &p[i + 1] : NULL;
	}
	if (p)
		c->free_preds = p->next;
	return p;
}

static void drop_accesses(struct check *c, struct check_task *t)
{
	struct check_access *a;

	while ((a = t->accesses)) {
		t->accesses = a->next;
		a->next = c->free_accesses;
		c->free_accesses = a;
	}
}

static void drop_preds(struct check *c, struct check_task *t)
{
	struct check_pred *p;

	while ((p = t->preds)) {
		t->preds = p->next;
		p->next = c->free_preds;
		c->free_preds = p;
	}
}

/* Of a graph all are kept: a task's number is its place. */
static bool grow(struct check *c)
{
	struct check_task *grown = realloc(c->task, 2 * c->size * sizeof(*grown));

	if (!grown) {
		no_memory(c);
		return false;
	}
	c->task = grown;
	c->size *= 2;
	return true;
}

static struct check_task *add_task(struct check *c)
{
	struct check_task *t;

	if (c->head - c->base == c->size && !grow(c))
		return NULL;
	t = task_of(c, c->head);
	*t = (struct check_task){ .seen = c->head };
	c->head++;
	return t;
}

static void add_accesses(struct check *c, struct check_task *t, const struct pto_task *from)
{
	struct check_access *a;
	uint32_t i;

	for (i = from->naccesses; i--; ) {
		a = get_access(c);
		if (!a)
			return;
		a->tensor = *from->accesses[i].tensor;
		a->dir = from->accesses[i].dir;
		a->next = t->accesses;
		t->accesses = a;
	}
}

void check_after(struct check *c, uint32_t task, uint32_t pred)
{
	struct check_pred *p;

	/* Behind what is kept: the window orders it. */
	if (c->error || pred - c->base >= c->head - c->base)
		return;
	p = get_pred(c);
	if (!p)
		return;
	p->task = pred;
	p->next = task_at(c, task)->preds;
	task_at(c, task)->preds = p;
}

/* ---- findings ----------------------------------------------------------- */

static const char *const verb[] = { "reads", "writes", "reads and writes" };

static size_t describe_list(char *text, size_t size, const uint32_t *n, uint32_t count)
{
	size_t at = snprintf(text, size, "[%u", n[0]);
	uint32_t i;

	for (i = 1; i < count; i++)
		at += snprintf(text + at, size - at, ", %u", n[i]);
	return at + snprintf(text + at, size - at, "]");
}

/* "task 3 (func_id 0) writes tensor 1, int8 [16] at [0] of [64], address 0x1000" */
static void describe(char *text, const struct check *c, uint32_t place,
		     const struct check_access *a)
{
	static const char *const dtypes[PTO_DTYPES] = {
		"float32", "float16", "int32", "int16", "int8", "uint8", "bfloat16", "int64", "uint64",
	};
	const struct check_task *t = task_at(c, place);
	const struct check_access *other;
	const struct pto_tensor *x = &a->tensor;
	uint32_t lane, index = 0;
	const char *sep = "";
	size_t n, size = ACCESS_TEXT;

	for (other = t->accesses; other != a; other = other->next)
		index++;
	n = snprintf(text, size, "task %u (func_id ", id_at(c, place));
	for (lane = 0; lane < PTO_LANES; lane++) {
		if (t->kernels[lane] == PTO_NO_KERNEL)
			continue;
		n += snprintf(text + n, size - n, "%s%d", sep, t->kernels[lane]);
		sep = "+";
	}
	n += snprintf(text + n, size - n, ") %s tensor %u, %s ", verb[a->dir], index,
		      dtypes[x->dtype]);
	n += describe_list(text + n, size - n, x->shapes, x->ndims);
	n += snprintf(text + n, size - n, " at ");
	n += describe_list(text + n, size - n, x->offsets, x->ndims);
	n += snprintf(text + n, size - n, " of ");
	n += describe_list(text + n, size - n, x->raw_shapes, x->ndims);
	snprintf(text + n, size - n, ", address %#llx", (unsigned long long)x->addr);
}

/* How to mend it: the edge, or what keeps the library from finding it. */
static void remedy(char *text, const struct check *c, const struct check_pair *pair, bool manual)
{
	uint32_t from = c->base + pair->from, to = c->base + pair->to;
	uint32_t flags = task_at(c, to)->flags | (task_at(c, from)->flags & PTO_TASK_NO_DEPS);
	size_t n, size = REMEDY_TEXT;

	if (!c->window)
		n = snprintf(text, size, "pto_graph_add_edge(graph, %u, %u) orders them", id_at(c, from),
			     id_at(c, to));
	else if (task_at(c, to)->flags & PTO_TASK_HELD)
		n = snprintf(text, size, "pto_flow_add_edge(flow, %u, %u) orders them, in C++ pto2_rt_add_dependency()",
			     from, to);
	else
		n = snprintf(text, size, "no edge %u -> %u was inferred", from, to);
	if (manual)
		snprintf(text + n, size - n, "; a tensor has manual_dep");
	else if (flags & PTO_TASK_NO_DEPS)
		snprintf(text + n, size - n, "; a task has PTO_TASK_NO_DEPS");
	else if (flags & PTO_TASK_RAW_ONLY)
		snprintf(text + n, size - n, "; task %u does not wait before it writes: PTO_DEPS=full, or no PTO_TASK_RAW_ONLY",
			 id_at(c, to));
}

static bool conflict(const struct check *c, const struct check_access *a,
		     const struct check_access *b, uint64_t *at, uint64_t *bytes)
{
	struct region x, y;

	if (a->dir == PTO_IN && b->dir == PTO_IN)
		return false;
	if (c->level == CHECK_TRUST && (a->tensor.manual_dep || b->tensor.manual_dep))
		return false;
	/* The same place, used again: the tasks of the buffer before were complete by then. */
	if (a->tensor.owner && b->tensor.owner && a->tensor.owner != b->tensor.owner)
		return false;
	region_of(&a->tensor, &x);
	region_of(&b->tensor, &y);
	if (!region_overlaps(&x, &y))
		return false;
	*bytes = region_shared(&x, &y, at);
	return *bytes;
}

static void report(struct check *c, const struct check_pair *pair, const struct check_access *a,
		   const struct check_access *b, uint64_t at, uint64_t bytes)
{
	char first[ACCESS_TEXT], second[ACCESS_TEXT], mend[REMEDY_TEXT], text[TEXT];

	if (c->found++ >= LOGGED)
		return;
	describe(first, c, c->base + pair->from, a);
	describe(second, c, c->base + pair->to, b);
	remedy(mend, c, pair, a->tensor.manual_dep || b->tensor.manual_dep);
	snprintf(text, sizeof(text), "%s; %s; nothing orders them at %llu bytes from %#llx on; %s",
		 first, second, (unsigned long long)bytes, (unsigned long long)at, mend);
	if (c->found == 1)
		strcpy(c->text, text);
	log_msg(LOG_ERROR, "PTO_CHECK: %s", text);
}

/* Two tasks that nothing orders: at which bytes does that matter? Perhaps at none. */
static void look_closer(struct check *c, const struct check_pair *pair)
{
	const struct check_access *a, *b;
	uint64_t at, bytes;

	for (a = task_at(c, c->base + pair->from)->accesses; a; a = a->next) {
		for (b = task_at(c, c->base + pair->to)->accesses; b; b = b->next) {
			if (!conflict(c, a, b, &at, &bytes))
				continue;
			report(c, pair, a, b, at, bytes);
			return;
		}
	}
}

/* ---- order -------------------------------------------------------------- */

static int by_from(const void *a, const void *b)
{
	const struct check_pair *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

static int by_to(const void *a, const void *b)
{
	const struct check_pair *x = a, *y = b;

	return x->to == y->to ? by_from(a, b) : x->to < y->to ? -1 : 1;
}

/* Pairs from number @i on, of CARRIED tasks; returns the end of them. */
static uint32_t choose(struct check *c, uint32_t i, uint32_t *last)
{
	struct check_pair *pair = &c->pairs[i];
	uint32_t bit = 0;

	*last = pair->to;
	for (pair->bit = 0; ++i < c->npairs; pair++) {
		bit += pair[1].from != pair->from;
		if (bit == CARRIED)
			break;
		pair[1].bit = bit;
		*last = max(*last, pair[1].to);
	}
	return i;
}

/* Find out which of these pairs are in order; in @row each task has a word. */
static uint32_t carry(struct check *c, uint32_t i, uint64_t *row)
{
	uint32_t first = c->pairs[i].from, last, n, from, end = choose(c, i, &last);
	const struct check_pred *p;

	memset(row + first, 0, (last - first + 1) * sizeof(*row));
	for (n = i; n < end; n++)
		row[c->pairs[n].from] |= 1ull << c->pairs[n].bit;
	for (n = first; n <= last; n++) {
		for (p = task_at(c, c->base + n)->preds; p; p = p->next) {
			from = p->task - c->base;
			if (from >= first && from < n)
				row[n] |= row[from];
		}
	}
	for (; i < end; i++)
		c->pairs[i].ordered = row[c->pairs[i].to] >> c->pairs[i].bit & 1;
	return end;
}

static void look_at_pairs(struct check *c)
{
	uint64_t *row;
	uint32_t i = 0;

	if (!c->npairs)
		return;
	row = malloc((c->head - c->base) * sizeof(*row));
	if (!row) {
		no_memory(c);
		return;
	}
	qsort(c->pairs, c->npairs, sizeof(*c->pairs), by_from);
	while (i < c->npairs)
		i = carry(c, i, row);
	free(row);
	qsort(c->pairs, c->npairs, sizeof(*c->pairs), by_to);
	for (i = 0; i < c->npairs; i++)
		if (!c->pairs[i].ordered)
			look_closer(c, &c->pairs[i]);
	c->npairs = 0;
}

static void add_pair(struct check *c, uint32_t from, uint32_t to)
{
	uint32_t size = max(2 * c->pairs_size, 64u);
	struct check_pair *grown;

	if (c->npairs == c->pairs_size) {
		grown = realloc(c->pairs, size * sizeof(*grown));
		if (!grown) {
			no_memory(c);
			return;
		}
		c->pairs = grown;
		c->pairs_size = size;
	}
	c->pairs[c->npairs++] = (struct check_pair){ .from = from - c->base, .to = to - c->base };
}

/* Note whom a task conflicts with, where it has no edge from there. */
static void look_at_task(struct check *c, uint32_t place)
{
	struct check_task *t = task_at(c, place), *from;
	const struct check_access *a;
	const struct check_pred *p;
	struct region r;
	uint32_t i;

	c->preds.count = 0;
	for (a = t->accesses; a && !c->error; a = a->next) {
		if (c->level == CHECK_TRUST && a->tensor.manual_dep)
			continue;
		region_of(&a->tensor, &r);
		c->error = depmap_access(c->map, &r, a->dir, DEPMAP_FULL, place, &c->preds);
	}
	for (p = t->preds; p; p = p->next)
		task_at(c, p->task)->seen = place;
	for (i = 0; i < c->preds.count && !c->error; i++) {
		from = task_at(c, c->preds.task[i]);
		if (from->seen != place)
			add_pair(c, c->preds.task[i], place);
		from->seen = place;
	}
}

static void look(struct check *c, uint32_t to)
{
	if (!c->map)
		c->map = depmap_new();
	if (!c->map)
		c->error = -ENOMEM;
	for (; c->done != to && !c->error; c->done++) {
		if (c->window)
			depmap_retire(c->map, c->done - c->window + 1, c->done);
		look_at_task(c, c->done);
	}
	if (!c->error)
		look_at_pairs(c);
}

static int verdict(const struct check *c)
{
	if (c->error)
		return fail(c->error, "no memory for PTO_CHECK");
	if (!c->found)
		return 0;
	if (c->found > 1)
		return fail(-EL2NSYNC, "PTO_CHECK, 1 of %u findings: %s", c->found, c->text);
	return fail(-EL2NSYNC, "PTO_CHECK: %s", c->text);
}

/* ---- flows -------------------------------------------------------------- */

/* A third of what is kept: no task that is yet to be looked at is less than a window away. */
static void forget(struct check *c)
{
	uint32_t i;

	for (i = 0; i < c->window; i++, c->base++) {
		drop_accesses(c, task_of(c, c->base));
		drop_preds(c, task_of(c, c->base));
	}
}

void check_task(struct check *c, uint32_t id, const struct pto_task *from)
{
	struct check_task *t;

	/* A task that there is room for now has those before by a window complete: no more edges. */
	if (c->window && c->head - c->base == 3 * c->window && !c->error) {
		look(c, c->base + 2 * c->window);
		forget(c);
	}
	do {
		t = c->error ? NULL : add_task(c);
		if (!t)
			return;
	} while (c->head != id + 1);
	t->flags = from->flags;
	memcpy(t->kernels, from->kernels, sizeof(t->kernels));
	add_accesses(c, t, from);
}

int check_flow(struct check *c)
{
	if (!c->error)
		look(c, c->head);
	return verdict(c);
}

/* ---- graphs ------------------------------------------------------------- */

/* What the kernels get is what counts: it may have been changed since. */
static int copy_tensors(struct check *c, const struct pto_graph *g)
{
	const struct pto_tensor *copy;
	struct check_access *a;
	uint32_t i, n;

	for (i = 0; i < c->head; i++) {
		for (n = 0, a = task_of(c, i)->accesses; a; a = a->next)
			n++;
		copy = submit_copies(slab_desc(g->slabs.at, i), n);
		for (a = task_of(c, i)->accesses; a; a = a->next)
			a->tensor = *copy++;
	}
	/* Of one that has died meanwhile they may be zeroes. */
	return device_usable(g->dev);
}

static void copy_edges(struct check *c, const struct pto_graph *g)
{
	uint32_t *place = NULL, i;

	if (c->order)
		place = malloc(g->ntasks * sizeof(*place));
	if (c->order && !place) {
		no_memory(c);
		return;
	}
	for (i = 0; place && i < g->ntasks; i++)
		place[c->order[i]] = i;
	for (i = 0; i < g->ntasks; i++)
		for_each_successor(g->chunks.at, slab_node(g->slabs.at, i), i, to,
				   check_after(c, place ? place[to] : to, place ? place[i] : i));
	free(place);
}

static void find_order(struct check *c, const struct pto_graph *g)
{
	uint32_t *npred;

	free(c->order);
	c->order = NULL;
	if (!g->backward)
		return;
	npred = malloc(g->ntasks * sizeof(*npred));
	c->order = malloc(g->ntasks * sizeof(*c->order));
	if (npred && c->order)
		graph_peel(g, npred, c->order);
	else
		no_memory(c);
	free(npred);
}

int check_graph(struct check *c, const struct pto_graph *g)
{
	uint32_t i;
	int ret = 0;

	c->found = 0;
	c->done = 0;
	depmap_free(c->map);
	c->map = NULL;
	for (i = 0; i < c->head; i++) {
		drop_preds(c, task_of(c, i));
		task_of(c, i)->seen = i;
	}
	while (c->head < g->ntasks && !c->error)
		add_task(c);
	if (!c->error)
		find_order(c, g);
	if (!c->error)
		ret = copy_tensors(c, g);
	if (ret)
		return ret;
	if (!c->error)
		copy_edges(c, g);
	if (!c->error)
		look(c, g->ntasks);
	return verdict(c);
}
