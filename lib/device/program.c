// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Programs: kernel images on a device. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "device/device.h"
#include "device/image.h"

int pto_program_load(struct pto_device *dev, const void *image, size_t size,
		     struct pto_program **out)
{
	struct pto_program *prog;
	int ret;

	if (!dev || !out)
		return fail(-EINVAL, "pto_program_load: NULL argument");
	ret = device_usable(dev);
	if (ret)
		return ret;
	prog = calloc(1, sizeof(*prog));
	if (!prog)
		return fail(-ENOMEM, "no memory for a program");
	ret = image_get(image, size, "kernel", &prog->image);
	if (ret)
		goto err_free;
	if (!image_symbol(prog->image, "kernel_entry")) {
		ret = fail(-ENOENT, "the kernel image does not define kernel_entry");
		goto err_image;
	}
	prog->dev = dev;
	ret = dev->ops->load(prog);
	if (ret)
		goto err_image;
	atomic_init(&prog->refs, 1);
	device_get(dev);
	*out = prog;
	return 0;

err_image:
	image_put(prog->image);
err_free:
	free(prog);
	return ret;
}

struct pto_program *program_get(struct pto_program *prog)
{
	atomic_fetch_add(&prog->refs, 1);
	return prog;
}

void pto_program_unload(struct pto_program *prog)
{
	if (!prog || atomic_fetch_sub(&prog->refs, 1) > 1)
		return;
	if (!device_ours(prog->dev))
		prog->dev->ops->unload(prog);
	image_put(prog->image);
	device_put(prog->dev);
	free(prog);
}
