// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Loads an image in a child process first, as a preloaded library of echo.
 *
 * What the image runs when it is loaded (constructors, IFUNC resolvers) may
 * crash, exit or never return: then it happens there. That echo has written
 * its word proves that the image was loaded; the exit status alone may have
 * been taken by the program's own SIGCHLD handling.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "device/image_check.h"

#define TIMEOUT_MS	10000
#define WORD		"loaded"

/* AddressSanitizer insists on being loaded first, which it is where it matters. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER "export ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0:detect_leaks=0; "
#else
#define SANITIZER ""
#endif

/* No core file of a crash that is expected. */
#define SCRIPT "ulimit -c 0; " SANITIZER \
	"export LD_BIND_NOW=1 LD_PRELOAD=${LD_PRELOAD:+$LD_PRELOAD:}/proc/self/fd/$1; " \
	"exec /bin/echo " WORD

/**
 * struct trial - how a child came through
 * @known:	its exit status is known
 * @info:	as of waitid(), if @known
 * @late:	it had to be killed
 * @loaded:	it has written WORD
 */
struct trial {
	bool known;
	bool late;
	bool loaded;
	siginfo_t info;
};

static int child_setup(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int fd, int out)
{
	sigset_t all, none;
	int err;

	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	err = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!err)
		err = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_addopen(files, STDERR_FILENO, "/dev/null",
						       O_WRONLY, 0);
	/* Onto itself: the child shall inherit it. */
	return err ? err : posix_spawn_file_actions_adddup2(files, fd, fd);
}

static int child_start(int fd, int out, pid_t *pid)
{
	char number[16];
	char *argv[] = { "sh", "-c", SCRIPT, "sh", number, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err;

	snprintf(number, sizeof(number), "%d", fd);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	err = child_setup(&files, &attr, fd, out);
	if (!err)
		err = posix_spawn(pid, "/bin/sh", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

/* Wait for the child's end, or make it end. */
static void child_wait(int pidfd, struct trial *t)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };
	uint64_t end = now_ns() + TIMEOUT_MS * NSEC_PER_MSEC, now;
	int n = 0;

	while (n <= 0 && (now = now_ns()) < end) {
		n = poll(&poll_fd, 1, (end - now) / NSEC_PER_MSEC + 1);
		if (n < 0 && errno != EINTR)
			break;
	}
	if (n <= 0) {
		t->late = true;
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	}
	while ((n = waitid(P_PIDFD, pidfd, &t->info, WEXITED)) && errno == EINTR)
		;
	t->known = !n;
}

/* The image may have written something itself, so the word is what comes last. */
static bool child_loaded(int fd)
{
	const size_t len = strlen(WORD "\n");
	bool loaded = false;
	char text[4096];
	ssize_t n;

	while ((n = read(fd, text, sizeof(text))) > 0)
		loaded = n >= len && !memcmp(text + n - len, WORD "\n", len);
	return loaded;
}

static int child_run(int fd, const int out[2], struct trial *t)
{
	int pidfd, err;
	pid_t pid;

	err = child_start(fd, out[1], &pid);
	if (err)
		return err;
	pidfd = pidfd_open(pid, 0);
	if (pidfd >= 0) {
		child_wait(pidfd, t);
		close(pidfd);
	} else if (errno != ESRCH) {
		err = -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return err;
	}
	/* Else it has ended, and the program's SIGCHLD handling took it. */
	t->loaded = child_loaded(out[0]);
	return 0;
}

static int trial_verdict(const struct trial *t, const char *name, const char *doubt)
{
	const char *what = "loading it in a child process first, as it has";
	int code = t->info.si_status;

	if (t->late)
		return fail(-ENOEXEC, "%s: %s %s, took over %d s", name, what, doubt,
			    TIMEOUT_MS / 1000);
	if (t->known && t->info.si_code != CLD_EXITED)
		return fail(-ENOEXEC, "%s: %s %s, ended with signal %d (%s)", name, what, doubt,
			    code, strsignal(code));
	if (t->loaded)
		return 0;
	/* A symbol or library is missing there; perhaps it is not here. dlopen() will say. */
	if (t->known && code == 127)
		return 0;
	return fail(-ENOEXEC, "%s: %s %s, ended it early (code %d)", name, what, doubt, code);
}

int image_trial(int fd, const char *name, const char *doubt)
{
	struct trial t = { 0 };
	int out[2], err;

	err = pipe2(out, O_CLOEXEC | O_NONBLOCK) ? -errno : 0;
	if (!err) {
		err = child_run(fd, out, &t);
		close(out[0]);
		close(out[1]);
	}
	if (!err)
		return trial_verdict(&t, name, doubt);
	log_msg(LOG_WARN, "%s: no child process to load it in first: %s", name, strerror(-err));
	return 0;
}
