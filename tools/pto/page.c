// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * A profile as a page of HTML, which needs nothing else: share/pto/page.html with the profile
 * in the place of its mark. Numbers are written in columns, as there may be millions.
 */
#include <stdlib.h>
#include <string.h>

#include "pto.h"
#include "swim.h"

#define MARK		"@PROFILE@"
#define PAGE_MOST	(1 << 20)

/* Within <script> only "<" could end it, or begin something else. */
static int put_escaped(const char *text, size_t size, void *file)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '<')
			fputs("\\u003c", file);
		else
			fputc(text[i], file);
	return 0;
}

static void put_json(FILE *f, const char *name, json_t *value)
{
	fprintf(f, "\"%s\":", name);
	if (!value || json_dump_callback(value, put_escaped, f,
					 JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12)))
		fputs("null", f);
	json_decref(value);
	fputs(",\n", f);
}

enum type { INT, ID, TIME };

/** struct column - a member of all structs of an array */
struct column {
	const char *name;
	enum type type;
	const void *first;
};

static void put_column(FILE *f, const struct column *c, size_t size, int count)
{
	const char *at = c->first;

	fprintf(f, "\"%s\":[", c->name);
	for (int i = 0; i < count; i++, at += size) {
		if (i)
			fputc(',', f);
		if (c->type == INT)
			fprintf(f, "%d", *(const int *)at);
		else if (c->type == ID)
			fprintf(f, "%lld", (long long)*(const int64_t *)at);
		else
			fprintf(f, "%.12g", *(const double *)at);
	}
	fputc(']', f);
}

static void put_tasks(FILE *f, const struct swim *swim)
{
	const struct swim_task *t = swim->tasks;
	const struct column columns[] = {
		{ "id", ID, &t->task_id }, { "core", INT, &t->core_id }, { "node", INT, &t->node },
		{ "ready", TIME, &t->ready }, { "dispatch", TIME, &t->dispatch },
		{ "start", TIME, &t->start }, { "end", TIME, &t->end },
		{ "finish", TIME, &t->finish }, { "head", TIME, &t->head },
		{ "took", TIME, &t->took }, { "seen", TIME, &t->seen },
		{ "tail", TIME, &t->tail },
	};

	fputs("\"tasks\":{", f);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		put_column(f, &columns[i], sizeof(*t), swim->ntasks);
		fputs(",\n", f);
	}
	fputs("\"func\":[", f);
	for (int i = 0; i < swim->ntasks; i++)
		fprintf(f, "%s%d", i ? "," : "",
			(int)(swim_func(swim, t[i].func_id) - swim->funcs));
	fputs("]},\n", f);
}

static void put_graph(FILE *f, const struct swim *swim)
{
	const struct swim_node *n = swim->nodes;

	fputs("\"nodes\":{", f);
	put_column(f, &(struct column){ "id", ID, &n->task_id }, sizeof(*n), swim->nnodes);
	fputs(",\n", f);
	put_column(f, &(struct column){ "first", INT, &n->first }, sizeof(*n), swim->nnodes);
	fputs(",\n", f);
	/* The edges of the last node end where those of one more would begin. */
	put_column(f, &(struct column){ "edge", INT, &n->edge }, sizeof(*n), swim->nnodes + 1);
	fputs("},\n", f);
	put_column(f, &(struct column){ "edges", INT, swim->edges }, sizeof(int), swim->nedges);
	fputs(",\n", f);
	put_column(f, &(struct column){ "path", INT, swim->path }, sizeof(int), swim->npath);
	fputs(",\n", f);
}

static void put_threads(FILE *f, const struct swim *swim)
{
	fputs("\"threads\":[", f);
	for (int i = 0; i < swim->nthreads; i++) {
		const struct swim_thread *t = &swim->threads[i];

		fprintf(f, "%s{\"name\":\"%s\",\"phases\":[", i ? ",\n" : "", thread_name(t));
		for (int k = 0; k < t->nphases; k++)
			fprintf(f, "%s[%d,%.12g,%.12g]", k ? "," : "", t->phases[k].kind,
				t->phases[k].start, t->phases[k].end);
		fputs("]}", f);
	}
	fputs("]", f);
}

static void put_profile(FILE *f, const struct swim *swim)
{
	json_t *hues = json_array(), *kinds = json_array();

	for (int i = 0; i < swim->nfuncs; i++)
		json_array_append_new(hues, json_integer(swim_hue(i)));
	for (int i = 0; i < swim->nkinds; i++)
		json_array_append_new(kinds, json_string(swim->kinds[i]));
	fputs("{", f);
	put_json(f, "stats", swim_json(swim));
	put_json(f, "hues", hues);
	put_json(f, "kinds", kinds);
	put_tasks(f, swim);
	put_graph(f, swim);
	put_threads(f, swim);
	fputs("}", f);
}

/* The page that a profile is put into, for free(); NULL after a complaint. */
static char *load_page(void)
{
	char *path = part("share/pto/page.html"), *text = calloc(1, PAGE_MOST);
	FILE *f = path ? fopen(path, "r") : NULL;

	if (!f || !text) {
		complain("%s: %m", path ? path : "the page");
		free(text);
		text = NULL;
	} else if (!fread(text, 1, PAGE_MOST - 1, f) || !strstr(text, MARK)) {
		complain("%s has no place for a profile: install pto again", path);
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	free(path);
	return text;
}

int swim_page(const struct swim *swim, const char *path)
{
	char *page = load_page(), *mark;
	FILE *f;
	int ret;

	if (!page)
		return PTO_FAILED;
	f = fopen(path, "w");
	if (f) {
		mark = strstr(page, MARK);
		fwrite(page, 1, mark - page, f);
		put_profile(f, swim);
		fputs(mark + strlen(MARK), f);
		ret = swim_close(f, path);
	} else {
		ret = complain("%s: %m", path);
	}
	free(page);
	return ret;
}
