// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto-bench: its options, and in which order it measures. */
#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define FAILED		3	/* exit codes are those of pto(1) */
#define USAGE		2
#define USUAL_TASKS	100000
#define BODY_TASKS	2000
#define STREAM_TASKS	10000000
#define REPS		9
#define MORE_REPS	10	/* times that, at most */
#define BATCH		2	/* repetitions that one process makes */

/* ---- options ------------------------------------------------------------ */

enum { OPT_JSON = 256, OPT_PARTS, OPT_SIZES, OPT_BODIES, OPT_PEERS };

static const struct argp_option argp_options[] = {
	{ .name = "graph", .key = 'g', .arg = "NAME",
	  .doc = "Only this graph: indep, chain, layered, wave, tree, random, chol" },
	{ .name = "tasks", .key = 'n', .arg = "N",
	  .doc = "Graphs of about N tasks (default: 100000; chol 11480, tree 262143)" },
	{ .name = "reps", .key = 'r', .arg = "N",
	  .doc = "Repetitions (default 9; of graphs of up to 50000 tasks as many more, up to 90)" },
	{ .name = "threads", .key = 't', .arg = "N,...",
	  .doc = "AICPU threads, or threads of a peer (default 1,2)" },
	{ .name = "block-dim", .key = 'b', .arg = "N", .doc = "Blocks (default 24)" },
	{ .name = "parts", .key = OPT_PARTS, .arg = "PART,...",
	  .doc = "Of graphs, inferred, bodies, growth, latency (default: all); bare: run the graphs "
		 "without looking at the clock, for a profiler" },
	{ .name = "sizes", .key = OPT_SIZES, .arg = "N,...",
	  .doc = "Tasks in the growth table (default 10000,100000,1000000)" },
	{ .name = "bodies", .key = OPT_BODIES, .arg = "NS,...",
	  .doc = "What a task takes in the table of bodies (default 1000,10000)" },
	{ .name = "peers", .key = OPT_PEERS, .arg = "NAME,...",
	  .doc = "Of the peers below (default: all that were built, but for starpu)" },
	{ .name = "json", .key = OPT_JSON, .doc = "JSON instead of tables" },
	{ 0 }
};

static uint32_t read_number(struct argp_state *state, const char *text, uint32_t least,
			    uint32_t most)
{
	unsigned long n;
	char *end;

	n = strtoul(text, &end, 10);
	if (end == text || *end || n < least || n > most)
		argp_error(state, "%s is not a number from %u to %u", text, least, most);
	return n;
}

static void read_list(struct argp_state *state, char *text, uint32_t most, struct list *list)
{
	char *at = NULL, *word;

	list->count = 0;
	for (word = strtok_r(text, ",", &at); word; word = strtok_r(NULL, ",", &at)) {
		if (list->count == MAX_LIST)
			argp_error(state, "more than %u numbers", MAX_LIST);
		list->at[list->count++] = read_number(state, word, 1, most);
	}
	if (!list->count)
		argp_error(state, "an empty list");
}

static void read_parts(struct argp_state *state, char *text, struct options *o)
{
	char *at = NULL, *word;
	bool none = true;

	o->graphs = false;
	o->inferred = false;
	o->bodies = false;
	o->latency = false;
	o->growth = false;
	o->bare = false;
	for (word = strtok_r(text, ",", &at); word; word = strtok_r(NULL, ",", &at)) {
		if (!strcmp(word, "graphs"))
			o->graphs = true;
		else if (!strcmp(word, "inferred"))
			o->inferred = true;
		else if (!strcmp(word, "bodies"))
			o->bodies = true;
		else if (!strcmp(word, "latency"))
			o->latency = true;
		else if (!strcmp(word, "growth"))
			o->growth = true;
		else if (!strcmp(word, "bare"))
			o->bare = true;
		else
			argp_error(state, "no such part: %s", word);
		none = false;
	}
	if (none)
		argp_error(state, "no part");
}

static void read_peers(struct argp_state *state, char *text)
{
	char *at = NULL, *word;
	bool none = true;

	contenders_none();
	for (word = strtok_r(text, ",", &at); word; word = strtok_r(NULL, ",", &at)) {
		if (contenders_add(word))
			argp_error(state, "no such peer: %s", word);
		none = false;
	}
	if (none)
		argp_error(state, "no peer");
}

static const char *known_graph(struct argp_state *state, const char *name)
{
	unsigned int i;

	for (i = 0; i < shape_count; i++)
		if (!strcmp(name, shape_names[i]))
			return shape_names[i];
	argp_error(state, "no such graph: %s", name);
	return NULL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'g':
		o->graph = known_graph(state, arg);
		return 0;
	case 'n':
		o->tasks = read_number(state, arg, 1, 1u << 30);
		return 0;
	case 'r':
		o->reps = read_number(state, arg, 1, MAX_REPS);
		o->reps_given = true;
		return 0;
	case 't':
		read_list(state, arg, 64, &o->threads);
		return 0;
	case 'b':
		o->blocks = read_number(state, arg, 1, 24);
		return 0;
	case OPT_PARTS:
		read_parts(state, arg, o);
		return 0;
	case OPT_SIZES:
		read_list(state, arg, 1u << 30, &o->sizes);
		return 0;
	case OPT_PEERS:
		read_peers(state, arg);
		return 0;
	case OPT_BODIES:
		read_list(state, arg, 1000000, &o->body);
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static char *list_peers(int key, const char *text, void *input)
{
	char *list = NULL;
	unsigned int i;
	size_t size;
	FILE *f;

	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)text;
	f = open_memstream(&list, &size);
	if (!f)
		return NULL;
	fputs("Peers:\n", f);
	for (i = 0; i < contender_count; i++)
		fprintf(f, "  %-14s%s\n", contenders[i].name, contenders[i].title);
	fclose(f);
	return list;
}

/* The peers and their kernels lie beside bin/pto-bench's folder: where they were built, or installed. */
static char *find_dir(void)
{
	static const char *const folders[] = { "tools/bench", "lib/pto/bench" };
	char exe[PATH_MAX], *dir = NULL;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	unsigned int i;

	exe[n > 0 ? n : 0] = 0;
	if (!strrchr(exe, '/'))
		return NULL;
	*strrchr(exe, '/') = 0;
	for (i = 0; i < 2; i++) {
		free(dir);
		if (asprintf(&dir, "%s/../%s", exe, folders[i]) < 0)
			return NULL;
		if (!access(dir, X_OK))
			break;
	}
	return dir;
}

/* ---- the graphs --------------------------------------------------------- */

static uint32_t usual_tasks(const char *graph)
{
	if (!strcmp(graph, "tree"))
		return 2 * (1u << 17) - 1;
	return strcmp(graph, "chol") ? USUAL_TASKS : 11480;
}

/* A large enough graph of the same shape, so that what is there once does not count. */
static int bytes_of(const struct options *o, const struct shape *shape, struct cell *cell)
{
	struct shape large;
	int ret;

	if (shape->ntasks >= USUAL_TASKS)
		return measure_bytes(o, shape, cell);
	ret = shape_make(&large, shape->name, USUAL_TASKS);
	if (ret)
		return -1;
	ret = measure_bytes(o, &large, cell);
	shape_free(&large);
	return ret;
}

/*
 * On a shared host everything is slower for tenths of a second at a time. A small graph is
 * measured for as long as a large one, so that these meet all peers alike.
 */
static unsigned int reps_of(const struct options *o, const struct shape *shape)
{
	uint32_t more = USUAL_TASKS / shape->ntasks;

	if (o->reps_given || !more)
		return o->reps;
	return o->reps * (more < MORE_REPS ? more : MORE_REPS);
}

/* Peers take turns, so that noise meets all of them. */
static int measure_in_turn(const struct options *o, const struct shape *shape,
			   struct cell *const *cell, unsigned int n, unsigned int reps)
{
	unsigned int i, left, batch;
	int ret = 0;

	for (left = reps; left; left -= batch) {
		batch = left < BATCH ? left : BATCH;
		for (i = 0; i < n; i++)
			if (left == reps || !cell[i]->peer->slow)
				ret |= measure_times(o, shape, cell[i], batch);
	}
	return ret;
}

/* Add a cell for each peer; returns how many, or -1. malloc is no matter where bodies take time. */
static int add_cells(const struct options *o, const struct shape *shape, bool inferred,
		     unsigned int threads, uint32_t body, unsigned int reps, struct cell **cell)
{
	unsigned int i;
	int n = 0;

	for (i = 0; i < contender_count; i++) {
		const struct contender *c = &contenders[i];
		enum contender_kind kind = inferred ? c->inferred : c->kind;

		if (kind == ABSENT || !contender_able(c, threads) || (body && c->trim))
			continue;
		cell[n] = cell_new(c, kind, shape, threads, reps);
		if (!cell[n])
			return -1;
		cell[n++]->body = body;
	}
	return n;
}

static int measure_graph(const struct options *o, const char *name, bool inferred,
			 unsigned int threads, struct cell **cell, unsigned int *count)
{
	struct shape shape;
	unsigned int reps;
	int i, n, ret;

	cell += *count;
	if (shape_make(&shape, name, o->tasks ? o->tasks : usual_tasks(name)))
		return -1;
	reps = reps_of(o, &shape);
	n = add_cells(o, &shape, inferred, threads, 0, reps, cell);
	ret = n < 0 ? -1 : measure_in_turn(o, &shape, cell, n, reps);
	for (i = 0; i < n; i++) {
		if (!inferred)
			ret |= bytes_of(o, &shape, cell[i]);
		ret |= measure_check(o, &shape, cell[i]);
	}
	shape_free(&shape);
	if (n < 0)
		return -1;
	*count += n;
	if (!o->json)
		report_cells(cell, n, inferred);
	return ret;
}

static int measure_graphs(const struct options *o, bool inferred, struct cell **cell,
			  unsigned int *count)
{
	unsigned int t, i;
	int ret = 0;

	for (t = 0; t < o->threads.count; t++) {
		if (!o->json)
			report_head(o, o->threads.at[t], inferred);
		for (i = 0; i < shape_count; i++)
			if (!o->graph || o->graph == shape_names[i])
				ret |= measure_graph(o, shape_names[i], inferred, o->threads.at[t],
						     cell, count);
	}
	for (t = 0; t < o->threads.count && !o->json; t++)
		report_compare(cell, *count, o->threads.at[t]);
	return ret;
}

/* Of libpto alone. */
static int measure_stream(const struct options *o, struct results *r)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < contender_count; i++) {
		const struct contender *c = &contenders[i];

		if (c->inferred != SUBJECT || !contender_able(c, 1))
			continue;
		r->streamed = streamed_new(o->tasks ? 10 * o->tasks : STREAM_TASKS);
		if (!r->streamed || measure_streamed(o, c, r->streamed))
			ret = -1;
		else if (!o->json)
			report_streamed(r->streamed);
	}
	return ret;
}

/* ---- bodies ------------------------------------------------------------- */

/* Where there is enough to do for two threads, but not without regard to order. */
static bool has_bodies(const struct options *o, const char *graph)
{
	if (o->graph)
		return o->graph == graph;
	return !strcmp(graph, "layered") || !strcmp(graph, "wave") || !strcmp(graph, "random") ||
	       !strcmp(graph, "chol");
}

static int measure_body(const struct options *o, struct results *r, const struct shape *shape,
			unsigned int threads, uint32_t body)
{
	struct cell **cell = r->body + r->bodies;
	int n = add_cells(o, shape, false, threads, body, o->reps, cell);

	if (n < 0)
		return -1;
	r->bodies += n;
	return measure_in_turn(o, shape, cell, n, o->reps);
}

static int measure_bodies(const struct options *o, struct results *r)
{
	struct shape shape;
	unsigned int i, t, b;
	int ret = 0;

	for (i = 0; i < shape_count; i++) {
		if (!has_bodies(o, shape_names[i]))
			continue;
		if (shape_make(&shape, shape_names[i], o->tasks ? o->tasks : BODY_TASKS))
			return -1;
		for (t = 0; t < o->threads.count; t++)
			for (b = 0; b < o->body.count; b++)
				ret |= measure_body(o, r, &shape, o->threads.at[t], o->body.at[b]);
		shape_free(&shape);
	}
	if (!o->json)
		report_bodies(r);
	return ret;
}

/* ---- growth, latency ---------------------------------------------------- */

static int grow(const struct options *o, struct results *r, const char *name,
		const struct contender *peer, unsigned int threads)
{
	struct shape shape;
	struct cell *cell;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < o->sizes.count; i++) {
		if (shape_make(&shape, name, o->sizes.at[i]))
			return -1;
		cell = cell_new(peer, peer->kind, &shape, threads, o->reps);
		if (cell) {
			r->growth[r->growths++] = cell;
			ret |= measure_times(o, &shape, cell, o->reps);
			if (i + 1 == o->sizes.count)
				ret |= measure_bytes(o, &shape, cell);
		}
		shape_free(&shape);
		if (!cell)
			return -1;
	}
	return ret;
}

/* Of libpto, and of the sketch: what the machine's caches and memory do to both. */
static int measure_growth(const struct options *o, struct results *r)
{
	unsigned int i, t, p;
	int ret = 0;

	for (i = 0; i < shape_count; i++) {
		if (o->graph && o->graph != shape_names[i])
			continue;
		for (t = 0; t < o->threads.count; t++)
			for (p = 0; p < contender_count; p++)
				if (contender_able(&contenders[p], o->threads.at[t]) &&
				    (contenders[p].kind == SUBJECT || contenders[p].kind == FLOOR))
					ret |= grow(o, r, shape_names[i], &contenders[p],
						    o->threads.at[t]);
	}
	if (!o->json)
		report_growth(o, r);
	return ret;
}

static int add_latencies(const struct options *o, struct results *r, unsigned int threads)
{
	unsigned int p;

	for (p = 0; p < contender_count; p++) {
		if (contenders[p].kind == ABSENT || !contender_able(&contenders[p], threads))
			continue;
		r->latency[r->latencies] = latency_new(&contenders[p], threads, o->reps);
		if (!r->latency[r->latencies])
			return -1;
		r->latencies++;
	}
	return 0;
}

/* In turn, too. Of what has failed nothing is left. */
static int measure_latencies(const struct options *o, struct results *r)
{
	struct shape one;
	unsigned int t, i, n = 0;
	int ret = 0;

	if (shape_make(&one, "indep", 1))
		return -1;
	for (t = 0; t < o->threads.count; t++)
		ret |= add_latencies(o, r, o->threads.at[t]);
	for (t = 0; t < o->reps; t++)
		for (i = 0; i < r->latencies; i++)
			ret |= measure_latency(o, &one, r->latency[i]);
	for (i = 0; i < r->latencies; i++)
		if (r->latency[i]->cold.count)
			r->latency[n++] = r->latency[i];
	r->latencies = n;
	shape_free(&one);
	if (!o->json)
		report_latency(r);
	return ret;
}

/* Peers of all kinds. */
static int add_bare_cells(const struct options *o, const struct shape *shape, struct cell **cell)
{
	int given = add_cells(o, shape, false, o->threads.at[0], 0, o->reps, cell), inferred;

	inferred = given < 0 ? -1 : add_cells(o, shape, true, o->threads.at[0], 0, o->reps,
					      cell + given);

	return inferred < 0 ? -1 : given + inferred;
}

/* Says only what was run: each graph once more than there are repetitions, twice each time. */
static int run_bare(const struct options *o, struct results *r)
{
	struct shape shape;
	unsigned int i, k;
	int n, ret = 0;

	for (i = 0; i < shape_count; i++) {
		if (o->graph && o->graph != shape_names[i])
			continue;
		if (shape_make(&shape, shape_names[i],
			       o->tasks ? o->tasks : usual_tasks(shape_names[i])))
			return -1;
		n = add_bare_cells(o, &shape, r->graph);
		for (k = 0; k < n; k++) {
			ret |= measure_times(o, &shape, r->graph[k], o->reps);
			printf("%s %s %u\n", r->graph[k]->peer->name, shape.name, shape.ntasks);
		}
		shape_free(&shape);
		if (n < 0)
			return -1;
	}
	return ret;
}

static int measure_all(const struct options *o, struct results *r)
{
	int ret;

	if (o->bare)
		return run_bare(o, r);
	ret = measure_noise(&r->noise);
	if (ret)
		return ret;
	if (!o->json)
		report_noise(&r->noise);
	if (o->graphs)
		ret |= measure_graphs(o, false, r->graph, &r->graphs);
	if (o->inferred)
		ret |= measure_graphs(o, true, r->inferred, &r->inferreds) | measure_stream(o, r);
	if (o->bodies)
		ret |= measure_bodies(o, r);
	if (o->growth)
		ret |= measure_growth(o, r);
	if (o->latency)
		ret |= measure_latencies(o, r);
	if (o->json)
		ret |= report_json(o, r);
	return ret;
}

/* Room for all that can be measured. */
static int make_room(const struct options *o, struct results *r)
{
	size_t n = shape_count * o->threads.count * contender_count;

	r->graph = calloc(n, sizeof(*r->graph));
	r->inferred = calloc(n, sizeof(*r->inferred));
	r->body = calloc(n * o->body.count, sizeof(*r->body));
	r->growth = calloc(n * o->sizes.count, sizeof(*r->growth));
	r->latency = calloc(n, sizeof(*r->latency));
	return r->graph && r->inferred && r->body && r->growth && r->latency ? 0 : -1;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = parse,
		.doc = "Measure what a task costs in libpto, and in others.\v ",
		.help_filter = list_peers,
	};
	struct options o = {
		.reps = REPS, .blocks = 24,
		.graphs = true, .inferred = true, .bodies = true, .latency = true, .growth = true,
		.threads = { 2, { 1, 2 } }, .sizes = { 3, { 10000, 100000, 1000000 } },
		.body = { 2, { 1000, 10000 } },
	};
	struct results r = { 0 };
	int ret;

	contenders_usual();
	argp_err_exit_status = USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	o.dir = find_dir();
	if (!o.dir || make_room(&o, &r)) {
		fprintf(stderr, "pto-bench: no memory\n");
		return FAILED;
	}
	ret = contenders_find(o.dir);
	ret |= measure_all(&o, &r);
	free(r.graph);
	free(r.inferred);
	free(r.body);
	free(r.growth);
	free(r.latency);
	free(o.dir);
	if (fflush(stdout) || ferror(stdout)) {
		perror("pto-bench: writing the output");
		return FAILED;
	}
	return ret ? 1 : 0;
}
