// SPDX-License-Identifier: MIT OR LGPL-2.1
/* pto doctor: is all there that one needs, and how is it mended? */
#include <argp.h>
#include <errno.h>
#include <glob.h>
#include <grp.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/pto.h>
#include <pto/pto.h>

#include "host.h"
#include "pto.h"
#include "table.h"

#define WINDOW		(16ull << 30)	/* address space for device memory */
#define MEMLOCK		(8u << 20)

enum verdict { GOOD, POOR, BAD };

/* One more check: @hint says how to mend it. */
static void say(json_t *checks, const char *name, enum verdict verdict, const char *hint,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void say(json_t *checks, const char *name, enum verdict verdict, const char *hint,
		const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warning", "failure" };
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(checks, json_pack("{ss, ss, ss, ss*}", "name", name, "verdict",
						words[verdict], "text", text, "hint",
						verdict == GOOD ? NULL : hint));
}

/* A file's first line; "" if there is none. */
static const char *line_of(const char *path)
{
	static char line[128];
	FILE *f = fopen(path, "r");

	line[0] = 0;
	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = 0;
	if (f)
		fclose(f);
	return line;
}

static void check_embedded(json_t *checks)
{
	struct pto_device *dev;
	int err = pto_device_open("embedded", &dev);

	if (err) {
		say(checks, "embedded", BAD, "PTO_LOG_LEVEL=error pto list tells why",
		    "the embedded device can not be opened: %s", strerror(-err));
		return;
	}
	pto_device_close(dev);
	say(checks, "embedded", GOOD, NULL, "the embedded device works");
}

/* True: the driver is there. */
static bool check_module(json_t *checks)
{
	unsigned int v = pto_version();
	char own[32];
	const char *version;

	if (access("/sys/module/pto", F_OK)) {
		say(checks, "module", POOR, "as root: modprobe pto; to build and install it: make modules_install",
		    "the driver is not loaded, there is the embedded device only");
		return false;
	}
	snprintf(own, sizeof(own), "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
	version = line_of("/sys/module/pto/version");
	if (strcmp(version, own))
		say(checks, "module", POOR, "install library and driver of one version",
		    "the driver is %s, this is %s", version, own);
	else
		say(checks, "module", GOOD, NULL, "the driver %s is loaded", version);
	return true;
}

static void check_abi(json_t *checks, const char *name)
{
	char path[128];
	int abi;

	snprintf(path, sizeof(path), "/sys/class/pto/%s/abi_version", name);
	abi = atoi(line_of(path));
	if (abi != PTO_ABI)
		say(checks, name, BAD, "install library and driver of one version",
		    "its driver speaks version %d of the interface, this library %d", abi, PTO_ABI);
}

/* Each device: its node is there, and may be opened. */
static void check_nodes(json_t *checks)
{
	glob_t found;

	if (glob("/sys/class/pto/pto*", 0, NULL, &found)) {
		say(checks, "devices", POOR, "for mock devices, as root: rmmod pto; modprobe pto mock=2",
		    "the driver has no devices");
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;
		char path[64];

		snprintf(path, sizeof(path), "/dev/pto/%s", name);
		check_abi(checks, name);
		if (access(path, F_OK))
			say(checks, name, BAD, "is udev running, and devtmpfs on /dev? "
			    "In a container: pass the node on", "%s is not there", path);
		else if (access(path, R_OK | W_OK))
			say(checks, name, BAD, getgrnam("pto") ?
			    "as root: usermod -aG pto USER, then log in again" :
			    "as root: groupadd -r pto, install the udev rule, add the user",
			    "%s: no permission", path);
		else
			say(checks, name, GOOD, NULL, "%s may be used", path);
	}
	globfree(&found);
}

static void check_netlink(json_t *checks)
{
	struct host *host;
	int err = host_open(&host);

	if (err) {
		say(checks, "netlink", POOR, "run in the initial network namespace",
		    "the host's view is not to be seen here: pto ps, top, monitor do not work");
		return;
	}
	host_close(host);
	say(checks, "netlink", GOOD, NULL, "the host's view is to be seen");
}

static void check_uring(json_t *checks)
{
	struct io_uring ring;
	int err = io_uring_queue_init(2, &ring, 0);

	if (err) {
		say(checks, "io_uring", POOR, err == -ENOSYS ?
		    "a kernel with CONFIG_IO_URING; without, ioctl is used" :
		    "sysctl kernel.io_uring_disabled=0, or allow it in the container's seccomp "
		    "profile; without, ioctl is used",
		    "io_uring can not be used: %s", strerror(-err));
		return;
	}
	io_uring_queue_exit(&ring);
	say(checks, "io_uring", GOOD, NULL, "io_uring can be used");
}

static void check_limits(json_t *checks)
{
	struct rlimit limit;
	char cell[CELL];
	void *window;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	text_bytes(limit.rlim_cur, cell);
	if (limit.rlim_cur < MEMLOCK)
		say(checks, "memlock", POOR, "ulimit -l unlimited, or LimitMEMLOCK= of the unit",
		    "only %s of memory may be locked, rings may not fit", cell);
	else
		say(checks, "memlock", GOOD, NULL, "%s of memory may be locked",
		    limit.rlim_cur == RLIM_INFINITY ? "any amount" : cell);
	window = mmap(NULL, WINDOW, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (window == MAP_FAILED) {
		say(checks, "window", BAD, "ulimit -v unlimited",
		    "there is no room for a window of 16 GiB of addresses: %s", strerror(errno));
		return;
	}
	munmap(window, WINDOW);
	say(checks, "window", GOOD, NULL, "there is room for a window of 16 GiB of addresses");
}

static void check_hugepages(json_t *checks)
{
	const char *mode = line_of("/sys/kernel/mm/transparent_hugepage/enabled");

	if (!*mode || strstr(mode, "[never]"))
		say(checks, "hugepages", POOR,
		    "as root: echo madvise >/sys/kernel/mm/transparent_hugepage/enabled",
		    "transparent huge pages are off; large buffers are slower");
	else
		say(checks, "hugepages", GOOD, NULL, "transparent huge pages can be had");
}

static void print_checks(const json_t *checks)
{
	const json_t *check;
	size_t i;

	json_array_foreach((json_t *)checks, i, check) {
		const char *verdict = json_string_value(json_object_get(check, "verdict"));
		const char *hint = json_string_value(json_object_get(check, "hint"));

		printf("%s%-8s%s %-10s %s\n", *verdict == 'o' ? green() : red(), verdict, plain(),
		       json_string_value(json_object_get(check, "name")),
		       json_string_value(json_object_get(check, "text")));
		if (hint)
			printf("%19s to mend it: %s\n", "", hint);
	}
}

static bool any_failure(const json_t *checks)
{
	const json_t *check;
	size_t i;

	json_array_foreach((json_t *)checks, i, check)
		if (!strcmp(json_string_value(json_object_get(check, "verdict")), "failure"))
			return true;
	return false;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_ARG)
		argp_usage(state);
	return host_parse(key, arg, state, state->input);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct argp_option option_table[] = { HOST_OPTION_JSON, { 0 } };
	static const struct argp argp = {
		.options = option_table,
		.parser = parse,
		.doc = "Check whether all is there that is needed, and say how to mend what is "
		       "not.\vExits 1 when something fails; a warning is something that one can "
		       "do without.",
	};
	struct host_options opt = { .device = -1 };
	json_t *checks = json_array();
	bool failed;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &opt);
	check_embedded(checks);
	if (check_module(checks)) {
		check_nodes(checks);
		check_netlink(checks);
	}
	check_uring(checks);
	check_limits(checks);
	check_hugepages(checks);
	failed = any_failure(checks);
	if (opt.json) {
		ret = json_out(json_pack("{si, sO}", "version", 1, "checks", checks),
			       JSON_INDENT(2));
	} else {
		print_checks(checks);
		ret = PTO_OK;
	}
	json_decref(checks);
	return ret ? ret : failed ? PTO_WRONG : PTO_OK;
}
