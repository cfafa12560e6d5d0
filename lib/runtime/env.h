/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef RUNTIME_ENV_H
#define RUNTIME_ENV_H

/** env_check - warn of settings in the environment that can not be used */
void env_check(void);

#endif
