// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Device memory: one address window, and the allocations in it.
 *
 * The window is reserved without memory behind it and cut into chunks of
 * 2 MiB. A chunk is
 *   - free: part of a free run, whose length its first and last chunk know;
 *   - a slab: objects of one power-of-two stride, 512 bytes to 1 MiB;
 *   - part of a run that holds one allocation too large for a slab.
 * An address leads to its allocation by the chunk table and a shift, so every
 * operation is O(1) but for the system calls that a run costs.
 *
 * Behind each allocation lies a gap of at least 64 bytes that is never handed
 * out, so that a range that leaves its allocation never is inside the next.
 * Strides of 64 KiB and up, and runs, end with a page without access.
 *
 * A slab that becomes empty is given back unless it is the only empty one of
 * its stride. Of the free chunks up to WARM_CHUNKS keep their pages, as
 * fresh ones have to be zeroed by the kernel. Memory of a device's driver is
 * not kept so: each slab and each run is one object of the driver's, since what it
 * copies must lie inside one.
 */
#include <errno.h>
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "device/memory.h"
#include "pto/pto.h"

#define CHUNK_SHIFT	21
#define CHUNK_SIZE	((size_t)1 << CHUNK_SHIFT)
#define WARM_CHUNKS	16

#define MIN_SHIFT	9
#define MAX_SHIFT	20
#define GUARD_SHIFT	16	/* strides from here on end with a guard page */
#define GAP		64

/* Each guard costs the process two of its (by default 65530) mappings. */
#define MAX_GUARDS	16384

#define RUN_CLASSES	32

/* struct slab.size, where it is not a size */
#define NEVER_USED	0
#define FREED		UINT32_MAX

_Static_assert(MEM_ALIGN == 1 << MIN_SHIFT, "objects are aligned by their stride");

/**
 * struct slab - the objects of a chunk
 * @words:	bit w: @free[w] is not 0
 * @free:	bit: the object may be handed out
 * @guarded:	bit: the object's guard page is in place
 * @size:	the bytes asked for, NEVER_USED or FREED
 */
struct slab {
	uint64_t words;
	uint64_t free[64];
	uint32_t guarded;
	uint32_t size[];
};

enum chunk_kind { CHUNK_FREE, CHUNK_SLAB, CHUNK_RUN, CHUNK_LOST };

/**
 * struct chunk - an entry of the chunk table
 * @kind:	CHUNK_LOST: a run freed while the window was quarantined
 * @shift:	SLAB: log2 of the stride
 * @warm:	FREE: its pages are kept
 * @freed:	FREE: it was the first of a run that was freed
 * @guard:	RUN: its guard is in place
 * @run:	FREE, RUN, LOST: length of the run, in its first chunk (FREE: and its last)
 * @first:	RUN, LOST: the run's first chunk
 * @live:	SLAB: objects in use
 * @handle:	SLAB, RUN, LOST: what the window's source calls its memory
 * @link:	SLAB with room: in mem.room; first of a FREE run: in mem.runs
 */
struct chunk {
	uint8_t kind;
	uint8_t shift;
	bool warm;
	bool freed;
	bool guard;
	uint32_t run;
	uint32_t first;
	uint32_t live;
	uint32_t handle;
	LIST_ENTRY(chunk) link;
	union {
		struct slab *slab;
		size_t size;
	};
};

LIST_HEAD(chunk_list, chunk);

/**
 * struct mem - a window
 * @lock:	protects all that follows it; innermost, nothing is called under
 *		it that takes another
 * @quarantined: is set under it, and never cleared
 * @room:	by stride, slabs with a free object
 * @spare:	by stride, the one slab that is kept though empty
 * @runs:	free runs, by log2 of their length
 * @run_mask:	bit k: @runs[k] is not empty
 * @warm:	free chunks that keep their pages
 */
struct mem {
	char *base;
	size_t window;
	size_t total;
	size_t page;
	struct mem_source *source;

	pthread_mutex_t lock;
	atomic_bool quarantined;
	uint32_t count;
	size_t used;
	size_t peak;
	struct chunk_list room[MAX_SHIFT + 1];
	struct chunk *spare[MAX_SHIFT + 1];
	struct chunk_list runs[RUN_CLASSES];
	uint32_t run_mask;
	uint32_t warm;
	uint32_t nchunks;
	struct chunk chunks[];
};

/**
 * struct block - the place an address belongs to
 * @live:	it is allocated: @size bytes at @start
 * @freed:	it is not, but was
 * @index:	SLAB: number of the object
 */
struct block {
	struct chunk *chunk;
	char *start;
	size_t size;
	uint32_t index;
	bool live;
	bool freed;
};

static atomic_uint guards;	/* of all windows in this process */

static unsigned int log2_floor(size_t n)
{
	return 63 - __builtin_clzll(n);
}

static unsigned int log2_ceil(size_t n)
{
	return n > 1 ? log2_floor(n - 1) + 1 : 0;
}

static char *chunk_start(struct mem *mem, struct chunk *c)
{
	return mem->base + ((size_t)(c - mem->chunks) << CHUNK_SHIFT);
}

/* The chunk behind the slab or run that begins at @c. */
static struct chunk *chunk_next(struct chunk *c)
{
	return c + (c->kind == CHUNK_SLAB ? 1 : c->run);
}

/* ---- pages --------------------------------------------------------------- */

/* Memory behind a run that was just taken. */
static bool pages_open(struct mem *mem, struct chunk *c, size_t size)
{
	char *start = chunk_start(mem, c);

	if (mem->source) {
		c->handle = mem->source->map(mem->source, start, size);
		return c->handle;
	}
	if (!mprotect(start, size, PROT_READ | PROT_WRITE))
		return true;
	fail(-ENOMEM, "device memory: the system has no %zu bytes left: %s", size, strerror(errno));
	return false;
}

static void pages_close(struct mem *mem, struct chunk *c, size_t size)
{
	char *start = chunk_start(mem, c);

	if (mem->source) {
		if (c->handle)
			mem->source->unmap(mem->source, c->handle, start, size);
		c->handle = 0;
		return;
	}
	madvise(start, size, MADV_DONTNEED);
	mprotect(start, size, PROT_NONE);
}

/* Pages without access; false when the process has too many mappings already. */
static bool guard_set(char *start, size_t size)
{
	if (atomic_fetch_add(&guards, 1) < MAX_GUARDS && !mprotect(start, size, PROT_NONE))
		return true;
	atomic_fetch_sub(&guards, 1);
	return false;
}

static void guard_forget(unsigned int n)
{
	atomic_fetch_sub(&guards, n);
}

/* ---- runs of chunks -------------------------------------------------------- */

static void run_link(struct mem *mem, struct chunk *first, uint32_t n)
{
	unsigned int k = log2_floor(n);

	first->run = n;
	first[n - 1].run = n;
	LIST_INSERT_HEAD(&mem->runs[k], first, link);
	mem->run_mask |= 1u << k;
}

static void run_unlink(struct mem *mem, struct chunk *first)
{
	unsigned int k = log2_floor(first->run);

	LIST_REMOVE(first, link);
	if (LIST_EMPTY(&mem->runs[k]))
		mem->run_mask &= ~(1u << k);
}

/* A free run of at least @n chunks; any of a high enough class will do. */
static struct chunk *run_find(struct mem *mem, size_t n)
{
	unsigned int k = log2_ceil(n);
	uint32_t fit = k < RUN_CLASSES ? mem->run_mask >> k << k : 0;
	struct chunk *c;

	if (fit)
		return LIST_FIRST(&mem->runs[__builtin_ctz(fit)]);
	if (n > mem->nchunks)
		return NULL;
	LIST_FOREACH(c, &mem->runs[log2_floor(n)], link) {
		if (c->run >= n)
			return c;
	}
	return NULL;
}

static struct chunk *run_take(struct mem *mem, size_t n, enum chunk_kind kind)
{
	struct chunk *c = run_find(mem, n);

	if (!c) {
		fail(-ENOMEM, "device memory: no gap of %zu bytes in the window of %zu (%zu in use)",
		     n << CHUNK_SHIFT, mem->window, mem->used);
		return NULL;
	}
	run_unlink(mem, c);
	if (c->run > n)
		run_link(mem, c + n, c->run - n);
	c->run = n;
	for (uint32_t i = 0; i < n; i++) {
		c[i].kind = kind;
		c[i].first = c - mem->chunks;
		c[i].freed = false;
		mem->warm -= c[i].warm;
		c[i].warm = false;
	}
	return c;
}

static void run_give(struct mem *mem, struct chunk *c, uint32_t n)
{
	struct chunk *end = mem->chunks + mem->nchunks;
	size_t size = (size_t)n << CHUNK_SHIFT;
	bool keep = !mem->source && mem->warm + n <= WARM_CHUNKS;

	ASAN_UNPOISON_MEMORY_REGION(chunk_start(mem, c), size);
	if (keep)
		mem->warm += n;
	else
		pages_close(mem, c, size);
	for (uint32_t i = 0; i < n; i++) {
		c[i].kind = CHUNK_FREE;
		c[i].warm = keep;
	}
	if (c + n < end && c[n].kind == CHUNK_FREE) {
		run_unlink(mem, c + n);
		n += c[n].run;
	}
	if (c > mem->chunks && c[-1].kind == CHUNK_FREE) {
		uint32_t before = c[-1].run;

		c -= before;
		run_unlink(mem, c);
		n += before;
	}
	run_link(mem, c, n);
}

static char *run_alloc(struct mem *mem, size_t size)
{
	size_t n = (size + mem->page + CHUNK_SIZE - 1) >> CHUNK_SHIFT;
	size_t data = align_up(size, mem->page), whole = n << CHUNK_SHIFT;
	struct chunk *c = run_take(mem, n, CHUNK_RUN);
	char *start;

	if (!c)
		return NULL;
	start = chunk_start(mem, c);
	/* What of a run is not opened has no access; only warm chunks need a guard. */
	if (!pages_open(mem, c, mem->source ? data : whole)) {
		run_give(mem, c, n);
		return NULL;
	}
	c->size = size;
	c->guard = !mem->source && guard_set(start + data, whole - data);
	ASAN_POISON_MEMORY_REGION(start + size, whole - size);
	return start;
}

static void run_free(struct mem *mem, struct chunk *c)
{
	if (mem->quarantined) {
		for (uint32_t i = 0; i < c->run; i++)
			c[i].kind = CHUNK_LOST;
		return;
	}
	guard_forget(c->guard);
	c->freed = true;
	run_give(mem, c, c->run);
}

/* ---- slabs ----------------------------------------------------------------- */

static unsigned int stride_shift(struct mem *mem, size_t size)
{
	unsigned int shift = max(log2_ceil(size + GAP), (unsigned int)MIN_SHIFT);

	return shift < GUARD_SHIFT ? shift : log2_ceil(size + mem->page);
}

static struct slab *slab_new(unsigned int shift)
{
	uint32_t n = CHUNK_SIZE >> shift;
	struct slab *slab = calloc(1, sizeof(*slab) + n * sizeof(slab->size[0]));

	if (!slab) {
		fail(-ENOMEM, "device memory: no host memory for its tables");
		return NULL;
	}
	for (uint32_t i = 0; i < n; i++)
		slab->free[i / 64] |= 1ull << (i % 64);
	for (uint32_t w = 0; w < (n + 63) / 64; w++)
		slab->words |= 1ull << w;
	return slab;
}

static struct chunk *slab_open(struct mem *mem, unsigned int shift)
{
	struct chunk *c = run_take(mem, 1, CHUNK_SLAB);

	if (!c)
		return NULL;
	c->slab = slab_new(shift);
	if (!c->slab || !pages_open(mem, c, CHUNK_SIZE)) {
		free(c->slab);
		run_give(mem, c, 1);
		return NULL;
	}
	ASAN_POISON_MEMORY_REGION(chunk_start(mem, c), CHUNK_SIZE);
	c->shift = shift;
	c->live = 0;
	LIST_INSERT_HEAD(&mem->room[shift], c, link);
	return c;
}

static void slab_close(struct mem *mem, struct chunk *c)
{
	guard_forget(__builtin_popcount(c->slab->guarded));
	LIST_REMOVE(c, link);
	free(c->slab);
	run_give(mem, c, 1);
}

static uint32_t slab_take(struct mem *mem, struct chunk *c)
{
	struct slab *slab = c->slab;
	unsigned int w = __builtin_ctzll(slab->words);
	unsigned int bit = __builtin_ctzll(slab->free[w]);

	slab->free[w] &= slab->free[w] - 1;
	if (!slab->free[w])
		slab->words &= ~(1ull << w);
	if (!slab->words)
		LIST_REMOVE(c, link);
	if (!c->live++ && mem->spare[c->shift] == c)
		mem->spare[c->shift] = NULL;
	return w * 64 + bit;
}

static char *slab_alloc(struct mem *mem, size_t size, unsigned int shift)
{
	struct chunk *c = LIST_FIRST(&mem->room[shift]);
	struct slab *slab;
	uint32_t i;
	char *start;

	if (!c)
		c = slab_open(mem, shift);
	if (!c)
		return NULL;
	slab = c->slab;
	i = slab_take(mem, c);
	slab->size[i] = size;
	start = chunk_start(mem, c) + ((size_t)i << shift);
	if (shift >= GUARD_SHIFT && !(slab->guarded & 1u << i) &&
	    guard_set(start + ((size_t)1 << shift) - mem->page, mem->page))
		slab->guarded |= 1u << i;
	ASAN_UNPOISON_MEMORY_REGION(start, size);
	return start;
}

static void slab_free(struct mem *mem, struct block *b)
{
	struct chunk *c = b->chunk;
	struct slab *slab = c->slab;

	slab->size[b->index] = FREED;
	if (mem->quarantined)
		return;
	ASAN_POISON_MEMORY_REGION(b->start, b->size);
	if (!slab->words)
		LIST_INSERT_HEAD(&mem->room[c->shift], c, link);
	slab->free[b->index / 64] |= 1ull << (b->index % 64);
	slab->words |= 1ull << (b->index / 64);
	if (--c->live)
		return;
	if (mem->spare[c->shift])
		slab_close(mem, c);
	else
		mem->spare[c->shift] = c;
}

/* ---- finding allocations ----------------------------------------------------- */

static void slab_block(struct mem *mem, struct chunk *c, uint32_t index, struct block *b)
{
	uint32_t size = c->slab->size[index];

	b->chunk = c;
	b->index = index;
	b->start = chunk_start(mem, c) + ((size_t)index << c->shift);
	b->live = size != NEVER_USED && size != FREED;
	b->freed = size == FREED;
	b->size = b->live ? size : 0;
}

static void run_block(struct mem *mem, struct chunk *c, struct block *b)
{
	if (c->kind != CHUNK_FREE)
		c = mem->chunks + c->first;
	b->chunk = c;
	b->start = chunk_start(mem, c);
	b->live = c->kind == CHUNK_RUN;
	b->freed = c->kind == CHUNK_LOST || c->freed;
	b->size = b->live ? c->size : 0;
}

/* Where @ptr belongs to; false outside the window. */
static bool block_find(struct mem *mem, const void *ptr, struct block *b)
{
	size_t offset = (uintptr_t)ptr - (uintptr_t)mem->base;
	struct chunk *c;

	if (offset >= mem->window)
		return false;
	c = mem->chunks + (offset >> CHUNK_SHIFT);
	if (c->kind == CHUNK_SLAB)
		slab_block(mem, c, (offset & (CHUNK_SIZE - 1)) >> c->shift, b);
	else
		run_block(mem, c, b);
	return true;
}

/* All live allocations, by address. */
static void visit_live(struct mem *mem, void (*visit)(void *arg, const struct block *b),
		       void *arg)
{
	struct chunk *end = mem->chunks + mem->nchunks;
	struct block b;

	for (struct chunk *c = mem->chunks; c < end; c = chunk_next(c)) {
		if (c->kind == CHUNK_SLAB) {
			for (uint32_t i = 0; i < CHUNK_SIZE >> c->shift; i++) {
				slab_block(mem, c, i, &b);
				if (b.live)
					visit(arg, &b);
			}
		} else if (c->kind == CHUNK_RUN) {
			run_block(mem, c, &b);
			visit(arg, &b);
		}
	}
}

struct nearest {
	uintptr_t addr;
	uintptr_t distance;
	uintptr_t start;
	size_t size;
};

static void nearest_visit(void *arg, const struct block *b)
{
	struct nearest *n = arg;
	uintptr_t start = (uintptr_t)b->start, end = start + b->size, distance = 0;

	if (n->addr < start)
		distance = start - n->addr;
	else if (n->addr >= end)
		distance = n->addr - end + 1;
	if (n->start && distance >= n->distance)
		return;
	n->distance = distance;
	n->start = start;
	n->size = b->size;
}

/* Fails with @what, and the allocation that the caller may have meant. */
static int fail_nearest(struct mem *mem, const void *ptr, const char *what)
{
	struct nearest n = { .addr = (uintptr_t)ptr };

	visit_live(mem, nearest_visit, &n);
	if (!n.start)
		return fail(-EINVAL, "%p %s; nothing is allocated", ptr, what);
	if (n.addr < n.start)
		return fail(-EINVAL, "%p %s; the nearest allocation begins %zu bytes after it: %p, %zu bytes",
			    ptr, what, (size_t)(n.start - n.addr), (void *)n.start, n.size);
	if (n.addr < n.start + n.size)
		return fail(-EINVAL, "%p %s; it lies %zu bytes inside the allocation at %p of %zu bytes",
			    ptr, what, (size_t)(n.addr - n.start), (void *)n.start, n.size);
	return fail(-EINVAL, "%p %s; the nearest allocation ends %zu bytes before it: %p, %zu bytes",
		    ptr, what, (size_t)(n.addr - n.start - n.size), (void *)n.start, n.size);
}

/* ---- the interface ------------------------------------------------------------- */

static char *block_alloc(struct mem *mem, size_t size)
{
	unsigned int shift;

	if (size > mem->total - mem->used) {
		fail(-ENOMEM, "device memory: asked for %zu bytes, %zu of %zu are in use",
		     size, mem->used, mem->total);
		return NULL;
	}
	shift = stride_shift(mem, size);
	return shift <= MAX_SHIFT ? slab_alloc(mem, size, shift) : run_alloc(mem, size);
}

int mem_alloc(struct mem *mem, size_t size, void **ptr)
{
	char *start;

	if (!size)
		return fail(-EINVAL, "device memory: an allocation of 0 bytes");
	pthread_mutex_lock(&mem->lock);
	start = block_alloc(mem, size);
	if (start) {
		mem->count++;
		mem->used += size;
		mem->peak = max(mem->peak, mem->used);
		*ptr = start;
	}
	pthread_mutex_unlock(&mem->lock);
	return start ? 0 : -ENOMEM;
}

static int block_free(struct mem *mem, void *ptr)
{
	struct block b;

	if (!block_find(mem, ptr, &b))
		return fail_nearest(mem, ptr, "can not be freed: not device memory");
	if (!b.live && b.freed && b.start == ptr)
		return fail_nearest(mem, ptr, "can not be freed: it was freed before");
	if (!b.live)
		return fail_nearest(mem, ptr, "can not be freed: it is not allocated");
	if (b.start != ptr)
		return fail_nearest(mem, ptr, "can not be freed: not the start of an allocation");
	if (b.chunk->kind == CHUNK_SLAB)
		slab_free(mem, &b);
	else
		run_free(mem, b.chunk);
	mem->count--;
	if (!mem->quarantined)
		mem->used -= b.size;
	return 0;
}

int mem_free(struct mem *mem, void *ptr)
{
	int err;

	if (!ptr)
		return 0;
	pthread_mutex_lock(&mem->lock);
	err = block_free(mem, ptr);
	pthread_mutex_unlock(&mem->lock);
	return err;
}

static int block_check(struct mem *mem, const void *ptr, size_t size)
{
	struct block b;
	size_t offset;

	if (!block_find(mem, ptr, &b))
		return fail_nearest(mem, ptr, "is not device memory");
	offset = (const char *)ptr - b.start;
	if (!b.live && b.freed)
		return fail_nearest(mem, ptr, "is not allocated: it was freed before");
	if (!b.live || offset > b.size)
		return fail_nearest(mem, ptr, "is not allocated");
	if (size > b.size - offset)
		return fail(-EINVAL, "%zu bytes at %p go %zu bytes beyond the allocation at %p of %zu bytes",
			    size, ptr, size - (b.size - offset), b.start, b.size);
	return 0;
}

int mem_check(struct mem *mem, const void *ptr, size_t size)
{
	int err;

	pthread_mutex_lock(&mem->lock);
	err = block_check(mem, ptr, size);
	pthread_mutex_unlock(&mem->lock);
	return err;
}

bool mem_is_start(struct mem *mem, const void *ptr)
{
	struct block b;
	bool yes;

	pthread_mutex_lock(&mem->lock);
	yes = block_find(mem, ptr, &b) && b.live && b.start == ptr;
	pthread_mutex_unlock(&mem->lock);
	return yes;
}

void mem_quarantine(struct mem *mem)
{
	pthread_mutex_lock(&mem->lock);
	mem->quarantined = true;
	pthread_mutex_unlock(&mem->lock);
}

bool mem_quarantined(const struct mem *mem)
{
	return atomic_load_explicit(&mem->quarantined, memory_order_relaxed);
}

void mem_stat(struct mem *mem, struct pto_mem_stat *stat)
{
	pthread_mutex_lock(&mem->lock);
	stat->count = mem->count;
	stat->used = mem->used;
	stat->peak = mem->peak;
	stat->total = mem->total;
	pthread_mutex_unlock(&mem->lock);
}

struct snapshot {
	uint32_t count;
	struct { void *ptr; size_t size; } *entry;
};

static void snapshot_visit(void *arg, const struct block *b)
{
	struct snapshot *s = arg;

	s->entry[s->count].ptr = b->start;
	s->entry[s->count++].size = b->size;
}

/* @visit sees a snapshot and is called without the lock: it may do what it likes. */
int mem_list(struct mem *mem, int (*visit)(void *arg, void *ptr, size_t size), void *arg)
{
	struct snapshot s = { 0 };
	int ret = 0;

	pthread_mutex_lock(&mem->lock);
	s.entry = calloc(mem->count + 1, sizeof(s.entry[0]));
	if (s.entry)
		visit_live(mem, snapshot_visit, &s);
	pthread_mutex_unlock(&mem->lock);
	if (!s.entry)
		return fail(-ENOMEM, "device memory: no host memory to list its allocations");
	for (uint32_t i = 0; i < s.count && !ret; i++)
		ret = visit(arg, s.entry[i].ptr, s.entry[i].size);
	free(s.entry);
	return ret;
}

/* Reserve a window aligned to a chunk, so that huge pages fit in it. */
static char *window_reserve(size_t window)
{
	char *map = mmap(NULL, window + CHUNK_SIZE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *base;

	if (map == MAP_FAILED)
		return NULL;
	base = (char *)align_up((uintptr_t)map, CHUNK_SIZE);
	if (base > map)
		munmap(map, base - map);
	munmap(base + window, map + CHUNK_SIZE - base);
	return base;
}

/* Where LeakSanitizer is, it is told that there are pointers in the tables. */
void __lsan_register_root_region(const void *at, size_t size) __attribute__((weak));
void __lsan_unregister_root_region(const void *at, size_t size) __attribute__((weak));

/*
 * The tables. There is an entry for each chunk that the window has room for, and few are used:
 * from the heap, whose memory may have been used before, all of them might have to be cleared.
 */
static size_t tables_size(size_t nchunks)
{
	return sizeof(struct mem) + nchunks * sizeof(struct chunk);
}

int mem_create(size_t window, size_t total, struct mem_source *source, struct mem **memp)
{
	size_t n = window >> CHUNK_SHIFT;
	struct mem *mem;
	char *base;

	if (!n || window & (window - 1) || n > UINT32_MAX)
		return fail(-EINVAL, "device memory: a window of %zu bytes is not a power of two of at least %zu",
			    window, CHUNK_SIZE);
	if (total > window)
		return fail(-EINVAL, "device memory: %zu bytes do not fit in a window of %zu",
			    total, window);
	base = source ? source->base : window_reserve(window);
	if (!base)
		return fail(-ENOMEM, "device memory: no address window of %zu bytes: %s", window,
			    strerror(errno));
	mem = mmap(NULL, tables_size(n), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		if (!source)
			munmap(base, window);
		return fail(-ENOMEM, "device memory: no host memory for its tables");
	}
	if (__lsan_register_root_region)
		__lsan_register_root_region(mem, tables_size(n));
	mem->base = base;
	mem->window = window;
	mem->total = total;
	mem->page = sysconf(_SC_PAGESIZE);
	mem->source = source;
	mem->nchunks = n;
	pthread_mutex_init(&mem->lock, NULL);
	for (int i = 0; i < ARRAY_SIZE(mem->room); i++)
		LIST_INIT(&mem->room[i]);
	for (int i = 0; i < ARRAY_SIZE(mem->runs); i++)
		LIST_INIT(&mem->runs[i]);
	run_link(mem, mem->chunks, n);
	*memp = mem;
	return 0;
}

static void chunk_destroy(struct mem *mem, struct chunk *c)
{
	size_t size = (chunk_next(c) - c) << CHUNK_SHIFT;

	if (c->kind == CHUNK_FREE)
		return;
	ASAN_UNPOISON_MEMORY_REGION(chunk_start(mem, c), size);
	if (c->kind == CHUNK_SLAB)
		guard_forget(__builtin_popcount(c->slab->guarded));
	else
		guard_forget(c->guard);
	if (mem->source)
		pages_close(mem, c, size);
}

void mem_destroy(struct mem *mem)
{
	struct chunk *end, *c;

	if (!mem)
		return;
	end = mem->chunks + mem->nchunks;
	for (c = mem->chunks; c < end; c = chunk_next(c)) {
		if (!mem->quarantined)
			chunk_destroy(mem, c);
		if (c->kind == CHUNK_SLAB)
			free(c->slab);
	}
	if (!mem->quarantined && !mem->source)
		munmap(mem->base, mem->window);
	pthread_mutex_destroy(&mem->lock);
	if (__lsan_unregister_root_region)
		__lsan_unregister_root_region(mem, tables_size(mem->nchunks));
	munmap(mem, tables_size(mem->nchunks));
}
