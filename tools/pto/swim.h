/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Profiles: swim_time.json read, summed up, and drawn. */
#ifndef TOOLS_SWIM_H
#define TOOLS_SWIM_H

#define SWIM_CORES	72

enum core_type { CORE_AIC, CORE_AIV };

/** struct swim_task - a task that ran; times in us, the first dispatch is 0 */
struct swim_task {
	int task_id;
	int func_id;
	int core_id;
	double dispatch, start, end, finish;
};

/** struct swim_func - what is known of a func_id */
struct swim_func {
	int func_id;
	char name[32];
	int count;
	double total, least, most;
};

/** struct swim_core - what is known of a core; count is 0 for one that is not used */
struct swim_core {
	enum core_type type;
	int count;
	double busy;
};

/**
 * struct swim - a profile
 * @tasks:	by start
 * @funcs:	by func_id
 * @span:	us from the first dispatch to the last finish
 */
struct swim {
	struct swim_task *tasks;
	int ntasks;
	struct swim_func *funcs;
	int nfuncs;
	struct swim_core cores[SWIM_CORES];
	double span;
};

/** swim_load - read a profile; -1 after a complaint; swim_free() in any case */
int swim_load(struct swim *swim, const char *path);
void swim_free(struct swim *swim);

/** swim_name - call a func_id after its source file */
void swim_name(struct swim *swim, int func_id, const char *source);

/** swim_func - what is known of a func_id; NULL when no task has it */
struct swim_func *swim_func(const struct swim *swim, int func_id);

/** core_name - such as "AIC core 0"; the result is valid until the next call */
const char *core_name(const struct swim *swim, int core_id);

/* Write a profile; PTO_OK, or PTO_FAILED after a complaint. */
int swim_svg(const struct swim *swim, const char *path);
int swim_perfetto(const struct swim *swim, const char *path);

/** swim_summary - tables of funcs and cores */
void swim_summary(const struct swim *swim);

#endif
