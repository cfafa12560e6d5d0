// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * An emulator that lies: each field of what it writes is wrong in turn. The driver must cut it
 * off, say why, end its launches, and stay able to work with an honest one.
 */
#include "cores.h"
#include "uapi_test.h"

#define DEPTH	4

FIXTURE(liar) {
	struct uapi u;
	struct cores cores;
	__u32 aic;
	struct pto_prog_load prog;
};

FIXTURE_VARIANT(liar) { enum uapi_path path; };
FIXTURE_VARIANT_ADD(liar, ioctl) { .path = BY_IOCTL };
FIXTURE_VARIANT_ADD(liar, uring) { .path = BY_URING };

FIXTURE_SETUP(liar)
{
	struct pto_cmd cmds[3];
	struct pto_stream_create stream;
	struct uapi *u = &self->u;

	ASSERT_EQ(0, uapi_start(u, variant->path, 0));
	ASSERT_EQ(0, cores_attach(&self->cores, u, DEPTH));
	ASSERT_EQ(0, uapi_stream(u, PTO_ENGINE_AIC, 0, 16, &stream));
	self->aic = stream.handle;
	ASSERT_EQ(0, uapi_load(u, "program", 8, &self->prog));
	cmds[0] = cmds[1] = cmds[2] = cmd_launch(self->prog.handle, 0, 0);
	ASSERT_EQ(0, uapi_submit(u, self->aic, cmds, 3, NULL));
	ASSERT_EQ(3, cores_queued(&self->cores, 0));
}

FIXTURE_TEARDOWN(liar)
{
	uapi_close(&self->u);
}

/* What follows from a lie: @code, on @core, and that an honest one may come. */
static void caught(struct __test_metadata *_metadata, FIXTURE_DATA(liar) *self, __u32 core,
		   __u32 code)
{
	struct pto_cmd launch = cmd_launch(self->prog.handle, 0, 0);
	struct uapi *u = &self->u;
	struct pto_fault_query fault;
	struct cores honest;
	__u64 seqno;

	EXPECT_ROW(u, EMU_STEP, EIO, broken, cores_reap(&self->cores));
	/* Once caught, always. */
	EXPECT_ERRNO(EIO, cores_reap(&self->cores));
	EXPECT_ERRNO(EIO, cores_step(&self->cores, PTO_EMU_WAIT, BOUND_NS));
	ASSERT_EQ(0, uapi_fault(u, &fault));
	EXPECT_EQ(PTO_FAULT_EMULATOR, fault.fault_class);
	EXPECT_EQ(code, fault.code);
	EXPECT_EQ(core, fault.core);
	EXPECT_EQ(0, fault.stream);
	EXPECT_EQ(0, fault.seqno);
	EXPECT_ERRNO(ENODATA, uapi_fault(u, &fault));
	EXPECT_ERRNO(EIO, uapi_wait(u, self->aic, 3, BOUND_NS));
	EXPECT_ERRNO(EIO, uapi_submit(u, self->aic, &launch, 1, NULL));
	ASSERT_EQ(0, uapi_reset(u));
	EXPECT_ERRNO(ENOTCONN, uapi_submit(u, self->aic, &launch, 1, NULL));

	ASSERT_EQ(0, uapi_destroy(u, self->cores.emu.handle));
	ASSERT_EQ(0, cores_attach(&honest, u, DEPTH));
	ASSERT_EQ(0, uapi_submit(u, self->aic, &launch, 1, &seqno));
	ASSERT_EQ(1, cores_queued(&honest, 0));
	cores_end(&honest, 0, PTO_STATUS_OK, 0);
	EXPECT_EQ(0, cores_reap(&honest));
	EXPECT_EQ(0, uapi_wait(u, self->aic, seqno, BOUND_NS));
}

/* A true record of the oldest descriptor, to be spoilt. */
static struct pto_cqe truth(FIXTURE_DATA(liar) *self)
{
	return (struct pto_cqe){ .cookie = cores_desc(&self->cores, 0, 0).cookie };
}

#define LIE(name, at_core, code, ...)					\
	TEST_F(liar, name)						\
	{								\
		struct pto_cqe cqe = truth(self);			\
		volatile struct pto_queue_core *q = cores_core(&self->cores, at_core); \
		__VA_ARGS__;						\
		caught(_metadata, self, at_core, code);			\
	}
#define TELL()	(cores_record(&self->cores, 0, &cqe), q->sq_head++)
#define SAY()	cores_record(&self->cores, 0, &cqe)

LIE(head_by_one, 0, PTO_EMU_BAD_HEAD, (void)cqe, q->sq_head = 4)
LIE(head_backwards, 0, PTO_EMU_BAD_HEAD, (void)cqe, q->sq_head = -1)
LIE(head_far, 0, PTO_EMU_BAD_HEAD, (void)cqe, q->sq_head = 1U << 31)
LIE(head_of_an_idle_core, 3, PTO_EMU_BAD_HEAD, (void)cqe, q->sq_head = 1)
LIE(tail_by_one, 0, PTO_EMU_BAD_TAIL, (void)cqe, q->cq_tail = DEPTH + 1)
LIE(tail_backwards, 0, PTO_EMU_BAD_TAIL, (void)cqe, q->cq_tail = -1)
LIE(tail_of_an_idle_core, 5, PTO_EMU_BAD_TAIL, (void)cqe, q->cq_tail = 99)
LIE(no_record_there, 1, PTO_EMU_BAD_COOKIE, (void)cqe, q->cq_tail = 1)
LIE(cookie_of_the_future, 0, PTO_EMU_BAD_COOKIE, cqe.cookie += 3; TELL())
LIE(cookie_of_the_past, 0, PTO_EMU_BAD_COOKIE, cqe.cookie--; TELL())
LIE(cookie_of_another_core, 0, PTO_EMU_BAD_COOKIE, cqe.cookie ^= 1ULL << 32; TELL())
LIE(cookie_of_no_core, 0, PTO_EMU_BAD_COOKIE, cqe.cookie = ~0ULL; TELL())
LIE(second_record, 0, PTO_EMU_BAD_COOKIE, SAY(); TELL())
LIE(status_unknown, 0, PTO_EMU_BAD_STATUS, cqe.status = PTO_STATUS_CANCELED + 1; TELL())
LIE(status_large, 0, PTO_EMU_BAD_STATUS, cqe.status = ~0U; TELL())
LIE(core_of_another, 0, PTO_EMU_BAD_CORE, cqe.core = 1; TELL())
LIE(core_unknown, 0, PTO_EMU_BAD_CORE, cqe.core = 0xffff; TELL())

/* The record of one that is done: it comes after the driver's head has passed. */
TEST_F(liar, record_too_late)
{
	struct pto_cqe cqe = truth(self);

	cores_core(&self->cores, 0)->sq_head++;
	ASSERT_EQ(0, cores_reap(&self->cores));
	EXPECT_EQ(0, uapi_wait(&self->u, self->aic, 1, BOUND_NS));
	cores_record(&self->cores, 0, &cqe);
	caught(_metadata, self, 0, PTO_EMU_BAD_COOKIE);
}

/* What is no lie by the rules, although it makes no sense: it must do no harm. */
TEST_F(liar, nonsense_that_is_allowed)
{
	volatile struct pto_queue_core *q = cores_core(&self->cores, 0);
	struct pto_cqe cqe = truth(self);
	unsigned int i;

	/* Records that nobody asked for, with times that can not be. */
	cqe.start = ~0ULL;
	cqe.end = 1;
	TELL();
	q->asleep = 0xdeadbeef;
	q->state = 0xdeadbeef;
	for (i = 0; i < 12; i++)
		q->reserved[i] = ~0U;
	ASSERT_EQ(0, cores_reap(&self->cores));
	EXPECT_EQ(0, uapi_wait(&self->u, self->aic, 1, BOUND_NS));
	/* Out of order. */
	cqe = (struct pto_cqe){ .cookie = cores_desc(&self->cores, 0, 1).cookie };
	SAY();
	cqe.cookie--;
	SAY();
	q->sq_head += 2;
	ASSERT_EQ(0, cores_reap(&self->cores));
	EXPECT_EQ(0, uapi_wait(&self->u, self->aic, 3, BOUND_NS));
	EXPECT_EQ(0, uapi_info(&self->u).faults);
}

/* Times are clamped to what can be. */
TEST_F(liar, times)
{
	static const struct { __u64 start, end; } lies[] = {
		{ 0, 0 }, { ~0ULL, ~0ULL }, { 0, ~0ULL }, { ~0ULL, 0 }, { 1ULL << 63, 1 },
	};
	volatile struct pto_queue_core *q = cores_core(&self->cores, 0);
	struct pto_cmd cmd = cmd_launch(self->prog.handle, 0, 0);
	const volatile struct pto_stream_page *page;
	struct pto_stream_create stream;
	struct pto_info_clock before, after;
	struct pto_cqe cqe;
	unsigned int i;

	for (i = 0; i < 3; i++)
		cores_end(&self->cores, 0, PTO_STATUS_OK, 0);
	ASSERT_EQ(0, cores_reap(&self->cores));
	cmd.flags = PTO_CMD_TIMESTAMP;
	ASSERT_EQ(0, uapi_stream(&self->u, PTO_ENGINE_AIC, 0, 8, &stream));
	page = uapi_page(&self->u, &stream);
	ASSERT_NE(NULL, page);
	for (i = 0; i < 5; i++) {
		uapi_query(&self->u, PTO_QUERY_CLOCK, 0, &before, sizeof(before));
		ASSERT_EQ(0, uapi_submit(&self->u, stream.handle, &cmd, 1, NULL));
		cqe = truth(self);
		cqe.start = lies[i].start;
		cqe.end = lies[i].end;
		TELL();
		ASSERT_EQ(0, cores_reap(&self->cores));
		ASSERT_EQ(0, uapi_wait(&self->u, stream.handle, i + 1, BOUND_NS));
		uapi_query(&self->u, PTO_QUERY_CLOCK, 0, &after, sizeof(after));
		EXPECT_LE(before.device_ns, page->ring[i + 1].start);
		EXPECT_LE(page->ring[i + 1].start, page->ring[i + 1].end);
		EXPECT_GE(after.device_ns, page->ring[i + 1].end);
	}
}

/* Noise all over the region, more and less probable values in turn: sooner or later caught. */
TEST_F(liar, noise)
{
	unsigned int words = self->cores.emu.cores * self->cores.emu.core_stride / 4;
	struct pto_cmd launch = cmd_launch(self->prog.handle, 0, 0);
	unsigned int seed = 1, round, i;
	struct uapi *u = &self->u;
	int err = 0;

	for (round = 0; round < 200 && !err; round++) {
		for (i = 0; i < words; i++)
			if (!(rand_r(&seed) & 7))
				((volatile __u32 *)self->cores.core)[i] =
					rand_r(&seed) & (round & 1 ? 7 : ~0U);
		err = cores_reap(&self->cores);
	}
	EXPECT_ERRNO(EIO, err);
	EXPECT_LE(1, uapi_info(u).faults);
	ASSERT_EQ(0, uapi_reset(u));
	EXPECT_ERRNO(ENOTCONN, uapi_submit(u, self->aic, &launch, 1, NULL));
}

TEST_HARNESS_MAIN
