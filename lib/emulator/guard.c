// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Signal handlers that turn a crash of foreign code into an error.
 *
 * The handlers stand for the whole process, from the first thread that is
 * guarded on; a signal that is not ours goes to the handler that stood before.
 * They use SA_NODEFER, as a crash in a handler is one of the program's own.
 *
 * SIGURG tells a thread to leave its kernel: it is ignored by default, so a
 * late one does no harm. It comes every millisecond until the kernel has been left, which
 * may take longer; so handlers block it, or they would fill the alternate stack.
 */
#include "emulator/guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "device/image.h"

#define LEAVE_SIGNAL	SIGURG
#define ALTSTACK_SIZE	65536
#define PAGE		4096	/* the least that there is */
#define ABORT_HEAD	"pto abort: "	/* of PTO_COMPAT_ABORT */

static const int guarded[] = {
	SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, LEAVE_SIGNAL,
};

static sigset_t guarded_set;
static struct sigaction earlier[NSIG];
static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;

/* Initial-exec: the handlers must not allocate to find it. */
static __thread struct emu_thread *self __attribute__((tls_model("initial-exec")));

static uintptr_t signal_pc(const void *ucontext)
{
	const ucontext_t *uc = ucontext;

#if defined(__x86_64__)
	return uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
	return uc->uc_mcontext.pc;
#else
#error "guard: no program counter for this architecture"
#endif
}

/* The signal is not ours: do what would have been done without us. */
static void chain(int sig, siginfo_t *info, void *ucontext)
{
	const struct sigaction *old = &earlier[sig];

	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(sig, info, ucontext);
	} else if (old->sa_handler == SIG_DFL) {
		if (sig == LEAVE_SIGNAL)
			return;
		/* Back to the default, and let the signal come again. */
		sigaction(sig, old, NULL);
		if (info->si_code <= 0)
			syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), sig);
	} else if (old->sa_handler != SIG_IGN) {
		old->sa_handler(sig);
	} else if (sig != LEAVE_SIGNAL && info->si_code > 0) {
		/* Ignoring a CPU fault is not possible: the kernel would kill. */
		signal(sig, SIG_DFL);
	}
}

static bool in_image(const struct image *image, uintptr_t pc)
{
	return image && pc >= image->text_lo && pc < image->text_hi;
}

static void leave(struct emu_thread *t, uint32_t status, int code, uintptr_t addr, void *ucontext)
{
	uintptr_t pc = signal_pc(ucontext);
	const struct image *image = atomic_load_explicit(&t->running, memory_order_relaxed)->image;

	t->fault.status = status;
	t->fault.code = code;
	t->fault.addr = addr;
	t->fault.pc = in_image(image, pc) ? pc - image->base : 0;
	atomic_fetch_add_explicit(&t->left, 1, memory_order_relaxed);
	atomic_store_explicit(&t->running, NULL, memory_order_relaxed);
	/* As a return from the handler would: the jump buffer holds no mask. */
	pthread_sigmask(SIG_SETMASK, &((ucontext_t *)ucontext)->uc_sigmask, NULL);
	siglongjmp(t->env, 1);
}

/* An assertion has failed, and has a text with it: see compat/detail/common.h. */
static bool is_assertion(int sig, const siginfo_t *info)
{
	return sig == SIGABRT && info->si_code == SI_QUEUE && info->si_pid == getpid();
}

/* That text, if it is the image's own. */
static uintptr_t abort_text(const struct image *image, const siginfo_t *info)
{
	uintptr_t text = (uintptr_t)info->si_value.sival_ptr;

	return image && text >= image->lo && text < image->hi ? text : 0;
}

static void on_fault(int sig, siginfo_t *info, void *ucontext)
{
	struct emu_thread *t = self;
	bool assertion = is_assertion(sig, info);
	/* Raised by the CPU, or by the thread itself with abort(). */
	bool own = info->si_code > 0 || assertion ||
		   (info->si_code == SI_TKILL && info->si_pid == getpid());
	const struct emu_program *running =
		t ? atomic_load_explicit(&t->running, memory_order_relaxed) : NULL;
	uintptr_t at = (uintptr_t)info->si_addr;

	if (!running || !own) {
		chain(sig, info, ucontext);
		return;
	}
	if (sig == SIGABRT)
		at = assertion ? abort_text(running->image, info) : 0;
	leave(t, PTO_STATUS_FAULT, sig, at, ucontext);
}

/* The same descriptor may be run again, but not with the same head, or one was left meanwhile. */
static bool runs_as_seen(const struct emu_thread *t)
{
	const struct pto_desc *desc = atomic_load_explicit(&t->desc, memory_order_relaxed);
	const struct emu_core *core = atomic_load_explicit(&t->core, memory_order_relaxed);

	return desc && desc == atomic_load_explicit(&t->leave_desc, memory_order_relaxed) &&
	       READ_ONCE(core->queue->sq_head) ==
			atomic_load_explicit(&t->leave_head, memory_order_relaxed) &&
	       atomic_load_explicit(&t->left, memory_order_relaxed) ==
			atomic_load_explicit(&t->leave_left, memory_order_relaxed);
}

bool guard_stuck(const struct emu_thread *t)
{
	return atomic_load(&t->running) && runs_as_seen(t);
}

/*
 * A signal may come late: is what runs now what it was sent for? The watchdog
 * says what it saw; a timer is that of a guard_call(), which has no descriptor.
 */
static bool leave_meant(const struct emu_thread *t, int code)
{
	if (code == SI_TIMER)
		return !atomic_load_explicit(&t->desc, memory_order_relaxed);
	return runs_as_seen(t);
}

/*
 * Can the thread leave at @pc? A leaf calls nothing that could be left halfway;
 * but an orchestration calls us, through the table that it is given.
 */
static bool leave_safe(const struct image *image, uintptr_t pc, int code)
{
	return !image || (image->leaf && code != SI_TIMER) || in_image(image, pc);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* The timer of a guard_call() does not know how much of the time was not its own. */
static bool timer_early(const struct emu_thread *t)
{
	return t->nested_ns && clock_ns(t->clock) < t->until + t->nested_ns;
}

static bool is_ours(const struct emu_thread *t, const void *context)
{
	return context == t || (context && (context == t->outer || context == t->inner));
}

static void on_leave(int sig, siginfo_t *info, void *ucontext)
{
	struct emu_thread *t = self;
	uintptr_t pc = signal_pc(ucontext);
	const struct emu_program *running;

	if ((info->si_code != SI_QUEUE && info->si_code != SI_TIMER) ||
	    !t || !is_ours(t, info->si_value.sival_ptr)) {
		chain(sig, info, ucontext);
		return;
	}
	/* For what the thread has around it, or has just left. */
	if (info->si_value.sival_ptr != t)
		return;
	running = atomic_load_explicit(&t->running, memory_order_relaxed);
	if (!running || !leave_meant(t, info->si_code) ||
	    (info->si_code == SI_TIMER && timer_early(t)))
		return;
	if (leave_safe(running->image, pc, info->si_code))
		leave(t, info->si_code == SI_TIMER ? PTO_STATUS_HANG :
		      atomic_load_explicit(&t->leave, memory_order_relaxed), 0, 0, ucontext);
}

static void thread_free(void *arg)
{
	struct emu_thread *t = arg;

	self = NULL;
	/* A kernel has ended it, and the watchdog looks at it still. */
	if (atomic_load(&t->running))
		return;
	if (t->stack) {
		sigaltstack(&t->old_stack, NULL);
		munmap(t->stack, t->stack_size);
	}
	free(t->inner);
	free(t);
}

/* The one thread that a child has is another thread now. */
static void after_fork(void)
{
	if (!self)
		return;
	self->tid = syscall(SYS_gettid);
	if (self->inner)
		self->inner->tid = self->tid;
}

static void install_handlers(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	pthread_key_create(&thread_key, thread_free);
	pthread_atfork(NULL, NULL, after_fork);
	sigemptyset(&sa.sa_mask);
	sigaddset(&sa.sa_mask, LEAVE_SIGNAL);
	sigemptyset(&guarded_set);
	for (size_t i = 0; i < ARRAY_SIZE(guarded); i++) {
		sigaddset(&guarded_set, guarded[i]);
		sa.sa_sigaction = guarded[i] == LEAVE_SIGNAL ? on_leave : on_fault;
		sa.sa_flags &= ~SA_RESTART;
		if (guarded[i] == LEAVE_SIGNAL)
			sa.sa_flags |= SA_RESTART;
		sigaction(guarded[i], NULL, &earlier[guarded[i]]);
		sigaction(guarded[i], &sa, NULL);
	}
}

/*
 * A thread that overflows its stack has none left to handle that on. One that it has already may
 * be too small: AddressSanitizer's is, for what AddressSanitizer itself does in siglongjmp().
 */
static int give_altstack(struct emu_thread *t)
{
	size_t least = getauxval(AT_MINSIGSTKSZ) + ALTSTACK_SIZE;
	stack_t ss;

	if (!sigaltstack(NULL, &ss) && !(ss.ss_flags & SS_DISABLE) && ss.ss_size >= least)
		return 0;
	t->stack_size = align_up(least, 4096);
	t->stack = mmap(NULL, t->stack_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (t->stack == MAP_FAILED) {
		t->stack = NULL;
		return fail(-ENOMEM, "no memory for a signal stack of %zu bytes", t->stack_size);
	}
	ss = (stack_t){ .ss_sp = t->stack, .ss_size = t->stack_size };
	return sigaltstack(&ss, &t->old_stack) ? fail(-errno, "sigaltstack: %m") : 0;
}

static struct emu_thread *new_context(void)
{
	struct emu_thread *t = aligned_alloc(CACHE_LINE, align_up(sizeof(*t), CACHE_LINE));

	if (!t) {
		fail(-ENOMEM, "no memory for a thread's context");
		return NULL;
	}
	memset(t, 0, sizeof(*t));
	t->tid = syscall(SYS_gettid);
	return t;
}

struct emu_thread *guard_thread(void)
{
	struct emu_thread *t = self;

	if (likely(t))
		return t;
	pthread_once(&handlers_once, install_handlers);
	t = new_context();
	if (!t)
		return NULL;
	if (give_altstack(t)) {
		free(t);
		return NULL;
	}
	/* A blocked signal could neither be caught nor make the thread leave a kernel. */
	pthread_sigmask(SIG_UNBLOCK, &guarded_set, NULL);
	pthread_setspecific(thread_key, t);
	self = t;
	return t;
}

struct emu_thread *guard_nest(void)
{
	struct emu_thread *t;
	sigset_t mask;

	/* Before guard_thread(), which changes it, too. */
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	t = guard_thread();
	if (!t)
		return NULL;
	if (unlikely(!t->inner)) {
		t->inner = new_context();
		if (!t->inner)
			return NULL;
		t->inner->outer = t;
	}
	t->mask = mask;
	pthread_sigmask(SIG_UNBLOCK, &guarded_set, NULL);
	if (atomic_load_explicit(&t->running, memory_order_relaxed))
		t->nested = clock_ns(t->clock);
	self = t->inner;
	return self;
}

void guard_unnest(void)
{
	struct emu_thread *t = self->outer;

	self = t;
	if (atomic_load_explicit(&t->running, memory_order_relaxed))
		t->nested_ns += clock_ns(t->clock) - t->nested;
	pthread_sigmask(SIG_SETMASK, &t->mask, NULL);
}

/* True: it crashed. Nothing that was changed since sigsetjmp is used afterwards. */
static bool __attribute__((noinline)) crashes(struct emu_thread *t,
					      const struct emu_program *program,
					      int (*fn)(void *arg), void *arg, int *ret)
{
	if (sigsetjmp(t->env, 0))
		return true;
	atomic_store_explicit(&t->core, NULL, memory_order_relaxed);
	atomic_store_explicit(&t->desc, NULL, memory_order_relaxed);
	atomic_store_explicit(&t->running, program, memory_order_relaxed);
	*ret = fn(arg);
	atomic_store_explicit(&t->running, NULL, memory_order_relaxed);
	return false;
}

/* Have the calling thread signalled in @ms, and then again and again until it leaves. */
static int start_timer(timer_t *timer, struct emu_thread *t, clockid_t clock, uint32_t ms)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = LEAVE_SIGNAL,
		.sigev_value.sival_ptr = t,
		._sigev_un._tid = t->tid,
	};
	struct itimerspec at = {
		.it_value = { ms / 1000, ms % 1000 * NSEC_PER_MSEC },
		.it_interval = { .tv_nsec = NSEC_PER_MSEC },
	};

	if (timer_create(clock, &event, timer))
		return fail(-errno, "timer_create: %m");
	t->nested_ns = 0;
	t->clock = clock;
	t->until = clock_ns(clock) + ms * NSEC_PER_MSEC;
	timer_settime(*timer, 0, &at, NULL);
	return 0;
}

int guard_call(struct image *image, const char *what, clockid_t clock, uint32_t timeout_ms,
	       int (*fn)(void *arg), void *arg, int *ret)
{
	struct emu_program program = { .image = image };
	struct emu_thread *t = guard_thread();
	bool crashed;
	timer_t timer;
	char text[GUARD_TEXT];

	if (!t)
		return -ENOMEM;
	if (atomic_load_explicit(&t->running, memory_order_relaxed))
		return fail(-EDEADLK, "%s: called from inside a kernel or an orchestration", what);
	if (start_timer(&timer, t, clock, timeout_ms))
		return -EAGAIN;
	crashed = crashes(t, &program, fn, arg, ret);
	timer_delete(timer);
	if (!crashed)
		return 0;
	if (t->fault.status == PTO_STATUS_CANCELED)
		return fail(-ECANCELED, "%s was ended, as it took no notice of errors", what);
	if (t->fault.status == PTO_STATUS_HANG)
		return fail(-ETIMEDOUT, "%s did not return within %u ms", what, timeout_ms);
	guard_describe(text, sizeof(text), &t->fault);
	return fail(-EIO, "%s crashed: %s", what, text);
}

void guard_exit(void)
{
	self->fault = (struct emu_fault){ .status = PTO_STATUS_CANCELED };
	atomic_store_explicit(&self->running, NULL, memory_order_relaxed);
	siglongjmp(self->env, 1);
}

void guard_leave(struct emu_thread *t, uint32_t status, const struct pto_desc *desc, uint32_t head,
		 uint32_t left)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_ptr = t;
	atomic_store_explicit(&t->leave_desc, desc, memory_order_relaxed);
	atomic_store_explicit(&t->leave_head, head, memory_order_relaxed);
	atomic_store_explicit(&t->leave_left, left, memory_order_relaxed);
	atomic_store_explicit(&t->leave, status, memory_order_relaxed);
	syscall(SYS_rt_tgsigqueueinfo, getpid(), t->tid, LEAVE_SIGNAL, &info);
}

/* The text of an abort() at @addr, which may be another process's, or gone: "" if none is there. */
static void read_text(char *text, size_t size, uint64_t addr)
{
	static const char head[] = ABORT_HEAD;
	size_t page = min(size - 1, (size_t)(PAGE - addr % PAGE));
	struct iovec to = { text, size - 1 }, from[] = {
		{ (void *)(uintptr_t)addr, page },
		{ (void *)(uintptr_t)(addr + page), size - 1 - page },
	};
	ssize_t n = addr ? process_vm_readv(getpid(), &to, 1, from, ARRAY_SIZE(from), 0) : 0;

	text[max(n, (ssize_t)0)] = '\0';
	if (strncmp(text, head, strlen(head)))
		*text = '\0';
	else
		memmove(text, text + strlen(head), strlen(text + strlen(head)) + 1);
}

void guard_describe(char *text, size_t size, const struct emu_fault *fault)
{
	char where[48] = "outside its image", said[GUARD_TEXT - 32];

	switch (fault->status) {
	case PTO_STATUS_FAULT:
		if (fault->pc)
			snprintf(where, sizeof(where), "at image+%#llx",
				 (unsigned long long)fault->pc);
		if (fault->code == SIGABRT) {
			read_text(said, sizeof(said), fault->addr);
			snprintf(text, size, "SIGABRT, abort() was called%s%s", *said ? ": " : "",
				 said);
			break;
		}
		snprintf(text, size, "SIG%s %s, address %#llx", sigabbrev_np(fault->code), where,
			 (unsigned long long)fault->addr);
		break;
	case PTO_STATUS_HANG:
		snprintf(text, size, "it did not return in its time");
		break;
	case PTO_STATUS_CANCELED:
		snprintf(text, size, "it was made to leave when the launch ended");
		break;
	case PTO_STATUS_BAD_PROGRAM:
		snprintf(text, size, "its program can not be loaded: %s", strerror(fault->code));
		break;
	default:
		snprintf(text, size, "its descriptor makes no sense");
	}
}
