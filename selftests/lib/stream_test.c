// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Devices by name, and copies on streams. */
#include "kselftest_harness.h"

#include <pthread.h>
#include <sys/mman.h>

#include "lib_test.h"

TEST(device_names)
{
	struct pto_device_info info = { .size = sizeof(info) };
	struct pto_device *a, *b;

	EXPECT_EQ(-EINVAL, pto_device_open(NULL, NULL));
	EXPECT_EQ(-EINVAL, pto_device_open("embeded", &a));
	EXPECT_EQ(-EINVAL, pto_device_open("", &a));
	EXPECT_EQ(-EINVAL, pto_device_open("embedded-1", &a));
	EXPECT_EQ(-EINVAL, pto_device_open("embedded1x", &a));
	EXPECT_EQ(-ENODEV, pto_device_open("embedded16", &a));
	EXPECT_NE(NULL, strstr(pto_last_error(), "16"));
	ASSERT_EQ(0, pto_device_open("embedded15", &a));
	ASSERT_EQ(0, pto_device_open("embedded15", &b));
	EXPECT_EQ(a, b);
	pto_device_close(b);
	EXPECT_EQ(0, pto_device_query(a, &info));
	EXPECT_EQ(15, info.index);
	EXPECT_EQ(24, info.blocks);
	EXPECT_EQ(72, info.cores);
	EXPECT_EQ(0, strcmp(info.backend, "embedded"));
	info.size = 8;
	EXPECT_EQ(-EINVAL, pto_device_query(a, &info));
	pto_device_close(a);
	pto_device_close(NULL);
}

TEST(version)
{
	EXPECT_EQ(PTO_VERSION_MAJOR << 16 | PTO_VERSION_MINOR << 8 | PTO_VERSION_PATCH,
		  pto_version());
	EXPECT_EQ(1, pto_has_feature("embedded"));
	EXPECT_EQ(0, pto_has_feature("time-travel"));
	EXPECT_EQ(0, pto_has_feature(NULL));
}

#define N	4096

FIXTURE(stream)
{
	struct pto_device *dev;
	struct pto_stream *s;
	uint32_t *a, *b;
	uint32_t host[N], back[N];
};

FIXTURE_SETUP(stream)
{
	int i;

	ASSERT_EQ(0, pto_device_open(NULL, &self->dev));
	ASSERT_EQ(0, pto_stream_create(self->dev, &self->s));
	ASSERT_EQ(0, pto_mem_alloc(self->dev, sizeof(self->host), (void **)&self->a));
	ASSERT_EQ(0, pto_mem_alloc(self->dev, sizeof(self->host), (void **)&self->b));
	for (i = 0; i < N; i++)
		self->host[i] = i * 2654435761u;
}

FIXTURE_TEARDOWN(stream)
{
	pto_stream_destroy(self->s);
	EXPECT_EQ(0, pto_mem_free(self->dev, self->a));
	EXPECT_EQ(0, pto_mem_free(self->dev, self->b));
	pto_device_close(self->dev);
}

TEST_F(stream, in_order)
{
	const size_t size = sizeof(self->host);
	int64_t last;
	int round, i;

	for (round = 0; round < 100; round++) {
		memset(self->back, 0, size);
		self->host[0] = round;
		last = pto_stream_write(self->s, self->a, self->host, size);
		ASSERT_LT(0, last);
		EXPECT_EQ(last + 1, pto_stream_copy(self->s, self->b, self->a, size));
		EXPECT_EQ(last + 2, pto_stream_fill(self->s, self->b, 7, 64));
		EXPECT_EQ(last + 3, pto_stream_read(self->s, self->back, self->b, size));
		ASSERT_EQ(0, pto_stream_wait(self->s, last + 3, 10000));
		EXPECT_EQ(last + 3, pto_stream_done(self->s));
		EXPECT_EQ((round + 1) * (3 * size + 64), pto_stream_bytes(self->s));
		for (i = 0; i < N; i++)
			ASSERT_EQ(i < 16 ? 7 : self->host[i], self->back[i]);
	}
}

static void *queue_until_told(void *arg)
{
	FIXTURE_DATA(stream) *self = arg;
	int64_t ret = 0;

	while (!__atomic_load_n(&self->back[0], __ATOMIC_RELAXED) &&
	       (ret >= 0 || ret == -EBUSY))
		ret = pto_stream_fill(self->s, self->b, 1, 64);
	return NULL;
}

TEST_F(stream, waited_for_while_others_queue)
{
	int64_t seqno, tries = 10000000;
	pthread_t thread;
	int round;

	self->back[0] = 0;
	ASSERT_EQ(0, pthread_create(&thread, NULL, queue_until_told, self));
	for (round = 0; round < (SLOWER ? 40 : 200); round++) {
		do
			seqno = pto_stream_fill(self->s, self->a, round, 64);
		while (seqno == -EBUSY && tries--);
		EXPECT_LT(0, seqno) TH_LOG("%s", pto_last_error());
		/* Behind it others go by. */
		EXPECT_EQ(0, pto_stream_wait(self->s, seqno, 5000)) TH_LOG("%s", pto_last_error());
		EXPECT_LE(seqno, pto_stream_done(self->s));
	}
	__atomic_store_n(&self->back[0], 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

TEST_F(stream, full_is_said)
{
	const size_t size = 64 << 20;
	int64_t ret = 1, last = 0;
	void *big;
	int i;

	ASSERT_EQ(0, pto_mem_alloc(self->dev, size, &big));
	for (i = 0; i < 100 && ret > 0; i++) {
		ret = pto_stream_fill(self->s, big, i, size);
		if (ret > 0)
			last = ret;
	}
	EXPECT_EQ(-EBUSY, ret);
	EXPECT_EQ(0, pto_stream_wait(self->s, last, 60000));
	EXPECT_LT(0, pto_stream_fill(self->s, big, 0, 64));
	EXPECT_EQ(-EINVAL, pto_stream_wait(self->s, last + 2, 0));
	EXPECT_EQ(0, pto_stream_wait(self->s, last + 1, 10000));
	EXPECT_EQ(0, pto_mem_free(self->dev, big));
}

TEST_F(stream, bad_arguments)
{
	EXPECT_EQ(-EINVAL, pto_stream_write(self->s, self->a, NULL, 4));
	EXPECT_EQ(-EINVAL, pto_stream_write(NULL, self->a, self->host, 4));
	EXPECT_EQ(-EINVAL, pto_stream_write(self->s, self->a, self->host, 0));
	EXPECT_EQ(-EINVAL, pto_stream_write(self->s, self->a, self->host, sizeof(self->host) + 1));
	EXPECT_EQ(-EINVAL, pto_stream_read(self->s, self->back, self->host, 4));
	EXPECT_EQ(-EINVAL, pto_stream_copy(self->s, self->b, self->host, 4));
	EXPECT_EQ(-EINVAL, pto_stream_copy(self->s, self->a + 1, self->a, 8));
	EXPECT_NE(NULL, strstr(pto_last_error(), "overlap")) TH_LOG("%s", pto_last_error());
	EXPECT_EQ(-EINVAL, pto_stream_copy(self->s, self->a, self->a, 8));
	EXPECT_EQ(-EINVAL, pto_stream_fill(self->s, self->a, 0, 6));
	EXPECT_NE(NULL, strstr(pto_last_error(), "multiples of 4"));
	EXPECT_EQ(-EINVAL, pto_stream_fill(NULL, self->a, 0, 4));
	EXPECT_NE(NULL, strstr(pto_last_error(), "NULL argument"));
	EXPECT_EQ(-EINVAL, pto_stream_wait(self->s, 1, 0));
	EXPECT_EQ(-EINVAL, pto_stream_wait(self->s, 0, -1));
	EXPECT_EQ(0, pto_stream_wait(self->s, 0, 0));
}

TEST_F(stream, host_memory_that_is_not_there)
{
	void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t seqno;

	ASSERT_NE(MAP_FAILED, hole);
	seqno = pto_stream_write(self->s, self->a, hole, 4096);
	/* The driver looks at once, and its stream goes on. */
	if (on_driver(self->dev)) {
		EXPECT_EQ(-EFAULT, seqno);
	} else {
		ASSERT_LT(0, seqno);
		EXPECT_EQ(-EIO, pto_stream_wait(self->s, seqno, 10000));
		EXPECT_EQ(-EIO, pto_stream_write(self->s, self->a, self->host, 4));
	}
	EXPECT_NE(NULL, strstr(pto_last_error(), "not there"));
	munmap(hole, 4096);
	/* Another stream is not touched by that. */
	pto_stream_destroy(self->s);
	ASSERT_EQ(0, pto_stream_create(self->dev, &self->s));
	seqno = pto_stream_write(self->s, self->a, self->host, sizeof(self->host));
	EXPECT_EQ(0, pto_stream_wait(self->s, seqno, 10000));
}

TEST_HARNESS_MAIN
