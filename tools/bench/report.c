// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The results as tables of at most 100 columns. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define INLINED_MOST	0.1	/* the part of tasks from which a peer does something else */

/* What counts where Taskflow is not installed, which is the fastest of those known. */
#define TOTAL_WITHOUT	0.4
#define AGAIN_WITHOUT	0.5

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

/* A peer whose creator runs tasks itself is not a runtime's rival for those. */
bool cell_counts(const struct cell *cell)
{
	return cell->kind == RIVAL && cell->threads >= cell->peer->counts_from &&
	       cell->inlined < INLINED_MOST;
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

void report_head(const struct options *o, unsigned int threads, bool inferred)
{
	printf("\n%u thread%s, %u repetition%s%s; libpto with block_dim %u%s\n", threads,
	       plural(threads), o->reps, plural(o->reps),
	       o->reps_given ? "" : ", more of small graphs", o->blocks,
	       inferred ? "; edges are inferred" : "");
	printf("%29s--- minimum, ns per task ----------  --- median --   %s\n", "",
	       inferred ? "run by" : "first");
	printf("graph      tasks peer          build    run  again   free   total   total  again"
	       "   %s\n", inferred ? "creator" : "total  bytes");
}

/* A decimal where there is room, and it says something. */
static void number(int width, double value)
{
	printf("%*.*f", width, value < 1000 ? 1 : 0, value);
}

static void report_cell(const struct cell *cell, bool inferred)
{
	struct stat total = cell_total(cell), again = cell_again(cell);

	printf("%-8s%8u %-12s", cell->graph, cell->tasks, cell->peer->name);
	if (!cell->count) {
		printf(" failed\n");
		return;
	}
	number(7, CELL_PART(cell, build).min);
	number(7, CELL_PART(cell, run).min);
	number(7, again.min);
	number(7, CELL_PART(cell, free).min);
	number(8, total.min);
	number(8, total.median);
	number(7, again.median);
	if (inferred) {
		printf("%8.0f %%", 100 * cell->inlined);
	} else {
		number(8, cell_first(cell));
		printf("%7.0f", cell->bytes);
	}
	printf("%s\n", cell->checked ? "" : " WRONG");
}

void report_cells(struct cell *const *cell, unsigned int n, bool inferred)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		report_cell(cell[i], inferred);
	fflush(stdout);
}

/* ---- libpto against the others ------------------------------------------ */

static bool is_floor(const struct cell *cell)
{
	return cell->kind == FLOOR;
}

/* The least that those of the @n cells that are @wanted took for what @subject did. */
static struct stat best(struct cell *const *all, unsigned int n, const struct cell *subject,
			bool (*wanted)(const struct cell *cell),
			struct stat (*what)(const struct cell *cell), const char **name)
{
	struct stat least = { 0, 0 }, s;
	unsigned int i;

	*name = "";
	for (i = 0; i < n; i++) {
		const struct cell *cell = all[i];

		if (!wanted(cell) || cell->threads != subject->threads ||
		    cell->graph != subject->graph || cell->body != subject->body || !cell->count)
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

/* Where edges are given, and Taskflow, which is the fastest there, is not: see *_WITHOUT. */
static bool lacks_taskflow(const struct cell *cell)
{
	return cell->peer->kind == SUBJECT && !contender_here("taskflow");
}

static struct verdict compare(struct cell *const *all, unsigned int n, const struct cell *cell,
			      struct stat (*what)(const struct cell *cell), double without)
{
	struct verdict v = { .limit = lacks_taskflow(cell) ? without : 1 };
	struct stat own = what(cell), other;

	other = best(all, n, cell, cell_counts, what, &v.peer);
	if (*v.peer)
		v.ratio = (struct stat){ own.min / other.min, own.median / other.median };
	return v;
}

struct verdict compare_total(struct cell *const *all, unsigned int n, const struct cell *cell)
{
	return compare(all, n, cell, cell_total, TOTAL_WITHOUT);
}

struct verdict compare_again(struct cell *const *all, unsigned int n, const struct cell *cell)
{
	return compare(all, n, cell, cell_again, AGAIN_WITHOUT);
}

static const char *ahead_or_behind(double ratio, double limit)
{
	return ratio < limit ? "ahead" : "behind";
}

static void print_verdict(struct verdict v)
{
	if (*v.peer)
		printf("  %-9.9s%5.2f %-6s%5.2f %-6s", v.peer, v.ratio.min,
		       ahead_or_behind(v.ratio.min, v.limit), v.ratio.median,
		       ahead_or_behind(v.ratio.median, v.limit));
	else
		printf("  %-32s", "none here");
}

static void compare_floor(struct cell *const *all, unsigned int n, const struct cell *cell,
			  struct stat (*what)(const struct cell *cell))
{
	const char *name;
	struct stat floor = best(all, n, cell, is_floor, what, &name);

	if (*name)
		printf("%7.2f", what(cell).min / floor.min);
}

void report_compare(struct cell *const *all, unsigned int n, unsigned int threads)
{
	unsigned int i;

	printf("\n%u thread%s: libpto's time over the best peer's, and over the sketch's\n",
	       threads, plural(threads));
	if (n && lacks_taskflow(all[0]))
		printf("(without Taskflow it is ahead below %.1f of the best total, and %.1f of the "
		       "best again)\n", TOTAL_WITHOUT, AGAIN_WITHOUT);
	printf("%8s  total      min        median        again      min        median        "
	       "total  again\n", "");
	for (i = 0; i < n; i++) {
		const struct cell *cell = all[i];

		if (cell->threads != threads || cell->kind != SUBJECT || !cell->count)
			continue;
		printf("%-8s", cell->graph);
		print_verdict(compare_total(all, n, cell));
		print_verdict(compare_again(all, n, cell));
		compare_floor(all, n, cell, cell_total);
		compare_floor(all, n, cell, cell_again);
		printf("\n");
	}
}

void report_streamed(const struct streamed *s)
{
	printf("\n%u tasks streamed through a window of %u: %.2f MiB after a tenth of them, "
	       "%.2f MiB after all\n", s->tasks, STREAM_WINDOW, s->bytes[0] / (1 << 20),
	       s->bytes[s->count - 1] / (1 << 20));
}

/* ---- bodies ------------------------------------------------------------- */

/* How much of the time of all threads the bodies had, in percent. */
static double efficiency(const struct cell *cell)
{
	double again = cell_again(cell).min * cell->threads;

	return again ? 100.0 * cell->body / again : 0;
}

static void bodies_head(struct cell *const *cell, unsigned int n)
{
	unsigned int i;

	printf("\nBodies: part of the threads' time that they had, running again, in %%\n");
	printf("graph    thr  body");
	for (i = 0; i < n; i++)
		printf(" %6.6s", cell[i]->peer->name);
	printf("  best peer\n");
}

/* @cell: of one graph, number of threads and body */
static void bodies_row(struct cell *const *cell, unsigned int n)
{
	const char *name = "";
	struct stat peer;
	unsigned int i;

	printf("%-8s %3u%6u", cell[0]->graph, cell[0]->threads, cell[0]->body);
	for (i = 0; i < n; i++)
		printf("%7.1f", efficiency(cell[i]));
	peer = best(cell, n, cell[0], cell_counts, cell_again, &name);
	if (*name && cell[0]->kind == SUBJECT)
		printf("  %s", cell_again(cell[0]).min < peer.min ? "ahead" : "behind");
	printf("\n");
}

static bool same_row(const struct cell *a, const struct cell *b)
{
	return a->graph == b->graph && a->threads == b->threads && a->body == b->body;
}

void report_bodies(const struct results *r)
{
	unsigned int i, n, columns = 0;

	for (i = 0; i < r->bodies; i += n) {
		struct cell *const *cell = &r->body[i];

		for (n = 1; i + n < r->bodies && same_row(cell[0], cell[n]); n++)
			;
		/* With more threads there may be fewer peers. */
		if (n != columns)
			bodies_head(cell, n);
		columns = n;
		bodies_row(cell, n);
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

/* The largest size is compared with the smallest, and with the one before it. */
static unsigned int growth_step(unsigned int i, unsigned int n)
{
	return i ? n : n > 2 ? n - 2 : n;
}

static void growth_head(const struct options *o)
{
	unsigned int n = o->sizes.count, half, i;
	int width = 6 * n + 5 * ((n > 1) + (n > 2)) + 1;
	char text[16];

	printf("\nGrowth: ns per task, minimum, by number of tasks; the last over the first and the "
	       "one before\n");
	printf("%19s  %-*s%-*s last\n", "", width - 1, "   total", width - 1, "   again");
	printf("graph    thr peer  ");
	for (half = 0; half < 2; half++) {
		for (i = 0; i < n; i++)
			printf("%6s", size_text(o->sizes.at[i], text));
		for (i = 0; i + 1 < n; i = growth_step(i, n))
			printf("%5s", size_text(o->sizes.at[i], text));
		printf(" ");
	}
	printf("bytes\n");
}

/* @cell: one graph and peer, as many as there are sizes */
static void growth_half(struct cell *const *cell, unsigned int n,
			struct stat (*what)(const struct cell *cell))
{
	unsigned int i;

	for (i = 0; i < n; i++)
		printf("%6.1f", what(cell[i]).min);
	for (i = 0; i + 1 < n; i = growth_step(i, n))
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
		printf("%6.0f\n", cell[n - 1]->bytes);
	}
}

/* ---- latency ------------------------------------------------------------ */

static double hot_min(const struct latency *l)
{
	return stat_of(l->hot.enter, l->hot.count).min;
}

static double cold_median(const struct latency *l)
{
	return stat_of(l->cold.enter, l->cold.count).median;
}

/* How long until entered @own took, by the best of the others. */
static void print_entered(const struct results *r, const struct latency *own, const char *what,
			  double (*took)(const struct latency *l))
{
	const struct latency *best = NULL, *l;
	unsigned int i;

	for (i = 0; i < r->latencies; i++) {
		l = r->latency[i];
		if (l->threads == own->threads && l->peer->kind == RIVAL &&
		    l->threads >= l->peer->counts_from && (!best || took(l) < took(best)))
			best = l;
	}
	if (best)
		printf("%u thread%s: entered, %s: %.2f of %s, %s\n", own->threads,
		       plural(own->threads), what, took(own) / took(best), best->peer->name,
		       ahead_or_behind(took(own), took(best)));
}

static void print_launches(const struct launches *l, int width)
{
	struct stat enter = stat_of(l->enter, l->count), total = stat_of(l->total, l->count);

	printf("%*.0f%8.0f%8.0f%8.0f", width, enter.min, enter.median, total.min, total.median);
}

void report_latency(const struct results *r)
{
	unsigned int i;

	printf("\nLaunch of one task, ns from before it is built: until its body is entered, "
	       "until all is freed\n");
	printf("%17s  hot: enter  median   total  median    3 ms later: enter  median   total"
	       "  median\n", "");
	for (i = 0; i < r->latencies; i++) {
		const struct latency *l = r->latency[i];

		printf("%-12s%u thread%s ", l->peer->name, l->threads,
		       l->threads == 1 ? " " : "s");
		print_launches(&l->hot, 9);
		print_launches(&l->cold, 20);
		printf("\n");
	}
	for (i = 0; i < r->latencies; i++) {
		if (r->latency[i]->peer->kind != SUBJECT)
			continue;
		print_entered(r, r->latency[i], "hot, minimum", hot_min);
		print_entered(r, r->latency[i], "3 ms later, median", cold_median);
	}
}
