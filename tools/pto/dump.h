/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef TOOLS_DUMP_H
#define TOOLS_DUMP_H

#include <jansson.h>

/** dump_load - a driver's dump of a hung stream as an object; "-": standard input; NULL after a complaint */
json_t *dump_load(const char *path);

/** dump_print - for people */
void dump_print(const json_t *dump);

#endif
