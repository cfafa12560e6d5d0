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
#include <time.h>

#include "base/error.h"
#include "device/chardev.h"

#define ENTRIES		256	/* a batch and a wait for each core and block */
#define NAP_NS		NSEC_PER_MSEC
#define FINISH_NS	(50 * NSEC_PER_MSEC)
#define REFUSED_MAX	1000	/* naps */

/**
 * struct ring
 * @epoch:	the process whose ring it is, by device_fork_epoch
 * @made:	@uring is there
 * @error:	-errno: it makes no calls, or no more; what is under way still ends
 * @refused:	so often in a row the kernel had no room
 */
struct ring {
	struct io_uring uring;
	unsigned int epoch;
	bool made;
	int error;
	unsigned int refused;
};

static pthread_key_t ring_key;
static pthread_once_t ring_once = PTHREAD_ONCE_INIT;
static int ring_key_error;

static void ring_free(void *arg)
{
	struct ring *ring = arg;

	if (ring->made && ring->epoch == device_fork_epoch)
		io_uring_queue_exit(&ring->uring);
	free(ring);
}

static void make_key(void)
{
	ring_key_error = pthread_key_create(&ring_key, ring_free);
}

/* NULL: no memory. */
static struct ring *ring_new(void)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CLAMP | IORING_SETUP_SINGLE_ISSUER,
	};
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->epoch = device_fork_epoch;
	ring->error = io_uring_queue_init_params(ENTRIES, &ring->uring, &params);
	ring->made = !ring->error;
	/* Spares a look-up of the file in each system call. */
	if (ring->made)
		io_uring_register_ring_fd(&ring->uring);
	return ring;
}

static __attribute__((cold)) void no_ring(int error)
{
	log_msg(LOG_WARN, "a thread has no io_uring and submits by ioctl: %s", strerror(-error));
}

/* The calling thread's, which may be of no use; NULL: no memory. */
static struct ring *own_ring(void)
{
	struct ring *ring;

	pthread_once(&ring_once, make_key);
	if (unlikely(ring_key_error))
		return NULL;
	ring = pthread_getspecific(ring_key);
	if (likely(ring && ring->epoch == device_fork_epoch))
		return ring;
	if (ring)
		ring_free(ring);
	ring = ring_new();
	if (pthread_setspecific(ring_key, ring) && ring) {
		ring_free(ring);
		ring = NULL;
	}
	if (!ring || ring->error)
		no_ring(ring ? ring->error : -ENOMEM);
	return ring;
}

static void collect(struct ring *ring)
{
	struct io_uring_cqe *cqe;
	struct ring_call *call;
	unsigned int head, n = 0;

	if (unlikely(!ring->made))
		return;
	io_uring_for_each_cqe(&ring->uring, head, cqe) {
		call = io_uring_cqe_get_data(cqe);
		n++;
		call->result = cqe->res;
		call->busy = false;
	}
	io_uring_cq_advance(&ring->uring, n);
}

struct ring *ring_thread(void)
{
	struct ring *ring = own_ring();

	if (likely(ring && !ring->error))
		return ring;
	/* What it had under way before. */
	if (ring)
		collect(ring);
	return NULL;
}

static void nap(void)
{
	const struct timespec ts = { .tv_nsec = NAP_NS };

	nanosleep(&ts, NULL);
}

static void not_made(struct ring_call *call)
{
	call->result = -ECANCELED;
	call->busy = false;
}

/* The kernel will take no more: a sandbox may be in force by now. */
static __attribute__((cold)) void give_up(struct ring *ring, int error)
{
	const struct io_uring_sq *sq = &ring->uring.sq;
	unsigned int at;

	ring->error = error;
	no_ring(error);
	for (at = load_acquire(sq->khead); at != sq->sqe_tail; at++)
		not_made((void *)(uintptr_t)sq->sqes[at & sq->ring_mask].user_data);
}

/* The thread has been in the kernel, which said @ret: what is done, and will it go on? */
static void entered(struct ring *ring, int ret)
{
	collect(ring);
	if (likely(ret >= 0 || ret == -ETIME || ret == -EINTR)) {
		ring->refused = 0;
		return;
	}
	/* There may be memory again. */
	if ((ret == -EAGAIN || ret == -EBUSY || ret == -ENOMEM) && ring->refused++ < REFUSED_MAX)
		nap();
	else
		give_up(ring, ret);
}

/* NULL: the ring makes no more calls, and this is none. */
static struct io_uring_sqe *get_sqe(struct ring *ring, struct ring_call *call)
{
	struct io_uring_sqe *sqe = NULL;

	while (!ring->error && !(sqe = io_uring_get_sqe(&ring->uring)))
		entered(ring, io_uring_submit(&ring->uring));
	if (unlikely(!sqe)) {
		not_made(call);
		return NULL;
	}
	call->busy = true;
	return sqe;
}

void ring_prepare(struct ring *ring, const struct chardev *cd, unsigned int cmd, const void *args,
		  struct ring_call *call)
{
	const struct pto_uring payload = { (uintptr_t)args, *(const uint32_t *)args, 0 };
	struct io_uring_sqe *sqe = get_sqe(ring, call);

	if (unlikely(!sqe))
		return;
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, cd->fd, NULL, 0, 0);
	sqe->cmd_op = cmd;
	memcpy(sqe->cmd, &payload, sizeof(payload));
	io_uring_sqe_set_data(sqe, call);
}

void ring_prepare_read(struct ring *ring, int event, uint64_t *value, struct ring_call *call)
{
	struct io_uring_sqe *sqe = get_sqe(ring, call);

	if (unlikely(!sqe))
		return;
	io_uring_prep_read(sqe, event, value, sizeof(*value), 0);
	io_uring_sqe_set_data(sqe, call);
}

void ring_submit_wait(struct ring *ring, unsigned int count, uint64_t timeout_ns)
{
	struct __kernel_timespec ts = { timeout_ns / NSEC_PER_SEC, timeout_ns % NSEC_PER_SEC };
	struct io_uring_cqe *cqe;

	if (likely(!ring->error))
		entered(ring, io_uring_submit_and_wait_timeout(&ring->uring, &cqe, count, &ts,
							       NULL));
}

void ring_finish(struct ring_call *call, uint64_t deadline)
{
	struct ring *ring = call->busy ? own_ring() : NULL;

	while (ring && call->busy && now_ns() < deadline) {
		if (ring->error) {
			nap();
			collect(ring);
		} else {
			ring_submit_wait(ring, 1, FINISH_NS);
		}
	}
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
	struct ring *ring = ring_new();
	int ret;

	if (!ring)
		return -ENOMEM;
	if (!ring->error) {
		ring_prepare(ring, cd, PTO_IOC_QUERY, &query, &call);
		ring_submit_wait(ring, 1, NSEC_PER_SEC);
	}
	ret = ring->error ?: call.busy ? -ETIME : call.result;
	ring_free(ring);
	return ret;
}
