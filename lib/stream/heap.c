// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Buffers for the outputs of tasks, in the order in which they are allocated. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "device/memory.h"
#include "stream/stream.h"

#define ALIGN		1024
#define SLOTS_FIRST	64

/**
 * struct heap_buffer
 * @end:	of the ring up to here is free once it is
 * @maker, @user: the task that it was made for, and the last one that uses it
 * @ended:	its scope has
 */
struct heap_buffer {
	size_t end;
	size_t size;
	uint32_t maker, user;
	bool ended;
};

int heap_create(struct heap *h, struct mem *mem, size_t size)
{
	h->size = size;
	return mem_alloc(mem, size, (void **)&h->base);
}

void heap_destroy(struct heap *h, struct mem *mem)
{
	if (h->base)
		mem_free(mem, h->base);
	free(h->buffers);
}

static struct heap_buffer *buffer(const struct heap *h, uint64_t number)
{
	return &h->buffers[number & (h->slots - 1)];
}

static int more_slots(struct heap *h)
{
	uint32_t slots = max(2 * h->slots, (uint32_t)SLOTS_FIRST);
	struct heap_buffer *grown = calloc(slots, sizeof(*grown));
	uint64_t i;

	if (!grown)
		return fail(-ENOMEM, "no memory to note a buffer");
	for (i = h->first; i != h->next; i++)
		grown[i & (slots - 1)] = *buffer(h, i);
	free(h->buffers);
	h->buffers = grown;
	h->slots = slots;
	return 0;
}

/* Buffers lie in one piece: what is left at the end of the ring may have to be skipped. */
static bool find_room(const struct heap *h, size_t size, size_t *at)
{
	*at = h->head;
	if (h->first != h->next && h->head <= h->tail)
		return h->tail - h->head >= size;
	if (h->size - h->head >= size)
		return true;
	*at = 0;
	return h->tail >= size;
}

int heap_alloc(struct heap *h, size_t size, uint32_t task, uint64_t *number, void **ptr)
{
	size_t at, used;
	int ret;

	if (h->first == h->next)
		h->head = h->tail = 0;
	size = align_up(size, ALIGN);
	if (!find_room(h, size, &at))
		return -ENOSPC;
	if (h->next - h->first == h->slots) {
		ret = more_slots(h);
		if (ret)
			return ret;
	}
	*buffer(h, h->next) = (struct heap_buffer){ .end = at + size, .size = size,
							.maker = task, .user = task };
	*number = h->next++;
	*ptr = h->base + at;
	h->head = at + size;
	h->live += size;
	WRITE_ONCE(h->live_peak, max(h->live_peak, h->live));
	used = h->head > h->tail ? h->head - h->tail : h->size - h->tail + h->head;
	WRITE_ONCE(h->peak, max(h->peak, used));
	return 0;
}

void heap_trim(struct heap *h, uint32_t tail, uint32_t head)
{
	for (; h->first != h->next; h->first++) {
		const struct heap_buffer *b = buffer(h, h->first);

		if (!b->ended || b->user - tail <= head - tail)
			return;
		h->tail = b->end;
	}
}

bool heap_blocker(const struct heap *h, uint32_t *task)
{
	const struct heap_buffer *b = buffer(h, h->first);

	*task = b->user;
	return b->ended;
}

size_t heap_behind(const struct heap *h)
{
	size_t sum = 0;
	uint64_t i;

	for (i = h->first; i != h->next; i++)
		if (buffer(h, i)->ended)
			sum += buffer(h, i)->size;
	return sum;
}

bool heap_use(struct heap *h, uint64_t number, uint32_t task)
{
	struct heap_buffer *b;

	if (number < h->first || number >= h->next)
		return false;
	b = buffer(h, number);
	if (b->ended)
		return false;
	b->user = task;
	return true;
}

/* Buffers are made in the order of the tasks, whose age is what can be compared. */
void heap_keep(struct heap *h, uint32_t maker, uint32_t task, uint32_t head)
{
	uint64_t i;

	for (i = h->next; i-- != h->first; ) {
		struct heap_buffer *b = buffer(h, i);

		if (head - b->maker > head - maker)
			return;
		if (b->maker == maker && head - task < head - b->user)
			b->user = task;
	}
}

void heap_undo(struct heap *h, uint64_t from, uint32_t task)
{
	uint64_t i;

	from = max(from, h->first);
	for (i = from; i < h->next; i++)
		h->live -= buffer(h, i)->size;
	h->next = from;
	if (h->first != h->next)
		h->head = buffer(h, h->next - 1)->end;
	/* Who used them before is not known any more, but was not later than the one before. */
	for (i = h->first; i != h->next; i++)
		if (buffer(h, i)->user == task)
			buffer(h, i)->user = task - 1;
}

void heap_end(struct heap *h, uint64_t from)
{
	uint64_t i;

	for (i = max(from, h->first); i < h->next; i++) {
		struct heap_buffer *b = buffer(h, i);

		if (!b->ended)
			h->live -= b->size;
		b->ended = true;
	}
}
