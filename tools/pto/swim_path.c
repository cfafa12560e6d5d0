// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The critical path: of all chains of edges the one whose tasks take longest together. No
 * number of cores makes the same tasks end sooner.
 */
#include <stdlib.h>

#include "pto.h"
#include "swim.h"

/**
 * struct walk - the nodes in an order that edges agree with
 * @left:	predecessors of a node that have not been passed
 * @longest:	of the chains that end in a node, before it is in them
 * @via:	the node before it in that chain; -1: none
 */
struct walk {
	int *order;
	int *left;
	double *longest;
	int *via;
};

static double duration(const struct swim_node *node)
{
	return node->end - node->start;
}

/* Pass @from: what its edges lead to is known a little better. Returns the length of order. */
static int pass(struct swim *swim, struct walk *w, int from, int end)
{
	const struct swim_node *node = &swim->nodes[from];
	double length = w->longest[from] + duration(node);

	for (int i = 0; i < node->nedges; i++) {
		int to = swim->edges[node->edge + i];

		if (w->via[to] < 0 || length > w->longest[to]) {
			w->longest[to] = length;
			w->via[to] = from;
		}
		if (swim->nodes[to].level <= node->level)
			swim->nodes[to].level = node->level + 1;
		if (!--w->left[to])
			w->order[end++] = to;
	}
	return end;
}

/* The node whose chain is the longest of all; -1 when there is none; -2: there is a cycle. */
static int walk_all(struct swim *swim, struct walk *w)
{
	int end = 0, last = -1;
	double length;

	for (int i = 0; i < swim->nnodes; i++) {
		w->via[i] = -1;
		w->left[i] = swim->nodes[i].npred;
		if (!w->left[i])
			w->order[end++] = i;
	}
	for (int i = 0; i < end; i++) {
		int at = w->order[i];

		end = pass(swim, w, at, end);
		length = w->longest[at] + duration(&swim->nodes[at]);
		if (last < 0 || length > swim->path_time) {
			swim->path_time = length;
			last = at;
		}
	}
	return end == swim->nnodes ? last : -2;
}

static int keep_path(struct swim *swim, const struct walk *w, int last)
{
	int at;

	for (at = last; at >= 0; at = w->via[at])
		swim->npath++;
	swim->path = calloc(swim->npath + 1, sizeof(*swim->path));
	if (!swim->path)
		return complain("%m"), -1;
	at = last;
	for (int i = swim->npath; i--; at = w->via[at]) {
		swim->path[i] = at;
		if (i + 1 < swim->npath)
			swim->nodes[at].next = swim->path[i + 1];
		swim->nodes[at].critical = true;
	}
	return 0;
}

int swim_path(struct swim *swim)
{
	size_t n = swim->nnodes + 1;
	struct walk w = {
		.order = calloc(n, sizeof(*w.order)), .left = calloc(n, sizeof(*w.left)),
		.longest = calloc(n, sizeof(*w.longest)), .via = calloc(n, sizeof(*w.via)),
	};
	int last, ret = -1;

	if (!w.order || !w.left || !w.longest || !w.via) {
		complain("%m");
		goto out;
	}
	last = walk_all(swim, &w);
	if (last == -2)
		complain("no profile: its tasks wait for each other in a circle");
	else
		ret = keep_path(swim, &w, last);
out:
	free(w.order);
	free(w.left);
	free(w.longest);
	free(w.via);
	return ret;
}
