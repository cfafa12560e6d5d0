/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * The host's view of its NPUs, over the driver's netlink family (uapi/pto.yaml). Messages
 * become JSON objects, with the attributes' names in the spec as keys, '-' as '_', and names
 * in place of numbers that mean one.
 */
#ifndef TOOLS_HOST_H
#define TOOLS_HOST_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <linux/pto_netlink.h>

struct host;

/* An attribute of a request; the last of an array has type 0. */
struct host_attr {
	int type;
	uint32_t value;
};

/**
 * host_open - connect
 * @host:	to be given to host_close()
 *
 * Returns 0, or a negative errno: -ENOENT when the driver is not loaded, or can not be seen
 * from this network namespace.
 */
int host_open(struct host **host);
void host_close(struct host *host);

/**
 * host_list - all that matches
 * @cmd:	PTO_NL_*_GET
 * @attrs:	what must match, or NULL
 *
 * Returns an array, for json_decref(), or NULL after a complaint.
 */
json_t *host_list(struct host *host, int cmd, const struct host_attr *attrs);

/** host_call - one request; 0 or -errno, with the driver's reason in host_reason(); @reply or NULL */
int host_call(struct host *host, int cmd, const struct host_attr *attrs, json_t **reply);
const char *host_reason(const struct host *host);

/** host_listen - get events from now on; @faults: those too, else only of devices */
int host_listen(struct host *host, bool faults);

/**
 * host_event - the next event, as an object with a member "event"
 * @timeout_ms:	-1: none
 *
 * Returns NULL at the timeout, or after a signal. Events that this process was too slow for
 * are an object {"event": "lost"}.
 */
json_t *host_event(struct host *host, int timeout_ms);

/** host_or_complain - host_open(), or say how to mend it; NULL on failure */
struct host *host_or_complain(void);

/* What commands that look at the host have in common; @device -1: not given. */
struct host_options {
	bool json;
	int device;
};

#define HOST_OPTION_JSON { "json", 'j', NULL, 0, "print JSON, see pto-json(5)", 0 }

/** host_parse - for argp: --json, and one argument that names a device of the driver */
error_t host_parse(int key, char *arg, struct argp_state *state, struct host_options *opt);

/** host_device - N of "ptoN", "/dev/pto/ptoN" or "N"; -1 if it is none of them */
int host_device(const char *name);

#endif
