// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The results as JSON. */
#include <stdio.h>
#include <unistd.h>

#include <jansson.h>
#include <pto/pto.h>

#include "bench.h"

#define JSON_VERSION 4

static json_t *stat_json(struct stat s)
{
	return json_pack("{s:f, s:f}", "min", s.min, "median", s.median);
}

static json_t *cell_json(const struct cell *cell)
{
	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:b, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o}",
			 "graph", cell->graph, "peer", cell->peer->name,
			 "counts", cell_counts(cell),
			 "threads", (json_int_t)cell->threads, "tasks", (json_int_t)cell->tasks,
			 "body", (json_int_t)cell->body,
			 "repetitions", (json_int_t)cell->count, "checked", cell->checked,
			 "inlined", cell->inlined,
			 "bytes_per_task", cell->bytes, "first_total", cell_first(cell),
			 "build", stat_json(CELL_PART(cell, build)),
			 "run", stat_json(CELL_PART(cell, run)),
			 "again", stat_json(CELL_PART(cell, again)),
			 "free", stat_json(CELL_PART(cell, free)),
			 "total", stat_json(cell_total(cell)));
}

static json_t *cells_json(struct cell *const *cell, unsigned int n)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < n; i++)
		json_array_append_new(array, cell_json(cell[i]));
	return array;
}

static json_t *launches_json(const struct launches *l)
{
	return json_pack("{s:o, s:o}", "enter", stat_json(stat_of(l->enter, l->count)),
			 "total", stat_json(stat_of(l->total, l->count)));
}

static json_t *latency_json(const struct latency *l)
{
	return json_pack("{s:s, s:I, s:o, s:o}", "peer", l->peer->name,
			 "threads", (json_int_t)l->threads,
			 "hot", launches_json(&l->hot), "cold", launches_json(&l->cold));
}

static json_t *latencies_json(const struct results *r)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < r->latencies; i++)
		json_array_append_new(array, latency_json(r->latency[i]));
	return array;
}

static json_t *streamed_json(const struct streamed *s)
{
	json_t *bytes;
	unsigned int i;

	if (!s)
		return json_null();
	bytes = json_array();
	for (i = 0; i < s->count; i++)
		json_array_append_new(bytes, json_real(s->bytes[i]));
	return json_pack("{s:I, s:I, s:o}", "tasks", (json_int_t)s->tasks,
			 "window", (json_int_t)STREAM_WINDOW, "bytes", bytes);
}

static json_t *verdict_json(struct verdict v)
{
	return json_pack("{s:s, s:f, s:f, s:b, s:b}", "best_peer", v.peer,
			 "min_ratio", v.ratio.min, "median_ratio", v.ratio.median,
			 "min_ahead", *v.peer && v.ratio.min < v.limit,
			 "median_ahead", *v.peer && v.ratio.median < v.limit);
}

static json_t *verdicts_json(struct cell *const *all, unsigned int n)
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; i < n; i++)
		if (all[i]->kind == SUBJECT && all[i]->count)
			json_array_append_new(array, json_pack(
				"{s:s, s:I, s:o, s:o}", "graph", all[i]->graph,
				"threads", (json_int_t)all[i]->threads,
				"total", verdict_json(compare_total(all, n, all[i])),
				"again", verdict_json(compare_again(all, n, all[i]))));
	return array;
}

int report_json(const struct options *o, const struct results *r)
{
	unsigned int v = pto_version();
	json_t *root;
	int ret;

	root = json_pack("{s:i, s:s, s:o, s:I, s:I, s:{s:f, s:f, s:f}, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "version", JSON_VERSION, "unit", "ns",
			 "library", json_sprintf("%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff),
			 "cpus", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN),
			 "block_dim", (json_int_t)o->blocks,
			 "noise", "median", r->noise.median, "p90", r->noise.p90,
			 "max", r->noise.max,
			 "graphs", cells_json(r->graph, r->graphs),
			 "verdicts", verdicts_json(r->graph, r->graphs),
			 "inferred", cells_json(r->inferred, r->inferreds),
			 "inferred_verdicts", verdicts_json(r->inferred, r->inferreds),
			 "streamed", streamed_json(r->streamed),
			 "bodies", cells_json(r->body, r->bodies),
			 "growth", cells_json(r->growth, r->growths),
			 "latency", latencies_json(r));
	if (!root)
		return -1;
	ret = json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(root);
	return ret || putchar('\n') == EOF ? -1 : 0;
}
