/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stdbool.h>
#include <stdint.h>

/** env_number - a number from the environment; false: it is not set, or not to a number */
bool env_number(const char *name, uint64_t *n);

/** env_ms - milliseconds from the environment; @otherwise if not set, or set to no such number */
uint32_t env_ms(const char *name, uint32_t otherwise);

#endif
