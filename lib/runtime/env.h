/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
#ifndef RUNTIME_ENV_H
#define RUNTIME_ENV_H

struct orch;

/**
 * env_read - the settings that the environment has for an orchestration
 *
 * All kinds of graph read them, though one that is built before it runs needs none: a
 * bad value is warned of by whatever the runner that sets it starts.
 */
int env_read(struct orch *o);

#endif
