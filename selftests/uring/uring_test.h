/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the tests of calls by io_uring share: the kinds of rings, and SQEs to be combined. */
#ifndef URING_TEST_H
#define URING_TEST_H

#include <stddef.h>
#include <sys/mman.h>

#include "uapi_test.h"

#define RING_ENTRIES	256

/**
 * struct uring - a context that is used by one kind of ring
 * @fixed:	SQEs name it as the ring's registered file 0
 */
struct uring {
	struct uapi u;
	bool fixed;
};

static inline int uring_start(struct uring *r, unsigned int setup, bool fixed, unsigned int device)
{
	struct io_uring_params params = { .flags = setup, .sq_thread_idle = 20 };
	int err = uapi_start(&r->u, BY_IOCTL, device);

	if (!err)
		err = io_uring_queue_init_params(RING_ENTRIES, &r->u.ring, &params);
	if (err)
		return err;
	r->u.path = BY_URING;
	r->fixed = fixed;
	return fixed ? io_uring_register_files(&r->u.ring, &r->u.fd, 1) : 0;
}

/* A call that is prepared; io_uring_submit() issues it. */
static inline struct io_uring_sqe *uring_sqe(struct uring *r, unsigned int cmd, const void *args,
					     __u64 tag)
{
	struct pto_uring payload = { ADDRESS(args), *(const __u32 *)args };
	struct io_uring_sqe *sqe = uapi_sqe(&r->u.ring);

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, r->fixed ? 0 : r->u.fd, NULL, 0, 0);
	sqe->flags = r->fixed ? IOSQE_FIXED_FILE : 0;
	sqe->cmd_op = cmd;
	memcpy(sqe->cmd, &payload, sizeof(payload));
	io_uring_sqe_set_data64(sqe, tag);
	return sqe;
}

/* Issue what is prepared. When it returns the kernel has done so, whoever does it. */
static inline bool uring_issue(struct uring *r)
{
	return io_uring_submit(&r->u.ring) >= 0 && UNTIL(!io_uring_sq_ready(&r->u.ring));
}

static inline int uring_call(struct uring *r, unsigned int cmd, const void *args)
{
	uring_sqe(r, cmd, args, 0);
	io_uring_submit(&r->u.ring);
	return uapi_cqe(&r->u, BOUND_MS, NULL);
}

/* Nothing has come yet. */
static inline bool uring_quiet(struct uring *r)
{
	return uapi_cqe(&r->u, 1, NULL) == UAPI_NO_CQE;
}

/* Take @n completions, in whatever order; the tags are indices into @results. */
static inline unsigned int uring_collect(struct uring *r, int *results, unsigned int n)
{
	unsigned int i, taken = 0;
	__u64 tag;

	for (i = 0; i < n; i++)
		results[i] = UAPI_NO_CQE;
	for (i = 0; i < n; i++) {
		int res = uapi_cqe(&r->u, BOUND_MS, &tag);

		if (res == UAPI_NO_CQE)
			break;
		/* A second one with the same tag does not count. */
		if (tag < n && results[tag] == UAPI_NO_CQE) {
			results[tag] = res;
			taken++;
		}
	}
	return taken;
}

static inline __u32 uring_stream(struct uring *r, __u32 depth)
{
	struct pto_stream_create stream;

	return uapi_stream(&r->u, PTO_ENGINE_COPY, 0, depth, &stream) ? 0 : stream.handle;
}

static inline struct pto_stream_wait wait_args(__u32 stream, __u64 seqno, __u64 timeout_ns)
{
	return (struct pto_stream_wait){ sizeof(struct pto_stream_wait), 0, stream, 0, seqno,
					 timeout_ns };
}

static inline struct pto_stream_submit submit_args(__u32 stream, const struct pto_cmd *cmds,
						   __u32 count)
{
	return (struct pto_stream_submit){ sizeof(struct pto_stream_submit), 0, stream, count,
					   ADDRESS(cmds) };
}

static inline struct pto_stream_submit submit_wait_args(__u32 stream, const struct pto_cmd *cmds,
							__u32 count, __u64 timeout_ns)
{
	return (struct pto_stream_submit){ sizeof(struct pto_stream_submit), PTO_SUBMIT_WAIT,
					   stream, count, ADDRESS(cmds), timeout_ns };
}

/* A ring that goes away ends its waits at once; else they last until their own bound. */
static inline bool uring_cancels(struct uapi *u)
{
	struct pto_info_driver info = { 0 };

	uapi_query(u, PTO_QUERY_DRIVER, 0, &info, sizeof(info));
	return info.features & PTO_FEATURE_URING_CANCEL;
}

/* A bound that a test can wait for where nothing is cancelled, and can not where it is. */
static inline __u64 uring_bound(struct uapi *u)
{
	return uring_cancels(u) ? PTO_TIMEOUT_MAX_NS : 500 * MS;
}

/* A fixture that is a context with each kind of ring. */
#define URING_FIXTURE(name)							\
	FIXTURE(name) { struct uring r; };					\
	FIXTURE_VARIANT(name) { unsigned int setup; bool fixed; };		\
	FIXTURE_VARIANT_ADD(name, plain) { 0 };					\
	FIXTURE_VARIANT_ADD(name, sqpoll) { IORING_SETUP_SQPOLL };		\
	FIXTURE_VARIANT_ADD(name, large) {					\
		IORING_SETUP_SQE128 | IORING_SETUP_CQE32 };			\
	FIXTURE_VARIANT_ADD(name, deferred) {					\
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };	\
	FIXTURE_VARIANT_ADD(name, fixed) { 0, true };				\
	FIXTURE_SETUP(name)							\
	{									\
		ASSERT_EQ(0, uring_start(&self->r, variant->setup, variant->fixed, 0)); \
	}									\
	FIXTURE_TEARDOWN(name)							\
	{									\
		uapi_close(&self->r.u);						\
	}

#endif
