/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Objects: what a handle names.
 *
 * A reference is held by the handle table, by each mapping, by each command in
 * flight that uses the object, and by a call while it looks at it. Dropping the handle
 * ends the object's work (the type's drop), the last reference frees it (the type's
 * free). The last reference may go in an interrupt; freeing is then left to the
 * context's reaper. All references end before the context does, since whoever holds
 * one holds the file, or is ended by pto_ctx_release().
 */
#ifndef PTO_OBJECT_H
#define PTO_OBJECT_H

#include <linux/kref.h>
#include <linux/llist.h>
#include <linux/types.h>

struct pto_call;
struct pto_ctx;
struct pto_object;

/**
 * struct pto_object_type - what objects of a type have in common
 * @type:	PTO_OBJ_*, or 0 for one that never gets a handle
 * @drop:	the handle is gone; may sleep; NULL: nothing to end
 * @free:	the last reference is gone; may sleep
 */
struct pto_object_type {
	u32 type;
	void (*drop)(struct pto_object *obj);
	void (*free)(struct pto_object *obj);
};

struct pto_object {
	struct kref ref;
	const struct pto_object_type *type;
	struct pto_ctx *ctx;
	u32 handle;
	struct llist_node garbage;
};

void pto_object_init(struct pto_object *obj, struct pto_ctx *ctx,
		     const struct pto_object_type *type);
struct pto_object *pto_object_find(struct pto_ctx *ctx, u32 handle, u32 type);
struct pto_object *pto_object_next(struct pto_ctx *ctx, unsigned long *handle, u32 type);
void pto_object_put(struct pto_object *obj);
void pto_object_put_atomic(struct pto_object *obj);

int pto_object_reserve(struct pto_object *obj);
int pto_object_publish(struct pto_call *call, struct pto_object *obj);
void pto_object_drop_all(struct pto_ctx *ctx);

int pto_call_obj_destroy(struct pto_call *call);

static inline void pto_object_get(struct pto_object *obj)
{
	kref_get(&obj->ref);
}

#endif
