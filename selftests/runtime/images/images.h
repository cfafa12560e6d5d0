/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the tests and their images agree on. */
#ifndef RUNTIME_IMAGES_H
#define RUNTIME_IMAGES_H

/* func_ids */
enum kernel { KERNEL_AXPY, KERNEL_SUM, KERNEL_CRASH, KERNEL_LEAF_CRASH, KERNEL_SPIN, KERNELS };

/* How to crash. */
enum crash { CRASH_DIVIDE, CRASH_NULL, CRASH_ABORT, CRASH_STACK, CRASH_HANG };

#endif
