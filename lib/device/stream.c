// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Streams of copies: what is checked for all devices. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "device/device.h"
#include "device/memory.h"

int pto_stream_create(struct pto_device *dev, struct pto_stream **stream)
{
	int ret;

	if (!dev || !stream)
		return fail(-EINVAL, "pto_stream_create: NULL argument");
	ret = device_usable(dev);
	if (!ret)
		ret = dev->ops->stream_new(dev, stream);
	if (!ret)
		device_get(dev);
	return ret;
}

void pto_stream_destroy(struct pto_stream *s)
{
	struct pto_device *dev;

	if (!s)
		return;
	dev = s->dev;
	/* A child of fork() has nothing but its copy of the struct. */
	if (device_ours(dev))
		free(s);
	else
		dev->ops->stream_free(s);
	device_put(dev);
}

static bool overlap(const char *a, const char *b, size_t size)
{
	return a < b ? (size_t)(b - a) < size : (size_t)(a - b) < size;
}

static int check(struct pto_stream *s, const struct copy *c)
{
	int ret = device_usable(s->dev);

	if (!ret && c->kind != COPY_FROM_DEVICE)
		ret = mem_check(s->dev->mem, c->dst, c->size);
	if (!ret && (c->kind == COPY_FROM_DEVICE || c->kind == COPY_ON_DEVICE))
		ret = mem_check(s->dev->mem, c->src, c->size);
	/* It may be done in pieces, each of which might be fine. */
	if (!ret && c->kind != COPY_FILL && overlap(c->dst, c->src, c->size))
		ret = fail(-EINVAL, "stream copy: %zu bytes at %p and at %p overlap", c->size, c->src,
			   c->dst);
	return ret;
}

static int64_t submit_copy(struct pto_stream *s, enum copy_kind kind, void *dst, const void *src,
			   size_t size)
{
	struct copy copy = { .kind = kind, .dst = dst, .src = src, .size = size };
	int ret;

	if (!s || !dst || !src || !size)
		return fail(-EINVAL, "stream copy: a NULL argument, or no bytes");
	ret = check(s, &copy);
	return ret ? ret : s->dev->ops->stream_submit(s, &copy);
}

int64_t pto_stream_write(struct pto_stream *s, void *dst, const void *src, size_t size)
{
	return submit_copy(s, COPY_TO_DEVICE, dst, src, size);
}

int64_t pto_stream_read(struct pto_stream *s, void *dst, const void *src, size_t size)
{
	return submit_copy(s, COPY_FROM_DEVICE, dst, src, size);
}

int64_t pto_stream_copy(struct pto_stream *s, void *dst, const void *src, size_t size)
{
	return submit_copy(s, COPY_ON_DEVICE, dst, src, size);
}

int64_t pto_stream_fill(struct pto_stream *s, void *dst, uint32_t pattern, size_t size)
{
	struct copy copy = { .kind = COPY_FILL, .pattern = pattern, .dst = dst, .size = size };
	int ret;

	if (!s || !dst || !size)
		return fail(-EINVAL, "stream fill: a NULL argument, or no bytes");
	if (size % 4 || (uintptr_t)dst % 4)
		return fail(-EINVAL, "stream fill: address and size must be multiples of 4");
	ret = check(s, &copy);
	return ret ? ret : s->dev->ops->stream_submit(s, &copy);
}

int64_t pto_stream_done(struct pto_stream *s)
{
	int ret;

	if (!s)
		return fail(-EINVAL, "pto_stream_done: the stream is NULL");
	ret = device_usable(s->dev);
	return ret ? ret : s->dev->ops->stream_done(s);
}

int64_t pto_stream_bytes(struct pto_stream *s)
{
	int ret;

	if (!s)
		return fail(-EINVAL, "pto_stream_bytes: the stream is NULL");
	ret = device_usable(s->dev);
	return ret ? ret : s->dev->ops->stream_bytes(s);
}

int pto_stream_wait(struct pto_stream *s, int64_t seqno, int timeout_ms)
{
	int ret;

	if (!s || timeout_ms < 0)
		return fail(-EINVAL, "pto_stream_wait: %s", s ? "a negative timeout" : "NULL stream");
	if (seqno < 0)
		return fail(-EINVAL, "seqno %lld is negative", (long long)seqno);
	ret = device_usable(s->dev);
	return ret ? ret : s->dev->ops->stream_wait(s, seqno, timeout_ms * NSEC_PER_MSEC);
}
