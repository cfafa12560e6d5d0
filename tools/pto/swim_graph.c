// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The task graph of a profile, for graphviz and as a picture. The picture has a row for each
 * level, and puts a task near what it waits for: it is drawn in time that hardly grows
 * faster than the number of edges, however large the graph is.
 */
#include <stdlib.h>

#include "pto.h"
#include "swim.h"

#define BOX_WIDTH	56
#define BOX_HEIGHT	22
#define STEP_X		66
#define STEP_Y		64
#define MARGIN		24
#define SWEEPS		4

static int func_at(const struct swim *swim, const struct swim_node *node)
{
	return swim_func(swim, swim->tasks[node->first].func_id) - swim->funcs;
}

/* ---- graphviz ----------------------------------------------------------- */

static void put_quoted(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', f);
		fputc(*text, f);
	}
}

static void put_dot_node(FILE *f, const struct swim *swim, const struct swim_node *node)
{
	int func = func_at(swim, node);

	fprintf(f, "\t\"%lld\" [label=\"", (long long)node->task_id);
	put_quoted(f, swim->funcs[func].name);
	fprintf(f, "\\n#%lld, %.2f us\", fillcolor=\"%.3f 0.4 0.95\"%s]\n",
		(long long)node->task_id, node->end - node->start, swim_hue(func) / 360.0,
		node->critical ? ", color=\"#d03030\", penwidth=2.5" : "");
	for (int k = node->edge; k < node->edge + node->nedges; k++)
		fprintf(f, "\t\"%lld\" -> \"%lld\"%s\n", (long long)node->task_id,
			(long long)swim->nodes[swim->edges[k]].task_id,
			swim->edges[k] == node->next ? " [color=\"#d03030\", penwidth=2.5]" : "");
}

int swim_dot(const struct swim *swim, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return complain("%s: %m", path);
	fputs("digraph tasks {\n\tnode [shape=box, style=\"filled,rounded\", "
	      "fontname=\"sans-serif\", fontsize=10]\n", f);
	for (int i = 0; i < swim->nnodes; i++)
		put_dot_node(f, swim, &swim->nodes[i]);
	fputs("}\n", f);
	return swim_close(f, path);
}

/* ---- where a task is drawn ---------------------------------------------- */

/**
 * struct spot - where a node is; by row, and in it from left to right
 * @x:		in steps
 * @wanted:	where it would be nearest to its neighbours
 */
struct spot {
	int node;
	int row;
	double x, wanted;
};

/**
 * struct layout - the spots of all nodes
 * @at:		of each node its index in @spots
 * @row:	of each row the index of its first spot; @rows and one that ends the last
 * @sum, @count: of each node, of the places of its predecessors
 */
struct layout {
	const struct swim *swim;
	struct spot *spots;
	int *at;
	int *row;
	int rows;
	double *sum;
	int *count;
	double left, right;
};

/* A root is drawn right above the first that waits for it, all others at their level. */
static int row_of(const struct swim *swim, const struct swim_node *node)
{
	int row = node->level;

	for (int k = node->edge; !node->npred && k < node->edge + node->nedges; k++) {
		int level = swim->nodes[swim->edges[k]].level;

		if (k == node->edge || level <= row)
			row = level - 1;
	}
	return row;
}

static int by_place(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->row != y->row)
		return x->row - y->row;
	if (x->wanted != y->wanted)
		return x->wanted > y->wanted ? 1 : -1;
	return x->node - y->node;
}

/* Order a row by what its tasks want, give each its step, and shift all by the same. */
static void arrange(struct layout *l, int row)
{
	int first = l->row[row], end = l->row[row + 1];
	double off = 0;

	qsort(&l->spots[first], end - first, sizeof(*l->spots), by_place);
	for (int i = first; i < end; i++) {
		struct spot *s = &l->spots[i];

		s->x = i > first && s->wanted < s[-1].x + 1 ? s[-1].x + 1 : s->wanted;
		off += (s->x - s->wanted) / (end - first);
	}
	for (int i = first; i < end; i++) {
		l->spots[i].x -= off;
		l->at[l->spots[i].node] = i;
	}
}

static void sweep_down(struct layout *l)
{
	for (int i = 0; i < l->swim->nnodes; i++) {
		l->sum[i] = 0;
		l->count[i] = 0;
	}
	for (int row = 0; row < l->rows; row++) {
		for (int i = l->row[row]; i < l->row[row + 1]; i++) {
			struct spot *s = &l->spots[i];

			s->wanted = l->count[s->node] ? l->sum[s->node] / l->count[s->node] : s->x;
		}
		arrange(l, row);
		for (int i = l->row[row]; i < l->row[row + 1]; i++) {
			const struct swim_node *node = &l->swim->nodes[l->spots[i].node];

			for (int k = node->edge; k < node->edge + node->nedges; k++) {
				l->sum[l->swim->edges[k]] += l->spots[i].x;
				l->count[l->swim->edges[k]]++;
			}
		}
	}
}

static void sweep_up(struct layout *l)
{
	for (int row = l->rows; row--; ) {
		for (int i = l->row[row]; i < l->row[row + 1]; i++) {
			struct spot *s = &l->spots[i];
			const struct swim_node *node = &l->swim->nodes[s->node];
			double sum = 0;

			for (int k = node->edge; k < node->edge + node->nedges; k++)
				sum += l->spots[l->at[l->swim->edges[k]]].x;
			s->wanted = node->nedges ? sum / node->nedges : s->x;
		}
		arrange(l, row);
	}
}

static void find_rows(struct layout *l)
{
	int n = l->swim->nnodes, in_row = 0;

	for (int i = 0; i < n; i++)
		l->spots[i] = (struct spot){ .node = i,
					     .row = row_of(l->swim, &l->swim->nodes[i]) };
	qsort(l->spots, n, sizeof(*l->spots), by_place);
	for (int i = 0; i < n; i++) {
		in_row = i && l->spots[i].row == l->spots[i - 1].row ? in_row + 1 : 0;
		if (!in_row)
			l->row[l->rows++] = i;
		l->at[l->spots[i].node] = i;
		l->spots[i].x = in_row;
	}
	l->row[l->rows] = n;
}

static void lay_out(struct layout *l)
{
	find_rows(l);
	for (int i = 0; i < SWEEPS; i++) {
		sweep_down(l);
		sweep_up(l);
	}
	for (int i = 0; i < l->swim->nnodes; i++) {
		double x = l->spots[i].x;

		if (!i || x < l->left)
			l->left = x;
		if (!i || x > l->right)
			l->right = x;
	}
}

/* ---- the picture -------------------------------------------------------- */

static double box_x(const struct layout *l, const struct spot *s)
{
	return MARGIN + (s->x - l->left) * STEP_X;
}

static int box_y(const struct layout *l, const struct spot *s)
{
	return svg_top(l->swim) + s->row * STEP_Y;
}

static void put_edges(FILE *f, const struct layout *l, const struct spot *s)
{
	const struct swim_node *node = &l->swim->nodes[s->node];
	double x = box_x(l, s) + BOX_WIDTH / 2.0;
	int y = box_y(l, s) + BOX_HEIGHT;

	for (int k = node->edge; k < node->edge + node->nedges; k++) {
		const struct spot *to = &l->spots[l->at[l->swim->edges[k]]];
		double to_x = box_x(l, to) + BOX_WIDTH / 2.0;
		int to_y = box_y(l, to), bend = (to_y - y) / 2;

		fprintf(f, "<path class=\"edge%s\" d=\"M%.1f %dC%.1f %d %.1f %d %.1f %d\"/>\n",
			l->swim->edges[k] == node->next ? " critical" : "", x, y, x, y + bend,
			to_x, to_y - bend, to_x, to_y);
	}
}

static void put_box(FILE *f, const struct layout *l, const struct spot *s)
{
	const struct swim_node *node = &l->swim->nodes[s->node];
	int func = func_at(l->swim, node);

	fprintf(f, "<rect class=\"bar f%d%s\" x=\"%.1f\" y=\"%d\" width=\"%d\" height=\"%d\" "
		"rx=\"4\"><title>", func, node->critical ? " critical" : "", box_x(l, s),
		box_y(l, s), BOX_WIDTH, BOX_HEIGHT);
	swim_xml(f, l->swim->funcs[func].name);
	fprintf(f, ", task %lld\nruns %.2f us\nwaits for %d, %d wait for it</title></rect>"
		"<text class=\"label\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%lld</text>\n",
		(long long)node->task_id, node->end - node->start, node->npred, node->nedges,
		box_x(l, s) + BOX_WIDTH / 2.0, box_y(l, s) + 15, (long long)node->task_id);
}

static void draw(FILE *f, const struct layout *l)
{
	int n = l->swim->nnodes;
	int width = 2 * MARGIN + (l->right - l->left) * STEP_X + BOX_WIDTH;

	svg_begin(f, l->swim, width > 480 ? width : 480,
		  svg_top(l->swim) + l->rows * STEP_Y);
	for (int i = 0; i < n; i++)
		put_edges(f, l, &l->spots[i]);
	for (int i = 0; i < n; i++)
		put_box(f, l, &l->spots[i]);
	fputs("</svg>\n", f);
}

int swim_graph(const struct swim *swim, const char *path)
{
	size_t n = swim->nnodes + 1;
	struct layout l = {
		.swim = swim, .spots = calloc(n, sizeof(*l.spots)), .at = calloc(n, sizeof(*l.at)),
		.row = calloc(n, sizeof(*l.row)), .sum = calloc(n, sizeof(*l.sum)),
		.count = calloc(n, sizeof(*l.count)),
	};
	FILE *f = fopen(path, "w");
	int ret;

	if (!f || !l.spots || !l.at || !l.row || !l.sum || !l.count) {
		ret = complain("%s: %m", path);
		if (f)
			fclose(f);
	} else {
		lay_out(&l);
		draw(f, &l);
		ret = swim_close(f, path);
	}
	free(l.spots);
	free(l.at);
	free(l.row);
	free(l.sum);
	free(l.count);
	return ret;
}
