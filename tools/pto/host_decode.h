/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef TOOLS_HOST_DECODE_H
#define TOOLS_HOST_DECODE_H

#include <jansson.h>
#include <netlink/attr.h>

/** host_decode - an object of a message's attributes; NULL when out of memory */
json_t *host_decode(int cmd, const struct nlattr *attrs, int size);

/** fault_text - what a fault means, for people; in a buffer of the function */
const char *fault_text(const json_t *fault);

#endif
