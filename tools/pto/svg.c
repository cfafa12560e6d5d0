// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * A profile as a swimlane: a lane a core or AICPU thread, a bar a task or phase; one file,
 * no scripts.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pto.h"
#include "swim.h"

#define LEFT		120	/* room for the lanes' names */
#define RIGHT		30
#define LANE		22	/* from one lane to the next */
#define BAR		18
#define LEGEND		19	/* height of a line */
#define AXIS		40
#define PLOT_LEAST	1100
#define PLOT_MOST	12000

/** struct drawing - where things are, in pixels */
struct drawing {
	const struct swim *swim;
	FILE *f;
	int plot;		/* width of the lanes */
	int top;		/* of the first lane */
	int bottom;		/* of the last one */
	int lane[SWIM_CORES];	/* top of a core's lane */
	int threads;		/* top of the first thread's lane */
};

static double x_of(const struct drawing *d, double us)
{
	return d->swim->span > 0 ? LEFT + us / d->swim->span * d->plot : LEFT;
}

/* As wide as a screen, and wider when the bars would be too thin. */
static void lay_out(struct drawing *d)
{
	int most = 0, y = svg_top(d->swim) + AXIS;

	d->top = y;
	for (int i = 0; i < SWIM_CORES; i++) {
		const struct swim_core *core = &d->swim->cores[i];

		if (!core->count)
			continue;
		d->lane[i] = y;
		y += LANE;
		most = core->count > most ? core->count : most;
	}
	d->threads = y;
	d->bottom = y + d->swim->nthreads * LANE;
	d->plot = most < PLOT_LEAST / 6 ? PLOT_LEAST : most > PLOT_MOST / 6 ? PLOT_MOST : most * 6;
}

/* ---- what all pictures begin with --------------------------------------- */

int svg_top(const struct swim *swim)
{
	return 60 + LEGEND * swim->nfuncs;
}

static void put_legend(FILE *f, const struct swim *swim)
{
	for (int i = 0; i < swim->nfuncs; i++) {
		const struct swim_func *func = &swim->funcs[i];
		int y = 58 + LEGEND * i;

		fprintf(f, "<rect class=\"f%d\" x=\"12\" y=\"%d\" width=\"12\" height=\"12\"/>"
			"<text x=\"32\" y=\"%d\">", i, y, y + 10);
		swim_xml(f, func->name);
		fprintf(f, ": %d tasks, mean %.2f us, total %.1f us</text>\n", func->count,
			func->total / func->count, func->total);
	}
}

void svg_begin(FILE *f, const struct swim *swim, int width, int height)
{
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\">\n<style>\n"
		"svg { background: #fff; font: 12px sans-serif; fill: #333 }\n"
		".title { font-size: 15px; font-weight: bold }\n"
		".lane { fill: #f3f3f3 }\n"
		".grid { stroke: #ccc; stroke-width: 1 }\n"
		".edge { stroke: #999; fill: none }\n"
		".tick, .name { font-size: 11px; fill: #666 }\n"
		".head, .tail, .phase { fill: #000; fill-opacity: 0.15 }\n"
		".driver { fill: #000; fill-opacity: 0.3 }\n"
		".bar:hover { stroke: #000 }\n"
		".critical { stroke: #d03030; stroke-width: 1.5 }\n"
		".label { font-size: 10px; fill: #222; pointer-events: none }\n"
		"@media (prefers-color-scheme: dark) {\n"
		"svg { background: #16181c; fill: #ddd } .lane { fill: #22252b }\n"
		".grid { stroke: #444 } .tick, .name { fill: #999 } .bar:hover { stroke: #fff }\n"
		".head, .tail, .phase { fill: #fff; fill-opacity: 0.2 }\n"
		".driver { fill: #fff; fill-opacity: 0.4 }\n}\n",
		width, height, width, height);
	for (int i = 0; i < swim->nfuncs; i++)
		fprintf(f, ".f%d { fill: hsl(%d, 60%%, 65%%) }\n", i, swim_hue(i));
	fprintf(f, "</style>\n"
		"<text class=\"title\" x=\"12\" y=\"24\">%d tasks in %.1f us</text>\n"
		"<text class=\"tick\" x=\"12\" y=\"44\">critical path (red): %d tasks, %.1f us</text>\n",
		swim->nnodes, swim->span, swim->npath, swim->path_time);
	put_legend(f, swim);
}

/* ---- the swimlane ------------------------------------------------------- */

/* A mark each 1, 2 or 5 times a power of ten, about 100 pixels apart. */
static void put_axis(const struct drawing *d)
{
	double least = d->swim->span * 100 / d->plot;
	bool ms = d->swim->span >= 10000;
	double step = pow(10, floor(log10(least > 0 ? least : 1)));

	step *= least <= step ? 1 : least <= 2 * step ? 2 : least <= 5 * step ? 5 : 10;
	for (int i = 0; i * step <= d->swim->span; i++) {
		double x = x_of(d, i * step);

		fprintf(d->f, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>"
			"<text class=\"tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g %s</text>\n",
			x, d->top - 6, d->bottom, x, d->top - 12,
			ms ? i * step / 1000 : i * step, ms ? "ms" : "us");
	}
}

static void put_lane(const struct drawing *d, int y, const char *name)
{
	fprintf(d->f, "<rect class=\"lane\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
		"<text class=\"name\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
		LEFT, y, d->plot, BAR, LEFT - 8, y + 13, name);
}

static void put_lanes(const struct drawing *d)
{
	for (int i = 0; i < SWIM_CORES; i++)
		if (d->swim->cores[i].count)
			put_lane(d, d->lane[i], core_name(d->swim, i));
	for (int i = 0; i < d->swim->nthreads; i++)
		put_lane(d, d->threads + i * LANE, thread_name(&d->swim->threads[i]));
}

static void put_overhead(const struct drawing *d, const char *class, int y, double from,
			 double to)
{
	double x = x_of(d, from), width = x_of(d, to) - x;

	if (width >= 0.1)
		fprintf(d->f, "<rect class=\"%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" "
			"height=\"%d\"/>\n", class, x, y + 5, width, BAR - 10);
}

static void put_bar(const struct drawing *d, const struct swim_task *t)
{
	const struct swim_func *func = swim_func(d->swim, t->func_id);
	double x = x_of(d, t->start), width = x_of(d, t->end) - x;
	int y = d->lane[t->core_id];

	put_overhead(d, "head", y, t->head, t->took);
	put_overhead(d, "driver", y, t->took, t->start);
	put_overhead(d, "driver", y, t->end, t->seen);
	put_overhead(d, "tail", y, t->seen, t->tail);
	fprintf(d->f, "<rect class=\"bar f%d%s\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" "
		"height=\"%d\"><title>", (int)(func - d->swim->funcs),
		d->swim->nodes[t->node].critical ? " critical" : "", x, y,
		width < 0.7 ? 0.7 : width, BAR);
	swim_xml(d->f, func->name);
	fprintf(d->f, ", task %lld\nstarts %.2f us\nruns %.2f us\nready %.2f us before\n"
		"handed over %.2f us before</title></rect>\n", (long long)t->task_id,
		t->start, t->end - t->start, t->start - t->ready, t->start - t->dispatch);
	if (width < 8 + 6.2 * strlen(func->name))
		return;
	fprintf(d->f, "<text class=\"label\" x=\"%.2f\" y=\"%d\">", x + 4, y + 13);
	swim_xml(d->f, func->name);
	fputs("</text>\n", d->f);
}

static void put_phases(const struct drawing *d, int thread)
{
	const struct swim_thread *t = &d->swim->threads[thread];

	for (int i = 0; i < t->nphases; i++) {
		const struct swim_phase *p = &t->phases[i];
		double x = x_of(d, p->start), width = x_of(d, p->end) - x;

		fprintf(d->f, "<rect class=\"phase\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" "
			"height=\"%d\"><title>", x, d->threads + thread * LANE,
			width < 0.7 ? 0.7 : width, BAR);
		swim_xml(d->f, d->swim->kinds[p->kind]);
		fprintf(d->f, "\n%.2f us</title></rect>\n", p->end - p->start);
	}
}

/* Arrows of all edges would hide what they connect: those of the critical path are drawn. */
static void put_path(const struct drawing *d)
{
	for (int i = 0; i + 1 < d->swim->npath; i++) {
		const struct swim_task *from, *to;

		from = &d->swim->tasks[d->swim->nodes[d->swim->path[i]].first];
		to = &d->swim->tasks[d->swim->nodes[d->swim->path[i + 1]].first];
		fprintf(d->f, "<path class=\"edge critical\" d=\"M%.2f %dL%.2f %d\"/>\n",
			x_of(d, from->end), d->lane[from->core_id] + BAR / 2,
			x_of(d, to->start), d->lane[to->core_id] + BAR / 2);
	}
}

int swim_svg(const struct swim *swim, const char *path)
{
	struct drawing d = { .swim = swim, .f = fopen(path, "w") };

	if (!d.f)
		return complain("%s: %m", path);
	lay_out(&d);
	svg_begin(d.f, swim, LEFT + d.plot + RIGHT, d.bottom + 20);
	put_lanes(&d);
	put_axis(&d);
	for (int i = 0; i < swim->ntasks; i++)
		put_bar(&d, &swim->tasks[i]);
	for (int i = 0; i < swim->nthreads; i++)
		put_phases(&d, i);
	put_path(&d);
	fputs("</svg>\n", d.f);
	return swim_close(d.f, path);
}
