// SPDX-License-Identifier: MIT OR LGPL-2.1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pto.h"
#include "spawn.h"

pid_t spawn(char *const argv[], FILE **out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int fds[2] = { -1, -1 }, err;
	pid_t pid = -1;

	if (out && pipe2(fds, O_CLOEXEC)) {
		complain("pipe: %m");
		return -1;
	}
	posix_spawn_file_actions_init(&actions);
	if (out)
		posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
	/* Whatever this process blocks. */
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	err = posix_spawnp(&pid, argv[0], &actions, &attr, argv, environ);
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
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
