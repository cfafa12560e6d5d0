// SPDX-License-Identifier: MIT OR LGPL-2.1
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build.h"
#include "pto.h"
#include "spawn.h"

#define CC_CAN_NOT_WRITE	3	/* exit status of pto-cc(1) */

/** struct job - one pto-cc at work */
struct job {
	char *source;
	char *out;
	pid_t pid;
};

/* The caller's own; NULL: there is none, and no place that others can write to will do. */
static const char *home(void)
{
	const char *dir = getenv("HOME");
	const struct passwd *who;

	if (dir && *dir)
		return dir;
	who = getpwuid(geteuid());
	return who && who->pw_dir && *who->pw_dir == '/' ? who->pw_dir : NULL;
}

/* $PTO_CACHE, or else as the XDG base directory specification has it; NULL: no cache. */
static char *cache_dir(void)
{
	const char *dir = getenv("PTO_CACHE");
	char *path = NULL;

	if (dir && *dir)
		return strdup(dir);
	dir = getenv("XDG_CACHE_HOME");
	if (dir && *dir)
		return asprintf(&path, "%s/pto", dir) < 0 ? NULL : path;
	dir = home();
	return !dir || asprintf(&path, "%s/.cache/pto", dir) < 0 ? NULL : path;
}

/* Compile @source into @work, as @name.so. */
static int job_start(struct job *job, const struct example *ex, const char *work,
		     char *kind, const char *source, const char *name)
{
	char *cc = part("bin/pto-cc"), *cache = cache_dir();

	job->pid = -1;
	if (cc && asprintf(&job->source, "%s/%s", ex->dir, source) > 0 &&
	    asprintf(&job->out, "%s/%s.so", work, name) > 0) {
		char *argv[10] = { cc, kind, "-o", job->out, job->source };
		int n = 5;

		if (cache) {
			argv[n++] = "--cache";
			argv[n++] = cache;
		}
		if (ex->compat) {
			argv[n++] = "--compat";
			argv[n++] = (char *)ex->compat;
		}
		job->pid = spawn(argv, true, NULL);
	}
	free(cache);
	free(cc);
	return job->pid < 0 ? -1 : 0;
}

static int read_file(const char *path, struct image *image)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	int ret = -1;

	if (f && !fstat(fileno(f), &st)) {
		image->size = st.st_size;
		image->bytes = malloc(image->size);
		if (image->bytes && fread(image->bytes, 1, image->size, f) == image->size)
			ret = 0;
	}
	if (f)
		fclose(f);
	return ret ? complain("%s: %m", path), -1 : 0;
}

static int job_end(struct job *job, struct image *image)
{
	int ret = -1;

	if (job->pid >= 0) {
		int status = spawn_wait(job->pid);

		/* What else there may be, pto-cc has told. */
		if (!status)
			ret = read_file(job->out, image);
		else if (status != CC_CAN_NOT_WRITE)
			complain("%s did not compile", job->source);
	}
	free(job->source);
	free(job->out);
	return ret;
}

int build_images(const struct example *ex, const char *work, struct images *images)
{
	struct job orch = { 0 }, kernels[EXAMPLE_MAX] = { 0 };
	int ret = job_start(&orch, ex, work, "--orch", ex->orch_source, "orch");

	for (int i = 0; i < ex->nkernels; i++) {
		char name[32];

		snprintf(name, sizeof(name), "kernel-%d", i);
		ret |= job_start(&kernels[i], ex, work, "--kernel", ex->kernels[i].source, name);
	}
	ret |= job_end(&orch, &images->orch);
	for (int i = 0; i < ex->nkernels; i++)
		ret |= job_end(&kernels[i], &images->kernels[i]);
	return ret ? PTO_FAILED : PTO_OK;
}

void images_free(struct images *images)
{
	free(images->orch.bytes);
	for (int i = 0; i < EXAMPLE_MAX; i++)
		free(images->kernels[i].bytes);
}
