// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "base/thread.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pto/pto.h>

#include "base/error.h"
#include "base/util.h"

#define STACK_SIZE	(1 << 20)
#define GUARD_SIZE	(64 << 10)

struct start {
	int (*enter)(void *arg);
	void *(*main)(void *arg);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t entered;
	bool done;
	int ret;
	char text[256];
};

static void *start_main(void *arg)
{
	struct start *s = arg;
	void *(*main)(void *arg) = s->main;
	int ret = s->enter ? s->enter(s->arg) : 0;

	arg = s->arg;
	pthread_mutex_lock(&s->lock);
	s->ret = ret;
	if (ret)
		snprintf(s->text, sizeof(s->text), "%s", pto_last_error());
	s->done = true;
	pthread_cond_signal(&s->entered);
	pthread_mutex_unlock(&s->lock);
	return ret ? NULL : main(arg);
}

static void blocked_signals(sigset_t *set)
{
	sigfillset(set);
	sigdelset(set, SIGSEGV);
	sigdelset(set, SIGBUS);
	sigdelset(set, SIGFPE);
	sigdelset(set, SIGILL);
	sigdelset(set, SIGTRAP);
	sigdelset(set, SIGABRT);
}

int thread_start(pthread_t *thread, int (*enter)(void *arg), void *(*main)(void *arg), void *arg)
{
	struct start s = {
		.enter = enter, .main = main, .arg = arg,
		.lock = PTHREAD_MUTEX_INITIALIZER, .entered = PTHREAD_COND_INITIALIZER,
	};
	pthread_attr_t attr;
	sigset_t set;
	int ret;

	blocked_signals(&set);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE + GUARD_SIZE);
	pthread_attr_setguardsize(&attr, GUARD_SIZE);
	pthread_attr_setsigmask_np(&attr, &set);
	ret = pthread_create(thread, &attr, start_main, &s);
	pthread_attr_destroy(&attr);
	if (ret)
		return fail(-ret, "can not start a thread: %s", strerror(ret));
	pthread_mutex_lock(&s.lock);
	while (!s.done)
		pthread_cond_wait(&s.entered, &s.lock);
	pthread_mutex_unlock(&s.lock);
	if (s.ret)
		pthread_join(*thread, NULL);
	return s.ret ? fail_set(s.ret, s.text) : 0;
}

bool thread_join(pthread_t thread, uint64_t deadline)
{
	uint64_t now = now_ns(), left = deadline > now ? deadline - now : 0;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	left += ts.tv_nsec;
	ts.tv_sec += left / NSEC_PER_SEC;
	ts.tv_nsec = left % NSEC_PER_SEC;
	if (!pthread_timedjoin_np(thread, NULL, &ts))
		return true;
	pthread_detach(thread);
	return false;
}

void thread_fence_others(void)
{
	static atomic_int registered;

	if (!atomic_load(&registered) &&
	    !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		atomic_store(&registered, 1);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)) {
		/* Not allowed here: a store is visible long before this is over. */
		struct timespec ms = { .tv_nsec = 1000000 };

		nanosleep(&ms, NULL);
	}
}
