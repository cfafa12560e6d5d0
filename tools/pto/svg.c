// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A profile as a swimlane: a lane a core, a bar a task; one file, no scripts. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "pto.h"
#include "swim.h"

#define LEFT		110	/* room for the lanes' names */
#define RIGHT		30
#define LANE		22	/* from one lane to the next */
#define BAR		18
#define LEGEND		19	/* height of a line */
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
};

static void put_text(FILE *f, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", f);
		else if (*text == '<')
			fputs("&lt;", f);
		else
			fputc(*text, f);
	}
}

static double x_of(const struct drawing *d, double us)
{
	return d->swim->span > 0 ? LEFT + us / d->swim->span * d->plot : LEFT;
}

/* As wide as a screen, and wider when the bars would be too thin. */
static void lay_out(struct drawing *d)
{
	int most = 0, y = 40 + LEGEND * d->swim->nfuncs + 40;

	d->top = y;
	for (int i = 0; i < SWIM_CORES; i++) {
		const struct swim_core *core = &d->swim->cores[i];

		if (!core->count)
			continue;
		d->lane[i] = y;
		y += LANE;
		most = core->count > most ? core->count : most;
	}
	d->bottom = y;
	d->plot = most * 6 < PLOT_LEAST ? PLOT_LEAST : most * 6 > PLOT_MOST ? PLOT_MOST : most * 6;
}

static void put_head(const struct drawing *d)
{
	const struct swim *swim = d->swim;
	int width = LEFT + d->plot + RIGHT, height = d->bottom + 20;

	fprintf(d->f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		"viewBox=\"0 0 %d %d\">\n<style>\n"
		"svg { background: #fff; font: 12px sans-serif; fill: #333 }\n"
		".title { font-size: 15px; font-weight: bold }\n"
		".lane { fill: #f3f3f3 }\n"
		".grid { stroke: #ccc; stroke-width: 1 }\n"
		".tick, .name { font-size: 11px; fill: #666 }\n"
		".bar:hover { stroke: #000 }\n"
		".label { font-size: 10px; fill: #222; pointer-events: none }\n",
		width, height, width, height);
	for (int i = 0; i < swim->nfuncs; i++)
		fprintf(d->f, ".f%d { fill: hsl(%.0f, 60%%, 65%%) }\n", i,
			fmod(210 + i * 137.5, 360));
	fprintf(d->f, "</style>\n"
		"<text class=\"title\" x=\"12\" y=\"24\">%d tasks in %.1f us</text>\n",
		swim->ntasks, swim->span);
}

static void put_legend(const struct drawing *d)
{
	for (int i = 0; i < d->swim->nfuncs; i++) {
		const struct swim_func *func = &d->swim->funcs[i];
		int y = 40 + LEGEND * i;

		fprintf(d->f, "<rect class=\"f%d\" x=\"12\" y=\"%d\" width=\"12\" height=\"12\"/>"
			"<text x=\"32\" y=\"%d\">", i, y, y + 10);
		put_text(d->f, func->name);
		fprintf(d->f, ": %d tasks, mean %.2f us, total %.1f us</text>\n", func->count,
			func->total / func->count, func->total);
	}
}

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

static void put_lanes(const struct drawing *d)
{
	for (int i = 0; i < SWIM_CORES; i++) {
		if (!d->swim->cores[i].count)
			continue;
		fprintf(d->f, "<rect class=\"lane\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
			"<text class=\"name\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
			LEFT, d->lane[i], d->plot, BAR, LEFT - 8, d->lane[i] + 13,
			core_name(d->swim, i));
	}
}

static void put_bar(const struct drawing *d, const struct swim_task *t)
{
	const struct swim_func *func = swim_func(d->swim, t->func_id);
	double x = x_of(d, t->start), width = x_of(d, t->end) - x;
	int y = d->lane[t->core_id];

	fprintf(d->f, "<rect class=\"bar f%d\" x=\"%.2f\" y=\"%d\" width=\"%.2f\" "
		"height=\"%d\"><title>", (int)(func - d->swim->funcs), x, y,
		width < 0.7 ? 0.7 : width, BAR);
	put_text(d->f, func->name);
	fprintf(d->f, ", task %d\nstarts %.2f us\nruns %.2f us\n"
		"handed over %.2f us before</title></rect>\n", t->task_id,
		t->start, t->end - t->start, t->start - t->dispatch);
	if (width < 8 + 6.2 * strlen(func->name))
		return;
	fprintf(d->f, "<text class=\"label\" x=\"%.2f\" y=\"%d\">", x + 4, y + 13);
	put_text(d->f, func->name);
	fputs("</text>\n", d->f);
}

int swim_svg(const struct swim *swim, const char *path)
{
	struct drawing d = { .swim = swim, .f = fopen(path, "w") };
	int bad;

	if (!d.f)
		return complain("%s: %m", path);
	lay_out(&d);
	put_head(&d);
	put_legend(&d);
	put_lanes(&d);
	put_axis(&d);
	for (int i = 0; i < swim->ntasks; i++)
		put_bar(&d, &swim->tasks[i]);
	fputs("</svg>\n", d.f);
	bad = ferror(d.f);
	return fclose(d.f) || bad ? complain("writing %s: %m", path) : PTO_OK;
}
