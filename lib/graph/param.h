/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/*
 * Parameters: memory of a graph that may be other memory at its next launch.
 *
 * What kernels get are the copies of their tasks' tensors, so a parameter is a list of
 * those that lie in it, and to move it is to move these. Edges stay: they say which task
 * uses what another one has made, wherever that is.
 */
#ifndef GRAPH_PARAM_H
#define GRAPH_PARAM_H

#include <stdbool.h>
#include <stdint.h>

struct graph_params;
struct pto_graph;
struct pto_task;

/** params_prepare - can a task be added, and its tensors be noted? 0, -EINVAL, -ENOMEM */
int params_prepare(struct pto_graph *g, const struct pto_task *t);

/** params_note - note the tensors of the task @id, for which params_prepare() has made room */
void params_note(struct pto_graph *g, uint32_t id, const struct pto_task *t);

void params_free(struct graph_params *p);

#endif
