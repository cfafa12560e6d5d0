// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Device memory: placement, gaps, guards, errors, accounting, threads. */
#include <pthread.h>
#include <sys/syscall.h>

#include "base/util.h"
#include "device/memory.h"
#include "pto/pto.h"

#include "kselftest_harness.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#define KIB	((size_t)1 << 10)
#define MIB	((size_t)1 << 20)
#define GIB	((size_t)1 << 30)
#define GAP	64

#define EXPECT_ERROR(expected, call, text) do { \
	EXPECT_EQ(expected, call); \
	EXPECT_NE(NULL, strstr(pto_last_error(), text)) \
		TH_LOG("no \"%s\" in: %s", text, pto_last_error()); \
} while (0)

/* Sizes around every border between strides, and between slabs and runs. */
static const size_t sizes[] = {
	1, 63, 447, 448, 449, 512, 960, 961, 1024, 4000, 4096, 8128, 8129, 32703, 32704, 32705,
	61440, 61441, 65536, 126976, 126977, 1044480, 1044481, 1048576, 2093056, 2093057,
	2097152, 4190208, 4190209, 10000000,
};

/* Whether the kernel may read there for us: no, in a page without access. */
static bool readable(int pipe_fd, const void *addr)
{
	return syscall(SYS_write, pipe_fd, addr, 1) == 1;
}

static struct pto_mem_stat stat_of(struct mem *mem)
{
	struct pto_mem_stat stat;

	mem_stat(mem, &stat);
	return stat;
}

FIXTURE(memory) {
	struct mem *mem;
};

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, mem_create(GIB, 256 * MIB, NULL, &self->mem));
}

FIXTURE_TEARDOWN(memory)
{
	mem_destroy(self->mem);
}

TEST_F(memory, aligned_and_apart)
{
	char *last_end = NULL;
	void *ptr[ARRAY_SIZE(sizes)];

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, mem_alloc(self->mem, sizes[i], &ptr[i]))
			TH_LOG("%s", pto_last_error());
		EXPECT_EQ(0, (uintptr_t)ptr[i] % MEM_ALIGN);
		memset(ptr[i], i + 1, sizes[i]);
	}
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(i + 1, ((unsigned char *)ptr[i])[0]);
		EXPECT_EQ(i + 1, ((unsigned char *)ptr[i])[sizes[i] - 1]);
		for (int j = 0; j < ARRAY_SIZE(sizes); j++) {
			if (ptr[j] > ptr[i])
				EXPECT_LE((char *)ptr[i] + sizes[i] + GAP, (char *)ptr[j]);
		}
		last_end = max(last_end, (char *)ptr[i] + sizes[i]);
	}
	EXPECT_NE(0, mem_check(self->mem, last_end, 1));
}

TEST_F(memory, check_ranges)
{
	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];
		char *p;

		ASSERT_EQ(0, mem_alloc(self->mem, size, (void **)&p));
		EXPECT_EQ(0, mem_check(self->mem, p, size));
		EXPECT_EQ(0, mem_check(self->mem, p, 0));
		EXPECT_EQ(0, mem_check(self->mem, p + size - 1, 1));
		EXPECT_EQ(0, mem_check(self->mem, p + size, 0));
		EXPECT_ERROR(-EINVAL, mem_check(self->mem, p, size + 1), "beyond the allocation");
		EXPECT_ERROR(-EINVAL, mem_check(self->mem, p, SIZE_MAX), "beyond the allocation");
		EXPECT_ERROR(-EINVAL, mem_check(self->mem, p + size, 1), "beyond the allocation");
		EXPECT_ERROR(-EINVAL, mem_check(self->mem, p + size + 1, 1), "not allocated");
		EXPECT_EQ(0, mem_free(self->mem, p));
		EXPECT_ERROR(-EINVAL, mem_check(self->mem, p, 1), "freed before");
	}
	EXPECT_ERROR(-EINVAL, mem_check(self->mem, self, 1), "is not device memory");
	EXPECT_ERROR(-EINVAL, mem_check(self->mem, NULL, 1), "nothing is allocated");
}

TEST_F(memory, free_errors)
{
	static const size_t some[] = { 1000, 100000, 5000000 };

	EXPECT_EQ(0, mem_free(self->mem, NULL));
	EXPECT_ERROR(-EINVAL, mem_free(self->mem, self), "not device memory; nothing is allocated");
	for (int i = 0; i < ARRAY_SIZE(some); i++) {
		char *p, *q, text[64];

		ASSERT_EQ(0, mem_alloc(self->mem, some[i], (void **)&p));
		ASSERT_EQ(0, mem_alloc(self->mem, 77, (void **)&q));
		EXPECT_ERROR(-EINVAL, mem_free(self->mem, p + 512), "512 bytes inside the allocation");
		snprintf(text, sizeof(text), "%p of %zu bytes", p, some[i]);
		EXPECT_ERROR(-EINVAL, mem_free(self->mem, p + 1), text);
		EXPECT_EQ(0, mem_free(self->mem, p));
		EXPECT_ERROR(-EINVAL, mem_free(self->mem, p), "freed before");
		EXPECT_ERROR(-EINVAL, mem_free(self->mem, q + 512), "not allocated");
		EXPECT_ERROR(-EINVAL, mem_free(self->mem, q + 512), "77 bytes");
		EXPECT_EQ(0, mem_free(self->mem, q));
	}
	EXPECT_EQ(0, stat_of(self->mem).count);
	EXPECT_EQ(0, stat_of(self->mem).used);
}

TEST_F(memory, out_of_memory)
{
	void *p, *q;

	EXPECT_ERROR(-EINVAL, mem_alloc(self->mem, 0, &p), "0 bytes");
	EXPECT_ERROR(-ENOMEM, mem_alloc(self->mem, SIZE_MAX, &p), "asked for 18446744073709551615");
	EXPECT_ERROR(-ENOMEM, mem_alloc(self->mem, 256 * MIB + 1, &p), "0 of 268435456 are in use");
	ASSERT_EQ(0, mem_alloc(self->mem, 255 * MIB, &p));
	ASSERT_EQ(0, mem_alloc(self->mem, MIB, &q));
	EXPECT_ERROR(-ENOMEM, mem_alloc(self->mem, 1, &q), "268435456 of 268435456 are in use");
	EXPECT_EQ(0, mem_free(self->mem, p));
	EXPECT_EQ(0, mem_alloc(self->mem, 255 * MIB, &p));
}

/* Small enough that the window ends before the total does. */
TEST(window_full)
{
	struct mem *mem;
	void *p[8];
	int n = 0;

	ASSERT_EQ(0, mem_create(16 * MIB, 16 * MIB, NULL, &mem));
	while (n < ARRAY_SIZE(p) && !mem_alloc(mem, 2 * MIB - 64 * KIB, &p[n]))
		n++;
	EXPECT_EQ(8, n);
	EXPECT_ERROR(-ENOMEM, mem_alloc(mem, 1, &p[0]), "in the window of 16777216");
	/* Two gaps of one chunk each do not make one of two; two neighbours do. */
	EXPECT_EQ(0, mem_free(mem, p[1]));
	EXPECT_EQ(0, mem_free(mem, p[3]));
	EXPECT_ERROR(-ENOMEM, mem_alloc(mem, 3 * MIB, &p[1]), "in the window");
	EXPECT_EQ(0, mem_free(mem, p[2]));
	EXPECT_EQ(0, mem_alloc(mem, 5 * MIB, &p[1]));
	mem_destroy(mem);
}

TEST(bad_windows)
{
	struct mem *mem;

	EXPECT_ERROR(-EINVAL, mem_create(0, 0, NULL, &mem), "power of two");
	EXPECT_ERROR(-EINVAL, mem_create(3 * MIB, MIB, NULL, &mem), "power of two");
	EXPECT_ERROR(-EINVAL, mem_create(2 * MIB, 4 * MIB, NULL, &mem), "do not fit");
	EXPECT_ERROR(-ENOMEM, mem_create((size_t)1 << 52, MIB, NULL, &mem), "no address window");
	mem_destroy(NULL);
}

/* From 64 KiB on, the page before the next allocation can not be touched. */
TEST_F(memory, guard_pages)
{
	static const size_t some[] = { 40 * KIB, 100 * KIB, 1000 * KIB, 3 * MIB };
	size_t page = sysconf(_SC_PAGESIZE);
	int fd[2];

	ASSERT_EQ(0, pipe(fd));
	for (int i = 0; i < ARRAY_SIZE(some); i++) {
		size_t stride = page;
		char *p;

		ASSERT_EQ(0, mem_alloc(self->mem, some[i], (void **)&p));
		while (stride < some[i] + page)
			stride *= 2;
		EXPECT_TRUE(readable(fd[1], p));
		EXPECT_TRUE(readable(fd[1], p + some[i] - 1));
		EXPECT_FALSE(readable(fd[1], p + stride - page));
		EXPECT_FALSE(readable(fd[1], p + stride - 1));
	}
	close(fd[0]);
	close(fd[1]);
}

/* More guarded allocations than a process may have mappings. */
TEST(many_guards)
{
	enum { N = 40000 };
	struct mem *mem;
	void *p, *map;

	ASSERT_EQ(0, mem_create(4 * GIB, 4 * GIB, NULL, &mem));
	for (int i = 0; i < N; i++) {
		ASSERT_EQ(0, mem_alloc(mem, 60000, &p))
			TH_LOG("%d: %s", i, pto_last_error());
	}
	map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT_NE(MAP_FAILED, map);
	mem_destroy(mem);
}

struct listing {
	struct mem *mem;
	int count;
	size_t used;
	void *last;
	bool ordered;
};

static int list_visit(void *arg, void *ptr, size_t size)
{
	struct listing *l = arg;

	l->ordered &= ptr > l->last;
	l->last = ptr;
	l->count++;
	l->used += size;
	return l->mem ? mem_free(l->mem, ptr) : 0;
}

static int visit_stop(void *arg, void *ptr, size_t size)
{
	return ++*(int *)arg == 3 ? 42 : 0;
}

TEST_F(memory, stat_and_list)
{
	struct listing l = { .ordered = true };
	size_t used = 0;
	void *p[ARRAY_SIZE(sizes)];
	int n = 0;

	for (int i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_EQ(0, mem_alloc(self->mem, sizes[i], &p[i]));
		used += sizes[i];
	}
	EXPECT_EQ(ARRAY_SIZE(sizes), stat_of(self->mem).count);
	EXPECT_EQ(used, stat_of(self->mem).used);
	EXPECT_EQ(used, stat_of(self->mem).peak);
	EXPECT_EQ(256 * MIB, stat_of(self->mem).total);
	EXPECT_EQ(0, mem_list(self->mem, list_visit, &l));
	EXPECT_EQ(ARRAY_SIZE(sizes), l.count);
	EXPECT_EQ(used, l.used);
	EXPECT_TRUE(l.ordered);
	EXPECT_EQ(42, mem_list(self->mem, visit_stop, &n));
	EXPECT_EQ(3, n);
	l = (struct listing){ .mem = self->mem, .ordered = true };
	EXPECT_EQ(0, mem_list(self->mem, list_visit, &l));
	EXPECT_EQ(0, stat_of(self->mem).used);
	EXPECT_EQ(used, stat_of(self->mem).peak);
}

#define LIVE	2000

struct live {
	char *ptr;
	size_t size;
	unsigned char mark;
};

static bool live_intact(const struct live *l)
{
	return (unsigned char)l->ptr[0] == l->mark && (unsigned char)l->ptr[l->size - 1] == l->mark;
}

/* Mostly small, sometimes a run. */
static size_t random_size(unsigned int *seed)
{
	unsigned int shift = rand_r(seed) % 100 ? rand_r(seed) % 16 : 16 + rand_r(seed) % 7;

	return 1 + rand_r(seed) % ((size_t)2 << shift);
}

/* Random allocations and frees against a table of what must be there. */
TEST_F(memory, random_against_oracle)
{
	static struct live live[LIVE];
	unsigned int seed = getenv("SEED") ? atoi(getenv("SEED")) : 1;
	size_t used = 0;
	int count = 0;

	TH_LOG("SEED=%u", seed);
	for (int i = 0; i < 40000; i++) {
		struct live *l = &live[rand_r(&seed) % LIVE];

		if (l->ptr) {
			ASSERT_TRUE(live_intact(l));
			ASSERT_EQ(0, mem_check(self->mem, l->ptr, l->size));
			ASSERT_EQ(0, mem_free(self->mem, l->ptr)) TH_LOG("%s", pto_last_error());
			used -= l->size;
			count--;
			l->ptr = NULL;
			continue;
		}
		l->size = random_size(&seed);
		if (used + l->size > 256 * MIB) {
			ASSERT_EQ(-ENOMEM, mem_alloc(self->mem, l->size, (void **)&l->ptr));
			continue;
		}
		ASSERT_EQ(0, mem_alloc(self->mem, l->size, (void **)&l->ptr))
			TH_LOG("%s", pto_last_error());
		l->mark = i;
		l->ptr[0] = l->ptr[l->size - 1] = l->mark;
		used += l->size;
		count++;
	}
	EXPECT_EQ(used, stat_of(self->mem).used);
	EXPECT_EQ(count, stat_of(self->mem).count);
}

static size_t resident(void)
{
	unsigned long size = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f) {
		if (fscanf(f, "%lu %lu", &size, &rss) != 2)
			rss = 0;
		fclose(f);
	}
	return rss * sysconf(_SC_PAGESIZE);
}

/* Freed memory goes back to the system, but for a little. */
TEST_F(memory, given_back)
{
	size_t before = resident();
	void *p[50];

#ifdef __SANITIZE_THREAD__
	SKIP(return, "the sanitizer's own memory counts too");
#endif
	for (int i = 0; i < ARRAY_SIZE(p); i++) {
		ASSERT_EQ(0, mem_alloc(self->mem, 5 * MIB, &p[i]));
		memset(p[i], 1, 5 * MIB);
	}
	EXPECT_LT(before + 200 * MIB, resident());
	for (int i = 0; i < ARRAY_SIZE(p); i++)
		EXPECT_EQ(0, mem_free(self->mem, p[i]));
	EXPECT_GT(before + 64 * MIB, resident());
}

TEST(quarantine)
{
	static const size_t some[] = { 100, 100000, 3000000 };
	struct mem *mem;
	char *p[3], *q;

	ASSERT_EQ(0, mem_create(64 * MIB, 64 * MIB, NULL, &mem));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, mem_alloc(mem, some[i], (void **)&p[i]));
	mem_quarantine(mem);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(0, mem_free(mem, p[i]));
		EXPECT_ERROR(-EINVAL, mem_free(mem, p[i]), "freed before");
		EXPECT_ERROR(-EINVAL, mem_check(mem, p[i], 1), "freed before");
		ASSERT_EQ(0, mem_alloc(mem, some[i], (void **)&q));
		EXPECT_NE(p[i], q);
	}
	EXPECT_EQ(3, stat_of(mem).count);
	EXPECT_EQ(2 * (100 + 100000 + 3000000), stat_of(mem).used);
	mem_destroy(mem);
	/* A kernel that still runs may go on writing. */
	for (int i = 0; i < 3; i++)
		p[i][some[i] - 1] = 1;
}

static void *thread_main(void *arg)
{
	struct live live[64] = { 0 };
	struct mem *mem = arg;
	unsigned int seed = (uintptr_t)pthread_self() >> 12;
	intptr_t bad = 0;

	for (int i = 0; i < 20000; i++) {
		struct live *l = &live[rand_r(&seed) % ARRAY_SIZE(live)];

		if (l->ptr) {
			bad += !live_intact(l) || mem_free(mem, l->ptr);
			l->ptr = NULL;
			continue;
		}
		l->size = 1 + rand_r(&seed) % (i % 100 ? 5000 : 200000);
		bad += mem_alloc(mem, l->size, (void **)&l->ptr) != 0;
		l->mark = seed;
		l->ptr[0] = l->ptr[l->size - 1] = l->mark;
	}
	for (int i = 0; i < ARRAY_SIZE(live); i++)
		bad += mem_free(mem, live[i].ptr) != 0;
	return (void *)bad;
}

TEST_F(memory, threads)
{
	pthread_t thread[4];

	for (int i = 0; i < ARRAY_SIZE(thread); i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, thread_main, self->mem));
	for (int i = 0; i < ARRAY_SIZE(thread); i++) {
		void *bad;

		pthread_join(thread[i], &bad);
		EXPECT_EQ(NULL, bad);
	}
	EXPECT_EQ(0, stat_of(self->mem).count);
	EXPECT_EQ(0, stat_of(self->mem).used);
}

#ifdef __SANITIZE_ADDRESS__
TEST_F(memory, poisoned_outside)
{
	static const size_t some[] = { 100, 100000, 3000000 };

	for (int i = 0; i < ARRAY_SIZE(some); i++) {
		char *p;

		ASSERT_EQ(0, mem_alloc(self->mem, some[i], (void **)&p));
		EXPECT_FALSE(__asan_address_is_poisoned(p));
		EXPECT_FALSE(__asan_address_is_poisoned(p + some[i] - 1));
		EXPECT_TRUE(__asan_address_is_poisoned(p + some[i]));
		EXPECT_TRUE(__asan_address_is_poisoned(p + some[i] + GAP - 1));
		EXPECT_EQ(0, mem_free(self->mem, p));
		if (some[i] < MIB)
			EXPECT_TRUE(__asan_address_is_poisoned(p));
	}
}
#endif

TEST_HARNESS_MAIN
