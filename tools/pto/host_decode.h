/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef TOOLS_HOST_DECODE_H
#define TOOLS_HOST_DECODE_H

#include <jansson.h>
#include <netlink/attr.h>

/** host_decode - an object of a message's attributes; NULL when out of memory */
json_t *host_decode(int cmd, const struct nlattr *attrs, int size);

/** opcode_name, engine_name - PTO_CMD_* and PTO_ENGINE_* of linux/pto.h by name */
const char *opcode_name(unsigned int opcode);
const char *engine_name(unsigned int engine);

/** printable - @text of at most @size bytes as a string, with '?' for what is not ASCII */
json_t *printable(const char *text, size_t size);

/** fault_text - what a fault means, for people; in a buffer of the function */
const char *fault_text(const json_t *fault);

#endif
