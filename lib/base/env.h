/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stdint.h>

/** env_ms - milliseconds from the environment; @otherwise if not set, or set to no such number */
uint32_t env_ms(const char *name, uint32_t otherwise);

#endif
