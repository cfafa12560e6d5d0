// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Launching a graph again with other memory, and with other numbers. */
#include "graph/param.h"

#include <errno.h>
#include <stdlib.h>

#include <pto/pto.h>

#include "base/error.h"
#include "device/device.h"
#include "graph/graph.h"
#include "graph/submit.h"

#define PARAMS_MAX	(1u << 20)

/**
 * struct graph_param - a parameter
 * @home:	where it was when the graph was built; @now: where it is; @next: where it is
 *		about to be
 * @uses:	addresses of tensors in it, @nuses of them
 * @written:	by some task
 * @bound:	by the call of pto_graph_bind() under way
 */
struct graph_param {
	uint64_t home, now, next;
	uint64_t size;
	uint64_t **uses;
	uint32_t nuses, uses_size;
	bool written, bound;
};

/**
 * struct graph_params
 * @param:	by number
 * @by_home:	their numbers, by @home
 * @moved:	one of them has ever been moved: what is added now would find no dependencies
 */
struct graph_params {
	struct graph_param *param;
	uint32_t *by_home;
	uint32_t count, size;
	bool moved;
};

void params_free(struct graph_params *p)
{
	uint32_t i;

	if (!p)
		return;
	for (i = 0; i < p->count; i++)
		free(p->param[i].uses);
	free(p->param);
	free(p->by_home);
	free(p);
}

/* ---- declaring ---------------------------------------------------------- */

/* How many of them begin before @end? The last of these is the one that may overlap. */
static uint32_t count_before(const struct graph_params *p, uint64_t end)
{
	uint32_t low = 0, high = p->count, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (p->param[p->by_home[mid]].home < end)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* The parameter with bytes of [@lo, @hi), as the graph was built. */
static struct graph_param *find(const struct graph_params *p, uint64_t lo, uint64_t hi)
{
	uint32_t n = count_before(p, hi);
	struct graph_param *param = n ? &p->param[p->by_home[n - 1]] : NULL;

	return param && param->home + param->size > lo ? param : NULL;
}

static int more_params(struct graph_params *p)
{
	uint32_t *by_home, size = max(2 * p->size, 8u);
	struct graph_param *grown;

	if (p->count < p->size)
		return 0;
	grown = realloc(p->param, size * sizeof(*grown));
	if (grown)
		p->param = grown;
	by_home = realloc(p->by_home, size * sizeof(*by_home));
	if (by_home)
		p->by_home = by_home;
	if (!grown || !by_home)
		return fail(-ENOMEM, "no memory for %u parameters", size);
	p->size = size;
	return 0;
}

static __attribute__((cold)) int busy(void)
{
	return fail(-EBUSY, "the graph is being launched");
}

/* May it be changed? */
static int changeable(const struct pto_graph *g)
{
	int ret = device_usable(g->dev);

	return ret || !atomic_load_explicit(&g->launched, memory_order_relaxed) ? ret : busy();
}

static int params_get(struct pto_graph *g)
{
	if (!g->params)
		g->params = calloc(1, sizeof(*g->params));
	if (!g->params)
		return fail(-ENOMEM, "no memory for parameters");
	return more_params(g->params);
}

int pto_graph_param(struct pto_graph *g, void *addr, size_t size)
{
	uint64_t home = (uintptr_t)addr;
	struct graph_param *other;
	struct graph_params *p;
	uint32_t at, i;
	int ret;

	if (!g || !addr || !size || size > UINT64_MAX - home)
		return fail(-EINVAL, "pto_graph_param: %s", !g ? "the graph is NULL" :
			    !addr ? "addr is NULL" : "no such size");
	ret = changeable(g) ?: params_get(g);
	if (ret)
		return ret;
	p = g->params;
	if (p->count == PARAMS_MAX || p->moved)
		return fail(-EINVAL, p->moved ? "parameters have been moved: no more can be added" :
			    "a graph has %u parameters at the most", PARAMS_MAX);
	other = find(p, home, home + size);
	if (other)
		return fail(-EINVAL, "parameter %u and %zu bytes from %p on overlap",
			    (uint32_t)(other - p->param), size, addr);
	at = count_before(p, home);
	for (i = p->count; i > at; i--)
		p->by_home[i] = p->by_home[i - 1];
	p->by_home[at] = p->count;
	p->param[p->count] = (struct graph_param){
		.home = home, .now = home, .next = home, .size = size,
	};
	return p->count++;
}

/* ---- tasks -------------------------------------------------------------- */

/* The parameter that a tensor lies in; NULL: none. -EINVAL: partly in it. */
static int param_of(const struct graph_params *p, const struct pto_tensor *t,
		    struct graph_param **param)
{
	struct region r;

	*param = NULL;
	if (!t->addr)
		return 0;
	region_of(t, &r);
	*param = find(p, r.lo, r.hi);
	if (*param && (r.lo < (*param)->home || r.hi > (*param)->home + (*param)->size))
		return fail(-EINVAL, "a part of it lies in parameter %u, and a part does not",
			    (uint32_t)(*param - p->param));
	return 0;
}

/* Room for @n more uses. */
static int more_uses(struct graph_param *param, uint32_t n)
{
	uint32_t size = max(2 * param->uses_size, param->nuses + n);
	uint64_t **grown;

	if (param->nuses + n <= param->uses_size)
		return 0;
	grown = realloc(param->uses, size * sizeof(*grown));
	if (!grown)
		return fail(-ENOMEM, "no memory for %u uses of a parameter", size);
	param->uses = grown;
	param->uses_size = size;
	return 0;
}

int params_prepare(struct pto_graph *g, const struct pto_task *t)
{
	struct graph_param *param;
	uint32_t i;
	int ret;

	if (g->params->moved && t->naccesses)
		return fail(-EINVAL, "task %u: parameters have been moved, so its tensors would find no dependencies",
			    g->ntasks);
	for (i = 0; i < t->naccesses; i++) {
		ret = param_of(g->params, t->accesses[i].tensor, &param);
		if (!ret && param)
			ret = more_uses(param, t->naccesses);
		if (ret) {
			fail_prefix("task %u, tensor %u", g->ntasks, i);
			return ret;
		}
	}
	return 0;
}

void params_note(struct pto_graph *g, uint32_t id, const struct pto_task *t)
{
	struct pto_tensor *copies = submit_copies(slab_desc(g->slabs.at, id), t->naccesses);
	struct graph_param *param;
	uint32_t i;

	for (i = 0; i < t->naccesses; i++) {
		param_of(g->params, t->accesses[i].tensor, &param);
		if (!param)
			continue;
		param->uses[param->nuses++] = &copies[i].addr;
		param->written |= t->accesses[i].dir != PTO_IN;
	}
}

/* ---- binding ------------------------------------------------------------ */

static int check_binding(const struct graph_params *p, const struct pto_binding *b)
{
	const struct graph_param *param;

	if (b->param >= p->count)
		return fail(-ENOENT, "there is no parameter %u, but %u of them", b->param, p->count);
	param = &p->param[b->param];
	if (b->reserved)
		return fail(-EINVAL, "pto_binding: reserved is %u", b->reserved);
	if (!b->addr || b->size > UINT64_MAX - (uintptr_t)b->addr)
		return fail(-EINVAL, "parameter %u: %llu bytes at %p are none", b->param,
			    (unsigned long long)b->size, b->addr);
	if (b->size < param->size)
		return fail(-EINVAL, "parameter %u has %llu bytes, which do not fit in %llu", b->param,
			    (unsigned long long)param->size, (unsigned long long)b->size);
	if (param->bound)
		return fail(-EINVAL, "parameter %u is bound twice", b->param);
	return 0;
}

/* All will be where @next says: is there one that overlaps @a, and is one of both written? */
static int check_overlap(const struct graph_params *p, const struct graph_param *a)
{
	const struct graph_param *b;

	for (b = p->param; b < p->param + p->count; b++) {
		if (b == a || (!a->written && !b->written) || a->next + a->size <= b->next ||
		    b->next + b->size <= a->next)
			continue;
		return fail(-EINVAL, "parameters %u and %u would overlap", (uint32_t)(a - p->param),
			    (uint32_t)(b - p->param));
	}
	return 0;
}

static void move(struct graph_params *p, struct graph_param *param)
{
	uint32_t i;

	if (param->next == param->now)
		return;
	for (i = 0; i < param->nuses; i++)
		*param->uses[i] += param->next - param->now;
	param->now = param->next;
	p->moved = true;
}

static int bind(struct graph_params *p, const struct pto_binding *b, uint32_t count)
{
	uint32_t i, n;
	int ret = 0;

	for (n = 0; n < count; n++) {
		ret = check_binding(p, &b[n]);
		if (ret)
			break;
		p->param[b[n].param].bound = true;
		p->param[b[n].param].next = (uintptr_t)b[n].addr;
	}
	for (i = 0; i < count && !ret; i++)
		ret = check_overlap(p, &p->param[b[i].param]);
	for (i = 0; i < n; i++) {
		struct graph_param *param = &p->param[b[i].param];

		param->bound = false;
		if (ret)
			param->next = param->now;
		else
			move(p, param);
	}
	return ret;
}

int pto_graph_bind(struct pto_graph *g, const struct pto_binding *b, uint32_t count)
{
	int ret;

	if (!g || (count && !b))
		return fail(-EINVAL, "pto_graph_bind: NULL argument");
	ret = changeable(g);
	if (ret)
		return ret;
	if (!g->params)
		return count ? fail(-ENOENT, "the graph has no parameters") : 0;
	ret = bind(g->params, b, count);
	/* PTO_CHECK has to look again. */
	if (!ret && g->check)
		g->sealed = false;
	return ret;
}

/* ---- numbers ------------------------------------------------------------ */

/*
 * How many tensors a task has: if any, its arguments begin with pointers to the copies, the
 * last of which lies right before the arguments, where nothing of the user's does.
 */
static uint32_t tensors_of(const uint64_t *args, uint32_t nargs)
{
	const uint64_t size = sizeof(struct pto_tensor), end = (uintptr_t)args;
	uint64_t n = nargs ? (end - args[0]) / size : 0;

	return n && n <= nargs && args[n - 1] == end - size ? n : 0;
}

int pto_graph_set_scalar(struct pto_graph *g, int task, uint32_t index, uint64_t value)
{
	const struct pto_desc *desc;
	uint32_t tensors;
	uint64_t *args;
	int ret;

	if (!g)
		return fail(-EINVAL, "pto_graph_set_scalar: the graph is NULL");
	ret = changeable(g);
	if (ret)
		return ret;
	if ((uint32_t)task >= g->ntasks)
		return fail(-EINVAL, "there is no task %d (there are %u)", task, g->ntasks);
	desc = slab_desc(g->slabs.at, task);
	args = (uint64_t *)(uintptr_t)desc->launch.args;
	tensors = tensors_of(args, desc->launch.nargs);
	if (index >= desc->launch.nargs - tensors)
		return fail(-EINVAL, "task %d has %u scalars, and no number %u", task,
			    desc->launch.nargs - tensors, index);
	args[tensors + index] = value;
	return 0;
}
