// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Calls by io_uring: one ring for each thread that submits.
 *
 * A ring belongs to its thread, as what waits in it is completed by the thread itself, and
 * as its file is registered there. It ends with the thread. A child of fork() starts anew: the
 * parent's rings are not its own.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "device/chardev.h"

#define ENTRIES		256	/* a batch and a wait for each core and block */
#define CANCEL_NS	(10 * NSEC_PER_SEC)

/**
 * struct ring
 * @epoch:	the process whose ring it is, by device_fork_epoch
 * @cancelling:	the latest ring_cancel()
 */
struct ring {
	struct io_uring uring;
	unsigned int epoch;
	struct ring_call cancelling;
};

static pthread_key_t ring_key;
static pthread_once_t ring_once = PTHREAD_ONCE_INIT;

static void ring_free(void *arg)
{
	struct ring *ring = arg;

	if (ring->epoch == device_fork_epoch)
		io_uring_queue_exit(&ring->uring);
	free(ring);
}

static void make_key(void)
{
	pthread_key_create(&ring_key, ring_free);
}

static int ring_new(struct ring **out)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER,
	};
	struct ring *ring = calloc(1, sizeof(*ring));
	int ret;

	if (!ring)
		return -ENOMEM;
	ring->epoch = device_fork_epoch;
	ret = io_uring_queue_init_params(ENTRIES, &ring->uring, &params);
	if (ret) {
		free(ring);
		return ret;
	}
	/* Spares a look-up of the file in each system call. */
	io_uring_register_ring_fd(&ring->uring);
	*out = ring;
	return 0;
}

struct ring *ring_thread(void)
{
	struct ring *ring;
	int ret;

	pthread_once(&ring_once, make_key);
	ring = pthread_getspecific(ring_key);
	if (likely(ring && ring->epoch == device_fork_epoch))
		return ring;
	if (ring)
		ring_free(ring);
	ret = ring_new(&ring);
	if (!ret && pthread_setspecific(ring_key, ring)) {
		ring_free(ring);
		ret = -ENOMEM;
	}
	if (!ret)
		return ring;
	pthread_setspecific(ring_key, NULL);
	log_msg(LOG_WARN, "a thread has no io_uring and submits by ioctl: %s", strerror(-ret));
	return NULL;
}

static struct io_uring_sqe *get_sqe(struct ring *ring, struct ring_call *call)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);

	while (unlikely(!sqe)) {
		io_uring_submit(&ring->uring);
		sqe = io_uring_get_sqe(&ring->uring);
	}
	call->busy = true;
	return sqe;
}

void ring_prepare(struct ring *ring, const struct chardev *cd, unsigned int cmd, const void *args,
		  struct ring_call *call)
{
	const struct pto_uring payload = { (uintptr_t)args, *(const uint32_t *)args, 0 };
	struct io_uring_sqe *sqe = get_sqe(ring, call);

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, cd->fd, NULL, 0, 0);
	sqe->cmd_op = cmd;
	memcpy(sqe->cmd, &payload, sizeof(payload));
	io_uring_sqe_set_data(sqe, call);
}

void ring_prepare_read(struct ring *ring, int event, uint64_t *value, struct ring_call *call)
{
	struct io_uring_sqe *sqe = get_sqe(ring, call);

	io_uring_prep_read(sqe, event, value, sizeof(*value), 0);
	io_uring_sqe_set_data(sqe, call);
}

static void collect(struct ring *ring)
{
	struct io_uring_cqe *cqe;
	struct ring_call *call;
	unsigned int head, n = 0;

	io_uring_for_each_cqe(&ring->uring, head, cqe) {
		call = io_uring_cqe_get_data(cqe);
		n++;
		call->result = cqe->res;
		call->busy = false;
	}
	io_uring_cq_advance(&ring->uring, n);
}

void ring_submit_wait(struct ring *ring, unsigned int count, uint64_t timeout_ns)
{
	struct __kernel_timespec ts = { timeout_ns / NSEC_PER_SEC, timeout_ns % NSEC_PER_SEC };
	struct io_uring_cqe *cqe;

	io_uring_submit_and_wait_timeout(&ring->uring, &cqe, count, &ts, NULL);
	collect(ring);
}

void ring_cancel(struct ring *ring, struct ring_call *call)
{
	uint64_t deadline = now_ns() + CANCEL_NS;
	struct io_uring_sqe *sqe;

	if (!call->busy)
		return;
	sqe = get_sqe(ring, &ring->cancelling);
	io_uring_prep_cancel(sqe, call, 0);
	io_uring_sqe_set_data(sqe, &ring->cancelling);
	while ((call->busy || ring->cancelling.busy) && now_ns() < deadline)
		ring_submit_wait(ring, 2, NSEC_PER_SEC);
}

/* Some hosts have no io_uring, some forbid it, and the driver may have been built without. */
int ring_works(const struct chardev *cd)
{
	struct pto_info_driver info;
	struct pto_query query = {
		.size = sizeof(query),
		.item = PTO_QUERY_DRIVER,
		.data = (uintptr_t)&info,
		.data_size = sizeof(info),
	};
	struct ring_call call = { .busy = false };
	struct ring *ring;
	int ret;

	ret = ring_new(&ring);
	if (ret)
		return ret;
	ring_prepare(ring, cd, PTO_IOC_QUERY, &query, &call);
	ring_submit_wait(ring, 1, NSEC_PER_SEC);
	ret = call.busy ? -ETIME : call.result;
	ring_free(ring);
	return ret;
}
