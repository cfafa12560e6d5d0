// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Finding a cycle before a launch. Only graphs with an edge from a newer task
 * to an older one can have any.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "graph/graph.h"

#define NAMED	8	/* tasks of a cycle that the error text names */

/* Take away tasks that nothing holds back, until none is left or a cycle is. */
uint32_t graph_peel(const struct pto_graph *g, uint32_t *npred, uint32_t *queue)
{
	uint32_t i, head = 0, tail = 0;

	for (i = 0; i < g->ntasks; i++) {
		npred[i] = graph_npred(g, i);
		if (!npred[i])
			queue[tail++] = i;
	}
	while (head < tail) {
		uint32_t task = queue[head++];

		for_each_successor(g->chunks.at, slab_node(g->slabs.at, task), task, to, {
			if (!--npred[to])
				queue[tail++] = to;
		});
	}
	return tail;
}

/*
 * What is left holds a cycle, and each task left has a predecessor left. Note
 * one for each, and follow them back from any: the walk ends in a cycle.
 */
static uint32_t on_cycle(struct pto_graph *g, const uint32_t *npred, uint32_t *pred)
{
	uint32_t i, at = TASK_NONE;

	for (i = 0; i < g->ntasks; i++) {
		if (!npred[i])
			continue;
		at = i;
		for_each_successor(g->chunks.at, slab_node(g->slabs.at, i), i, to, {
			pred[to] = i;
		});
	}
	for (i = 0; i < g->ntasks; i++)
		at = pred[at];
	return at;
}

static int name_cycle(const uint32_t *pred, uint32_t first)
{
	uint32_t at = pred[first], length = 1, i;
	uint32_t last[NAMED];
	char text[256];
	int n;

	for (; at != first; at = pred[at])
		length++;
	/* Forwards: the predecessors of a few tasks, from the last to the first. */
	last[0] = first;
	for (i = 1; i < min(length, (uint32_t)NAMED); i++)
		last[i] = pred[last[i - 1]];
	n = snprintf(text, sizeof(text), "%u", last[i - 1]);
	while (--i > 0)
		n += snprintf(text + n, sizeof(text) - n, " -> %u", last[i - 1]);
	return fail(-ELOOP, "%u tasks wait for each other: %s%s -> %u", length,
		    text, length > NAMED ? " -> ..." : "", last[min(length, (uint32_t)NAMED) - 1]);
}

int graph_check_cycles(struct pto_graph *g)
{
	uint32_t *npred = malloc(g->ntasks * sizeof(*npred));
	uint32_t *queue = malloc(g->ntasks * sizeof(*queue));
	int ret = 0;

	if (!npred || !queue)
		ret = fail(-ENOMEM, "no memory to look for cycles in %u tasks", g->ntasks);
	else if (graph_peel(g, npred, queue) != g->ntasks)
		ret = name_cycle(queue, on_cycle(g, npred, queue));
	free(npred);
	free(queue);
	return ret;
}
