// SPDX-License-Identifier: GPL-2.0
/* Objects: references and handles. */
#include "call.h"
#include "ctx.h"
#include "object.h"

void pto_object_init(struct pto_object *obj, struct pto_ctx *ctx,
		     const struct pto_object_type *type)
{
	kref_init(&obj->ref);
	obj->ctx = ctx;
	obj->type = type;
}

/* The object of a handle, with a reference, or NULL. @type 0: any. */
struct pto_object *pto_object_find(struct pto_ctx *ctx, u32 handle, u32 type)
{
	struct pto_object *obj;

	xa_lock(&ctx->objects);
	obj = xa_load(&ctx->objects, handle);
	if (obj && (!type || obj->type->type == type))
		kref_get(&obj->ref);
	else
		obj = NULL;
	xa_unlock(&ctx->objects);
	return obj;
}

/* The first object of a type from *@handle on, with a reference, or NULL. May sleep. */
struct pto_object *pto_object_next(struct pto_ctx *ctx, unsigned long *handle, u32 type)
{
	struct pto_object *obj;
	bool found;

	do {
		xa_lock(&ctx->objects);
		obj = xa_find(&ctx->objects, handle, PTO_OBJECTS_MAX, XA_PRESENT);
		found = obj && obj->type->type == type;
		if (found)
			kref_get(&obj->ref);
		else
			(*handle)++;
		xa_unlock(&ctx->objects);
		cond_resched();
	} while (obj && !found);
	return obj;
}

static void pto_object_free(struct kref *ref)
{
	struct pto_object *obj = container_of(ref, struct pto_object, ref);

	obj->type->free(obj);
}

/* Drop a reference; may sleep. */
void pto_object_put(struct pto_object *obj)
{
	might_sleep();
	kref_put(&obj->ref, pto_object_free);
}

static void pto_object_to_reaper(struct kref *ref)
{
	struct pto_object *obj = container_of(ref, struct pto_object, ref);
	struct pto_ctx *ctx = obj->ctx;

	if (llist_add(&obj->garbage, &ctx->garbage))
		queue_work(pto_wq, &ctx->reap_work);
}

/* Drop a reference where one can not sleep. */
void pto_object_put_atomic(struct pto_object *obj)
{
	kref_put(&obj->ref, pto_object_to_reaper);
}

/*
 * Set obj->handle aside, so that it can be told to the caller before the object can
 * be seen. On failure the caller still owns the object.
 */
int pto_object_reserve(struct pto_object *obj)
{
	struct pto_ctx *ctx = obj->ctx;
	int err;

	err = xa_alloc_cyclic(&ctx->objects, &obj->handle, NULL, XA_LIMIT(1, PTO_OBJECTS_MAX),
			      &ctx->next_handle, PTO_GFP);
	if (err == -EBUSY)
		return -EMFILE;
	return err < 0 ? err : 0;
}

/*
 * Answer the call and make the object visible under its reserved handle, which takes
 * over the caller's reference. On failure the handle is free again, and the caller
 * still owns the object.
 */
int pto_object_publish(struct pto_call *call, struct pto_object *obj)
{
	struct pto_ctx *ctx = obj->ctx;
	int err;

	err = pto_call_reply(call);
	if (!err) {
		mutex_lock(&ctx->lock);
		if (READ_ONCE(ctx->dead)) {
			err = -ENODEV;
		} else {
			/* Its place was reserved, so that this needs no memory. */
			xa_store(&ctx->objects, obj->handle, obj, GFP_KERNEL);
			atomic_inc(&ctx->n_objects);
		}
		mutex_unlock(&ctx->lock);
	}
	if (err)
		xa_erase(&ctx->objects, obj->handle);
	return err;
}

static void pto_object_drop(struct pto_object *obj)
{
	atomic_dec(&obj->ctx->n_objects);
	if (obj->type->drop)
		obj->type->drop(obj);
	pto_object_put(obj);
}

/* The context is dead: no more handles are published. */
void pto_object_drop_all(struct pto_ctx *ctx)
{
	struct pto_object *obj;
	unsigned long handle;

	/* Wait for a publish that has not seen the death. */
	mutex_lock(&ctx->lock);
	mutex_unlock(&ctx->lock);
	/* Streams first: once their commands are done, handles and mappings hold all the rest. */
	for (handle = 1; (obj = pto_object_next(ctx, &handle, PTO_OBJ_STREAM)); handle++) {
		if (xa_cmpxchg(&ctx->objects, handle, obj, NULL, 0) == obj)
			pto_object_drop(obj);
		pto_object_put(obj);
	}
	xa_for_each(&ctx->objects, handle, obj)
		if (xa_cmpxchg(&ctx->objects, handle, obj, NULL, 0) == obj)
			pto_object_drop(obj);
}

int pto_call_obj_destroy(struct pto_call *call)
{
	struct pto_ctx *ctx = call->ctx;
	u32 handle = call->args.obj_destroy.handle;
	struct pto_object *obj;

	/* Not xa_erase(): it would take a reserved place from its owner. */
	obj = xa_load(&ctx->objects, handle);
	if (!obj || xa_cmpxchg(&ctx->objects, handle, obj, NULL, 0) != obj)
		return -ENOENT;
	pto_object_drop(obj);
	return 0;
}
