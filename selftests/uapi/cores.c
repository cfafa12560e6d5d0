// SPDX-License-Identifier: MIT OR LGPL-2.1
/* The cores of a mock device, played by hand. */
#include "cores.h"

int cores_attach(struct cores *c, struct uapi *u, __u32 depth)
{
	int err;

	memset(c, 0, sizeof(*c));
	c->u = u;
	c->emu = (struct pto_emu_attach){ .size = sizeof(c->emu), .depth = depth };
	err = uapi_call(u, PTO_IOC_EMU_ATTACH, &c->emu);
	if (err)
		return err;
	c->sub = mmap(NULL, c->emu.cores * c->emu.sub_stride, PROT_READ, MAP_SHARED, u->fd,
		      c->emu.sub_offset);
	c->core = mmap(NULL, c->emu.cores * c->emu.core_stride, PROT_READ | PROT_WRITE,
		       MAP_SHARED, u->fd, c->emu.core_offset);
	return c->sub == MAP_FAILED || c->core == MAP_FAILED ? -errno : 0;
}

void cores_unmap(struct cores *c)
{
	if (c->sub)
		munmap(c->sub, c->emu.cores * c->emu.sub_stride);
	if (c->core)
		munmap(c->core, c->emu.cores * c->emu.core_stride);
}

volatile struct pto_queue_sub *cores_sub(struct cores *c, __u32 core)
{
	return c->sub + (size_t)core * c->emu.sub_stride;
}

volatile struct pto_queue_core *cores_core(struct cores *c, __u32 core)
{
	return c->core + (size_t)core * c->emu.core_stride;
}

__u32 cores_queued(struct cores *c, __u32 core)
{
	return __atomic_load_n(&cores_sub(c, core)->sq_tail, __ATOMIC_ACQUIRE) -
	       cores_core(c, core)->sq_head;
}

struct pto_desc cores_desc(struct cores *c, __u32 core, __u32 index)
{
	volatile struct pto_queue_sub *sub = cores_sub(c, core);

	index += cores_core(c, core)->sq_head;
	return *(struct pto_desc *)&sub->sq[index & (c->emu.depth - 1)];
}

void cores_record(struct cores *c, __u32 core, const struct pto_cqe *cqe)
{
	volatile struct pto_queue_core *q = cores_core(c, core);

	*(struct pto_cqe *)&q->cq[q->cq_tail & (c->emu.depth - 1)] = *cqe;
	__atomic_store_n(&q->cq_tail, q->cq_tail + 1, __ATOMIC_RELEASE);
}

static void move_head(struct cores *c, __u32 core, __u32 n)
{
	volatile struct pto_queue_core *q = cores_core(c, core);

	__atomic_store_n(&q->sq_head, q->sq_head + n, __ATOMIC_RELEASE);
}

static void record_end(struct cores *c, __u32 core, __u32 index, __u32 status, __u32 code)
{
	struct pto_desc desc = cores_desc(c, core, index);
	struct pto_cqe cqe = { desc.cookie, status, core, code };

	if (status || desc.flags)
		cores_record(c, core, &cqe);
}

void cores_end(struct cores *c, __u32 core, __u32 status, __u32 code)
{
	record_end(c, core, 0, status, code);
	move_head(c, core, 1);
}

void cores_fault(struct cores *c, __u32 core, __u32 status, __u32 code)
{
	__u32 n = cores_queued(c, core), i;

	record_end(c, core, 0, status, code);
	for (i = 1; i < n; i++)
		record_end(c, core, i, PTO_STATUS_CANCELED, 0);
	cores_core(c, core)->state = PTO_QUEUE_HALTED;
	move_head(c, core, n);
}

bool cores_restart(struct cores *c, __u32 core)
{
	volatile struct pto_queue_core *q = cores_core(c, core);
	volatile struct pto_queue_sub *sub = cores_sub(c, core);

	if (q->state != PTO_QUEUE_HALTED || !__atomic_load_n(&sub->restarts, __ATOMIC_ACQUIRE))
		return false;
	q->state = PTO_QUEUE_RUNNING;
	__atomic_store_n(&q->sq_head, sub->restart_at, __ATOMIC_RELEASE);
	return true;
}

int cores_step(struct cores *c, __u32 flags, __u64 timeout_ns)
{
	struct pto_emu_step step = { sizeof(step), flags, c->emu.handle, c->doorbell, timeout_ns };
	int err = uapi_call(c->u, PTO_IOC_EMU_STEP, &step);

	if (!err) {
		c->doorbell = step.doorbell;
		c->reaped = step.reaped;
	}
	return err;
}
