// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The results as tables of at most 100 columns. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

/* ---- numbers ------------------------------------------------------------ */

static struct stat per_task(const struct cell *cell, double *value)
{
	struct stat s = stat_of(value, cell->count);

	return (struct stat){ s.min / cell->tasks, s.median / cell->tasks };
}

static double sample_total(const struct sample *s)
{
	return s->build + s->run + s->free;
}

struct stat cell_total(const struct cell *cell)
{
	double value[MAX_REPS];
	unsigned int i;

	for (i = 0; i < cell->count; i++)
		value[i] = sample_total(&cell->sample[i]);
	return per_task(cell, value);
}

double cell_first(const struct cell *cell)
{
	return sample_total(&cell->first) / cell->tasks;
}

struct stat cell_part(const struct cell *cell, size_t offset)
{
	double value[MAX_REPS];
	unsigned int i;

	for (i = 0; i < cell->count; i++)
		value[i] = *(const double *)((const char *)&cell->sample[i] + offset);
	return per_task(cell, value);
}

static struct stat cell_again(const struct cell *cell)
{
	return CELL_PART(cell, again);
}

/* ---- the graphs --------------------------------------------------------- */

static const char *plural(unsigned int n)
{
	return n == 1 ? "" : "s";
}

void report_noise(const struct noise *noise)
{
	printf("noise: a loop of always the same work took %.2f (median), %.2f (90 %%), "
	       "%.2f (max) of its minimum\n", noise->median, noise->p90, noise->max);
}

void report_head(const struct options *o, unsigned int threads)
{
	printf("\n%u thread%s, %u repetition%s; libpto with block_dim %u, %s\n", threads,
	       plural(threads), o->reps, plural(o->reps), o->blocks,
	       o->emulator_threads ? "cores on threads of the emulator" : "in place");
	printf("%26s--- minimum, ns per task ----------  --- median --   first\n", "");
	printf("graph      tasks peer       build    run  again   free   total   total  again"
	       "   total  bytes\n");
}

static void report_cell(const struct cell *cell)
{
	struct stat total = cell_total(cell), again = cell_again(cell);

	printf("%-8s%8u %-9s", cell->graph, cell->tasks, cell->peer->name);
	if (!cell->count) {
		printf(" failed\n");
		return;
	}
	printf("%7.1f%7.1f%7.1f%7.1f%8.1f%8.1f%7.1f%8.1f%7.0f%s\n", CELL_PART(cell, build).min,
	       CELL_PART(cell, run).min, again.min, CELL_PART(cell, free).min, total.min,
	       total.median, again.median, cell_first(cell), cell->bytes,
	       cell->checked ? "" : " WRONG");
}

void report_cells(struct cell *const *cell, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		report_cell(cell[i]);
	fflush(stdout);
}

/* ---- libpto against the others ------------------------------------------ */

/* The least that a peer of this kind took for what @subject did. */
static struct stat best(const struct results *r, const struct cell *subject,
			enum contender_kind kind, struct stat (*what)(const struct cell *cell),
			const char **name)
{
	struct stat least = { 0, 0 }, s;
	unsigned int i;

	*name = "";
	for (i = 0; i < r->graphs; i++) {
		const struct cell *cell = r->graph[i];

		if (cell->peer->kind != kind || cell->threads != subject->threads ||
		    cell->graph != subject->graph || !cell->count)
			continue;
		s = what(cell);
		if (!least.min || s.min < least.min) {
			least.min = s.min;
			*name = cell->peer->name;
		}
		if (!least.median || s.median < least.median)
			least.median = s.median;
	}
	return least;
}

static void compare_rival(const struct results *r, const struct cell *cell,
			  struct stat (*what)(const struct cell *cell))
{
	struct stat own = what(cell), other;
	const char *name;

	other = best(r, cell, RIVAL, what, &name);
	if (*name)
		printf("  %-9s%6.2f%8.2f  %-7s", name, own.min / other.min,
		       own.median / other.median,
		       own.min < other.min && own.median < other.median ? "ahead" : "behind");
	else
		printf("  %-32s", "none here");
}

static void compare_floor(const struct results *r, const struct cell *cell,
			  struct stat (*what)(const struct cell *cell))
{
	const char *name;
	struct stat floor = best(r, cell, FLOOR, what, &name);

	if (*name)
		printf("%7.2f", what(cell).min / floor.min);
}

void report_compare(const struct results *r, unsigned int threads)
{
	unsigned int i;

	printf("\n%u thread%s: libpto's time over the best peer's, and over the sketch's\n",
	       threads, plural(threads));
	printf("%8s  total       min  median           again       min  median           "
	       "total  again\n", "");
	for (i = 0; i < r->graphs; i++) {
		const struct cell *cell = r->graph[i];

		if (cell->threads != threads || cell->peer->kind != SUBJECT || !cell->count)
			continue;
		printf("%-8s", cell->graph);
		compare_rival(r, cell, cell_total);
		compare_rival(r, cell, cell_again);
		compare_floor(r, cell, cell_total);
		compare_floor(r, cell, cell_again);
		printf("\n");
	}
}

/* ---- growth ------------------------------------------------------------- */

static const char *size_text(uint32_t n, char text[16])
{
	if (n % 1000000 == 0)
		snprintf(text, 16, "%uM", n / 1000000);
	else if (n % 1000 == 0)
		snprintf(text, 16, "%uk", n / 1000);
	else
		snprintf(text, 16, "%u", n);
	return text;
}

static void growth_head(const struct options *o)
{
	unsigned int half, i;
	char text[16];

	printf("\nGrowth: ns per task, minimum, by number of tasks; the last over the others\n");
	printf("%19s  %-*sagain\n", "", 11 * o->sizes.count - 4, "total");
	printf("graph    thr peer  ");
	for (half = 0; half < 2; half++) {
		for (i = 0; i < o->sizes.count; i++)
			printf("%6s", size_text(o->sizes.at[i], text));
		for (i = 0; i + 1 < o->sizes.count; i++)
			printf("%5s", size_text(o->sizes.at[i], text));
		printf(" ");
	}
	printf("\n");
}

/* @cell: one graph and peer, as many as there are sizes */
static void growth_half(struct cell *const *cell, unsigned int n,
			struct stat (*what)(const struct cell *cell))
{
	unsigned int i;

	for (i = 0; i < n; i++)
		printf("%6.1f", what(cell[i]).min);
	for (i = 0; i + 1 < n; i++)
		printf("%5.2f", what(cell[n - 1]).min / what(cell[i]).min);
}

void report_growth(const struct options *o, const struct results *r)
{
	unsigned int i, n = o->sizes.count;

	growth_head(o);
	for (i = 0; i + n <= r->growths; i += n) {
		struct cell *const *cell = &r->growth[i];

		printf("%-8s %3u %-7s", cell[0]->graph, cell[0]->threads, cell[0]->peer->name);
		growth_half(cell, n, cell_total);
		printf(" ");
		growth_half(cell, n, cell_again);
		printf("\n");
	}
}

/* ---- latency ------------------------------------------------------------ */

void report_latency(const struct results *r)
{
	unsigned int i;

	printf("\nLaunch of one task, ns from before it is built: until its body is entered, "
	       "until all is freed\n");
	printf("%17s  hot: enter  median   total  median    3 ms later: enter  median   total"
	       "  median\n", "");
	for (i = 0; i < r->latencies; i++) {
		const struct latency *l = r->latency[i];

		printf("%-9s %u thread%s %11.0f%8.0f%8.0f%8.0f%20.0f%8.0f%8.0f%8.0f\n",
		       l->peer->name, l->threads, l->threads == 1 ? " " : "s", l->hot.enter.min,
		       l->hot.enter.median, l->hot.total.min, l->hot.total.median,
		       l->cold.enter.min, l->cold.enter.median, l->cold.total.min,
		       l->cold.total.median);
	}
}
