/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* The embedded device's streams (embedded_stream.c), for its table of calls. */
#ifndef DEVICE_EMBEDDED_H
#define DEVICE_EMBEDDED_H

#include "device/device.h"

int embedded_stream_new(struct pto_device *dev, struct pto_stream **stream);
void embedded_stream_free(struct pto_stream *stream);
int64_t embedded_stream_submit(struct pto_stream *stream, const struct copy *copy);
int64_t embedded_stream_done(struct pto_stream *stream);
int64_t embedded_stream_bytes(struct pto_stream *stream);
int embedded_stream_wait(struct pto_stream *stream, int64_t seqno, uint64_t timeout_ns);

#endif
