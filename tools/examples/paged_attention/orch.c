// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * For each sequence, head of the cache, and page, where the updates are a chain:
 *
 *	score ---> soften ---> weigh ---> update ---> ...
 *
 * Buffers between the tasks are the runtime's: they go when a sequence's scope ends.
 */
#include <errno.h>

#include <pto/orch.h>

#include "attention.h"

enum { SCORE, SOFTEN, WEIGH, UPDATE };
/* The arguments, in this order. */
enum {
	QUERY, KEYS, VALUES, TABLE, LENGTHS, OUT,
	BATCH, HEADS, KV_HEADS, DIM, PAGE, PAGES, TABLE_LEN, NARGS
};

struct attention {
	struct pto_orch *o;
	const uint64_t *args;
	struct pto_tensor query, keys, values, out;
	uint32_t group, dim, page;
};

/* The heads of one sequence that share one head of the cache. */
struct heads {
	struct pto_tensor query, out;
	struct pto_tensor stat;		/* of the pages so far */
	uint32_t kv_head;
};

static struct pto_tensor new_tensor(struct pto_orch *o, uint32_t rows, uint32_t cols)
{
	struct pto_tensor t;

	o->table->tensor_init(&t, NULL, (uint32_t[]){ rows, cols }, 2, PTO_FLOAT32);
	return t;
}

static void submit(struct pto_orch *o, int func_id, struct pto_access *access, int count,
		   uint64_t scalar)
{
	struct pto_task task = {
		.size = sizeof(task), .kernels = { PTO_NO_KERNEL, PTO_NO_KERNEL, PTO_NO_KERNEL },
		.naccesses = count, .accesses = access, .nscalars = 1, .scalars = &scalar,
	};

	task.kernels[func_id == SOFTEN || func_id == UPDATE] = func_id;
	pto_orch_submit(o, &task);
}

/* The four tasks of a page, of which @tokens are used. */
static void attend(const struct attention *a, struct heads *h, uint32_t page, uint32_t tokens,
		   uint64_t which)
{
	uint32_t at[] = { page, h->kv_head, 0, 0 };
	struct pto_tensor keys, values, stat = new_tensor(a->o, 2, a->group);
	struct pto_tensor scores = new_tensor(a->o, a->group, tokens);
	struct pto_tensor sums = new_tensor(a->o, a->group, a->dim);
	int dir = which & FIRST ? PTO_OUT : PTO_INOUT;

	a->o->table->tensor_view(&a->keys, (uint32_t[]){ 1, 1, a->dim, tokens }, at, &keys);
	a->o->table->tensor_view(&a->values, (uint32_t[]){ 1, 1, tokens, a->dim }, at, &values);
	submit(a->o, SCORE, (struct pto_access[]){
		{ &h->query, PTO_IN }, { &keys, PTO_IN }, { &scores, PTO_OUT } }, 3, 0);
	submit(a->o, SOFTEN, (struct pto_access[]){
		{ &scores, PTO_INOUT }, { &stat, PTO_OUT } }, 2, 0);
	submit(a->o, WEIGH, (struct pto_access[]){
		{ &scores, PTO_IN }, { &values, PTO_IN }, { &sums, PTO_OUT } }, 3, 0);
	submit(a->o, UPDATE, (struct pto_access[]){
		{ &sums, PTO_IN }, { &stat, PTO_IN }, { &h->stat, dir }, { &h->out, dir } }, 4, which);
}

static void sequence(const struct attention *a, uint32_t b)
{
	const int32_t *pages = (const int32_t *)a->args[TABLE] + b * a->args[TABLE_LEN];
	uint32_t length = ((const int32_t *)a->args[LENGTHS])[b], kv_head, from;

	if (length > a->args[TABLE_LEN] * a->page)
		pto_orch_fail(a->o, -ERANGE, "a sequence is longer than its table");
	for (kv_head = 0; kv_head < a->args[KV_HEADS] && !pto_orch_failed(a->o); kv_head++) {
		uint32_t at[] = { b, kv_head * a->group, 0 }, shapes[] = { 1, a->group, a->dim };
		struct heads h = { .stat = new_tensor(a->o, 2, a->group), .kv_head = kv_head };

		a->o->table->tensor_view(&a->query, shapes, at, &h.query);
		a->o->table->tensor_view(&a->out, shapes, at, &h.out);
		for (from = 0; from < length; from += a->page) {
			uint32_t left = length - from;

			attend(a, &h, pages[from / a->page], left < a->page ? left : a->page,
			       (from ? 0 : FIRST) | (left > a->page ? 0 : LAST));
		}
	}
}

void aicpu_orchestration_entry(struct pto_orch *o, uint64_t *args, int nargs, int threads,
			       int index)
{
	if (nargs != NARGS || !args[KV_HEADS] || args[HEADS] % args[KV_HEADS]) {
		pto_orch_fail(o, -EINVAL, "heads is not a multiple of kv_heads");
		return;
	}

	struct attention a = {
		.o = o, .args = args, .group = args[HEADS] / args[KV_HEADS],
		.dim = args[DIM], .page = args[PAGE],
	};
	uint32_t one[] = { args[BATCH], args[HEADS], a.dim };
	uint32_t keys[] = { args[PAGES], args[KV_HEADS], a.dim, a.page };
	uint32_t values[] = { args[PAGES], args[KV_HEADS], a.page, a.dim };

	o->table->tensor_init(&a.query, (void *)args[QUERY], one, 3, PTO_FLOAT32);
	o->table->tensor_init(&a.out, (void *)args[OUT], one, 3, PTO_FLOAT32);
	o->table->tensor_init(&a.keys, (void *)args[KEYS], keys, 4, PTO_FLOAT32);
	o->table->tensor_init(&a.values, (void *)args[VALUES], values, 4, PTO_FLOAT32);
	/* Sequences have nothing to do with one another, so each thread takes its share. */
	for (uint32_t b = index; b < args[BATCH]; b += threads) {
		pto_orch_scope_begin(o);
		sequence(&a, b);
		pto_orch_scope_end(o);
	}
}
