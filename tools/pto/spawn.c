// SPDX-License-Identifier: MIT OR LGPL-2.1
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "example.h"
#include "pto.h"
#include "spawn.h"

/* The most that run at a time: a compiler for each kernel, and for the orchestration. */
#define MAX_RUNNING	(EXAMPLE_MAX + 1)

/* What was started and is not waited for yet, as kill() takes it: a group is negative. */
static pid_t running[MAX_RUNNING];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* As posix_spawnp(), and remember it in a free place, of which there is always one. */
static int start(char *const argv[], const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attr, bool group, pid_t *pid)
{
	int err, i = 0;

	pthread_mutex_lock(&lock);
	err = posix_spawnp(pid, argv[0], actions, attr, argv, environ);
	if (!err) {
		while (running[i])
			i++;
		running[i] = group ? -*pid : *pid;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

pid_t spawn(char *const argv[], bool group, FILE **out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t mask, defaults;
	int fds[2] = { -1, -1 }, err;
	pid_t pid = -1;

	if (out && pipe2(fds, O_CLOEXEC)) {
		complain("pipe: %m");
		return -1;
	}
	posix_spawn_file_actions_init(&actions);
	if (out)
		posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	/* Whatever this process blocks, or ignores; in the background, too, one may write. */
	sigemptyset(&mask);
	if (group)
		sigaddset(&mask, SIGTTOU);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &mask);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
					(group ? POSIX_SPAWN_SETPGROUP : 0));
	err = start(argv, &actions, &attr, group, &pid);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (out)
		close(fds[1]);
	if (err) {
		complain("%s: %s", argv[0], strerror(err));
		if (out)
			close(fds[0]);
		return -1;
	}
	if (out)
		*out = fdopen(fds[0], "r");
	return pid;
}

int spawn_wait(pid_t pid)
{
	siginfo_t info;
	int status, err;

	/* It keeps its pid until nobody can take that for another's. */
	while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
		;
	pthread_mutex_lock(&lock);
	err = waitpid(pid, &status, 0) < 0;
	for (int i = 0; i < MAX_RUNNING; i++)
		if (running[i] == pid || running[i] == -pid)
			running[i] = 0;
	pthread_mutex_unlock(&lock);
	if (err)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Returns how many still run. */
static int kill_running(int sig)
{
	int left = 0;

	for (int i = 0; i < MAX_RUNNING; i++) {
		pid_t pid = running[i];

		if (!pid)
			continue;
		if (kill(pid, sig))
			running[i] = 0;
		else if (waitpid(pid > 0 ? pid : -pid, NULL, WNOHANG) > 0 && pid > 0)
			running[i] = 0;
		left += running[i] != 0;
	}
	return left;
}

void spawn_end(void)
{
	int left;

	pthread_mutex_lock(&lock);	/* for good */
	left = kill_running(SIGTERM);
	for (int i = 0; left && i < 100; i++) {
		usleep(10000);
		left = kill_running(0);
	}
	kill_running(SIGKILL);
}
