// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The thread's error text, and the log. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>

#include "base/error.h"
#include "base/util.h"
#include "pto/pto.h"

#include "kselftest_harness.h"

/* Each test is a process of its own, so each reads the environment anew. */
FIXTURE(log) {
	char path[32];
	char text[4096];
};

FIXTURE_SETUP(log)
{
	int fd;

	strcpy(self->path, "/tmp/pto-log-XXXXXX");
	fd = mkstemp(self->path);
	ASSERT_LE(0, fd);
	ASSERT_EQ(5, write(fd, "kept\n", 5));
	close(fd);
	unsetenv("PTO_LOG_LEVEL");
	setenv("PTO_LOG_FILE", self->path, 1);
}

FIXTURE_TEARDOWN(log)
{
	unlink(self->path);
}

static const char *log_text(char *text, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, size - 1);

	text[max(n, (ssize_t)0)] = '\0';
	close(fd);
	return text;
}

#define LOG_TEXT() log_text(self->text, sizeof(self->text), self->path)
#define EXPECT_LOGGED(what) EXPECT_NE(NULL, strstr(LOG_TEXT(), what))
#define EXPECT_NOT_LOGGED(what) EXPECT_EQ(NULL, strstr(LOG_TEXT(), what))

TEST(text)
{
	char longer[5000];

	EXPECT_STREQ("", pto_last_error());
	errno = EXDEV;
	EXPECT_EQ(-EINVAL, fail(-EINVAL, "no %s in %d", "cat", 3));
	EXPECT_EQ(EXDEV, errno);
	EXPECT_STREQ("no cat in 3", pto_last_error());
	fail_prefix("house %d", 7);
	EXPECT_STREQ("house 7: no cat in 3", pto_last_error());
	fail(-EIO, "again: %s", pto_last_error());
	EXPECT_STREQ("again: house 7: no cat in 3", pto_last_error());
	EXPECT_EQ(-EIO, fail_set(-EIO, pto_last_error()));
	EXPECT_STREQ("again: house 7: no cat in 3", pto_last_error());

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	fail(-EIO, "%s", longer);
	EXPECT_EQ(1023, strlen(pto_last_error()));
	fail_set(-EIO, longer);
	fail_prefix("%s", longer);
	EXPECT_EQ(1023, strlen(pto_last_error()));
}

TEST(prefix_of_nothing)
{
	fail_prefix("house");
	EXPECT_STREQ("house: ", pto_last_error());
}

static void *thread_main(void *arg)
{
	const char *want = arg;

	if (*pto_last_error())
		return "a text before the first error";
	for (int i = 0; i < 1000; i++) {
		fail(-EIO, "%s", want);
		if (strcmp(pto_last_error(), want))
			return "the text of another thread";
	}
	return NULL;
}

TEST(text_per_thread)
{
	static char names[4][8] = { "one", "two", "three", "four" };
	pthread_t thread[4];
	void *wrong;

	fail(-EIO, "mine");
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, thread_main, names[i]));
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], &wrong);
		EXPECT_EQ(NULL, wrong)
			TH_LOG("%s", (char *)wrong);
	}
	EXPECT_STREQ("mine", pto_last_error());
}

TEST_F(log, silent_by_default)
{
	int fd = open(self->path, O_WRONLY | O_TRUNC), saved = dup(STDERR_FILENO);

	unsetenv("PTO_LOG_FILE");
	dup2(fd, STDERR_FILENO);
	fail(-EIO, "oops");
	log_msg(LOG_ERROR, "oops");
	dup2(saved, STDERR_FILENO);
	EXPECT_STREQ("", LOG_TEXT());
}

TEST_F(log, file_alone_means_info)
{
	fail(-EIO, "oops %d", 1);
	log_msg(LOG_WARN, "hm");
	log_msg(LOG_INFO, "well");
	log_msg(LOG_DEBUG, "nitty");
	EXPECT_EQ(0, strncmp(LOG_TEXT(), "kept\n", 5));
	EXPECT_LOGGED(" error: oops 1\n");
	EXPECT_LOGGED(" warn: hm\n");
	EXPECT_LOGGED(" info: well\n");
	EXPECT_NOT_LOGGED("nitty");
}

TEST_F(log, level)
{
	setenv("PTO_LOG_LEVEL", "error", 1);
	fail(-EIO, "oops");
	log_msg(LOG_WARN, "hm");
	EXPECT_LOGGED("oops");
	EXPECT_NOT_LOGGED("hm");
}

TEST_F(log, level_debug)
{
	setenv("PTO_LOG_LEVEL", "debug", 1);
	log_msg(LOG_DEBUG, "nitty");
	EXPECT_LOGGED(" debug: nitty\n");
}

TEST_F(log, bad_level)
{
	setenv("PTO_LOG_LEVEL", "loud", 1);
	fail(-EIO, "one");
	fail(-EIO, "two");
	EXPECT_LOGGED("PTO_LOG_LEVEL=loud ignored");
	EXPECT_EQ(NULL, strstr(strstr(self->text, "loud") + 1, "loud"));
	EXPECT_LOGGED("two");
}

TEST_F(log, bad_file)
{
	int fd = open(self->path, O_WRONLY | O_TRUNC), saved = dup(STDERR_FILENO);

	setenv("PTO_LOG_FILE", "/nonexistent/file", 1);
	dup2(fd, STDERR_FILENO);
	fail(-EIO, "oops");
	dup2(saved, STDERR_FILENO);
	EXPECT_LOGGED("PTO_LOG_FILE=/nonexistent/file");
	EXPECT_LOGGED("oops");
}

static void *log_thread(void *arg)
{
	for (int i = 0; i < 20; i++)
		log_msg(LOG_INFO, "a line of %s", (char *)arg);
	return NULL;
}

/* Lines of several threads do not mix. */
TEST_F(log, whole_lines)
{
	pthread_t thread[4];
	int lines = 0;
	char *line;

	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, log_thread, "this length"));
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	LOG_TEXT();
	strtok(self->text, "\n");
	while ((line = strtok(NULL, "\n"))) {
		EXPECT_STREQ(" info: a line of this length", strchr(line, ' '));
		lines++;
	}
	EXPECT_EQ(80, lines);
}

TEST_HARNESS_MAIN
