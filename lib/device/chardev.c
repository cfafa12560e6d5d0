// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Devices of the pto driver: opening, memory, programs, the emulator of mocks, faults. */
#include "device/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "device/image.h"
#include "emulator/guard.h"

#define WINDOW_SIZE	(16ull << 30)
#define IMAGES_SIZE	(4ull << 30)
#define WINDOW_ALIGN	((size_t)2 << 20)
#define BATCH_NS	100000	/* a few times what it takes to hand a batch over */

int chardev_call(const struct chardev *cd, unsigned int cmd, void *args)
{
	return ioctl(cd->fd, cmd, args) ? -errno : 0;
}

void chardev_destroy(const struct chardev *cd, uint32_t handle)
{
	struct pto_obj_destroy destroy = { .size = sizeof(destroy), .handle = handle };

	if (handle)
		chardev_call(cd, PTO_IOC_OBJ_DESTROY, &destroy);
}

static void device_path(int index, char *path, size_t size)
{
	snprintf(path, size, "/dev/pto/pto%d", index);
}

bool device_is_there(int index)
{
	struct stat st;
	char path[32];

	device_path(index, path, sizeof(path));
	return !stat(path, &st) && S_ISCHR(st.st_mode);
}

/* ---- memory ------------------------------------------------------------- */

static struct chardev *of_source(struct mem_source *source)
{
	return container_of(source, struct chardev, source);
}

/* The addresses stay taken. */
static bool reserve_again(void *start, size_t size)
{
	return mmap(start, size, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static uint32_t memory_map(struct mem_source *source, void *start, size_t size)
{
	struct pto_mem_alloc mem = { .size = sizeof(mem), .bytes = size, .addr = (uintptr_t)start };
	struct chardev *cd = of_source(source);
	int ret = chardev_call(cd, PTO_IOC_MEM_ALLOC, &mem);

	if (ret) {
		fail(-ENOMEM, "device memory: the driver gives no %zu bytes: %s", size,
		     strerror(-ret));
		return 0;
	}
	if (mmap(start, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, cd->fd,
		 mem.mmap_offset) == MAP_FAILED) {
		fail(-ENOMEM, "device memory: %zu bytes can not be mapped: %s", size,
		     strerror(errno));
		reserve_again(start, size);
		chardev_destroy(cd, mem.handle);
		return 0;
	}
	return mem.handle;
}

static void memory_unmap(struct mem_source *source, uint32_t handle, void *start, size_t size)
{
	if (!reserve_again(start, size))
		log_msg(LOG_WARN, "device memory at %p can not be unmapped: %s", start,
			strerror(errno));
	chardev_destroy(of_source(source), handle);
}

/* ---- the emulator of a mock --------------------------------------------- */

static int line_step(struct emu_line *line, uint32_t *doorbell, uint64_t timeout_ns)
{
	struct chardev *cd = container_of(line, struct chardev, line);
	struct pto_emu_step step = {
		.size = sizeof(step),
		.flags = PTO_EMU_REAP | (timeout_ns ? PTO_EMU_WAIT : 0),
		.handle = cd->emu,
		.doorbell = *doorbell,
		.timeout_ns = timeout_ns,
	};
	int ret = chardev_call(cd, PTO_IOC_EMU_STEP, &step);

	*doorbell = step.doorbell;
	return ret;
}

static void line_cut(struct emu_line *line)
{
	struct chardev *cd = container_of(line, struct chardev, line);

	chardev_destroy(cd, cd->emu);
}

static int attach(struct pto_device *dev)
{
	struct pto_emu_attach attach = { .size = sizeof(attach), .depth = EMU_QUEUE_DEPTH };
	struct chardev *cd = dev->chardev;
	struct emu_line *line = &cd->line;
	int ret = chardev_call(cd, PTO_IOC_EMU_ATTACH, &attach);

	if (ret)
		return fail(ret, "%s: an emulator can not be attached: %s", dev->name,
			    strerror(-ret));
	cd->emu = attach.handle;
	line->cores = attach.cores;
	line->sub_stride = attach.sub_stride;
	line->core_stride = attach.core_stride;
	line->step = line_step;
	line->cut = line_cut;
	line->sub = mmap(NULL, (size_t)attach.cores * attach.sub_stride, PROT_READ, MAP_SHARED,
			 cd->fd, attach.sub_offset);
	line->core = mmap(NULL, (size_t)attach.cores * attach.core_stride, PROT_READ | PROT_WRITE,
			  MAP_SHARED, cd->fd, attach.core_offset);
	if (line->sub == MAP_FAILED || line->core == MAP_FAILED)
		return fail(-errno, "%s: its queues can not be mapped: %m", dev->name);
	return emu_attach(dev->emu, line);
}

static void detach(struct chardev *cd)
{
	struct emu_line *line = &cd->line;

	if (line->sub && line->sub != MAP_FAILED)
		munmap(line->sub, (size_t)line->cores * line->sub_stride);
	if (line->core && line->core != MAP_FAILED)
		munmap(line->core, (size_t)line->cores * line->core_stride);
}

/* ---- opening ------------------------------------------------------------ */

static const char *group_of(gid_t gid, char *text, size_t size)
{
	struct group group, *found = NULL;
	char buffer[1024];

	if (getgrgid_r(gid, &group, buffer, sizeof(buffer), &found) || !found)
		snprintf(text, size, "%u", gid);
	else
		snprintf(text, size, "%s", group.gr_name);
	return text;
}

static int open_failed(const char *path, int error)
{
	struct stat st;
	char group[64];

	switch (error) {
	case ENOENT:
	case ENXIO:
		return fail(-ENODEV, "there is no %s: is the module pto loaded, and has it so many devices?",
			    path);
	case EPERM:
		return fail(-error, "%s may not be opened here: if this is a container, allow it the device",
			    path);
	case EACCES:
		if (stat(path, &st))
			break;
		if (!st.st_gid)
			return fail(-error, "no permission to open %s, which is root's: the udev rule of pto gives it to the group 'pto' (make install), or run as root",
				    path);
		if ((st.st_mode & 060) == 060)
			return fail(-error, "no permission to open %s: join the group '%s' that it belongs to (usermod -aG), and log in again",
				    path, group_of(st.st_gid, group, sizeof(group)));
		return fail(-error, "no permission to open %s, which only its owner may use (mode %o)",
			    path, st.st_mode & 0777);
	}
	return fail(-error, "%s can not be opened: %s", path, strerror(error));
}

/* The first call that counts: from here on the context belongs to this process. */
static int bind_context(struct pto_device *dev, struct chardev *cd)
{
	void *ctl = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_SHARED, cd->fd, PTO_MMAP_CTL);

	if (ctl == MAP_FAILED)
		return fail(-errno, "%s: its control page can not be mapped: %m", dev->name);
	cd->ctl = ctl;
	dev->state = &cd->ctl->state;
	if (cd->ctl->abi != PTO_ABI)
		return fail(-EPROTO, "%s: the driver has ABI %u, this library %u", dev->name,
			    cd->ctl->abi, PTO_ABI);
	return 0;
}

static int query_device(struct pto_device *dev, struct pto_info_device *info)
{
	struct pto_query query = {
		.size = sizeof(query),
		.item = PTO_QUERY_DEVICE,
		.data = (uintptr_t)info,
		.data_size = sizeof(*info),
	};
	int ret = chardev_call(dev->chardev, PTO_IOC_QUERY, &query);

	if (ret)
		return fail(ret, "%s does not answer: %s", dev->name, strerror(-ret));
	dev->blocks = info->blocks;
	return 0;
}

/* Addresses for device memory: the same for the device and for this process. */
static int reserve_window(struct pto_device *dev, struct chardev *cd)
{
	struct pto_ctx_set set = {
		.size = sizeof(set),
		.flags = PTO_CTX_APERTURE | PTO_CTX_LABEL,
		.aperture_size = IMAGES_SIZE + WINDOW_SIZE,
		.label = "libpto",
	};
	char *map = mmap(NULL, IMAGES_SIZE + WINDOW_SIZE + WINDOW_ALIGN, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int ret;

	if (map == MAP_FAILED)
		return fail(-ENOMEM, "%s: no address window of %llu bytes: %m", dev->name,
			    IMAGES_SIZE + WINDOW_SIZE);
	cd->window = (char *)align_up((uintptr_t)map, WINDOW_ALIGN);
	if (cd->window > map)
		munmap(map, cd->window - map);
	munmap(cd->window + IMAGES_SIZE + WINDOW_SIZE, map + WINDOW_ALIGN - cd->window);
	set.aperture_base = (uintptr_t)cd->window;
	ret = chardev_call(cd, PTO_IOC_CTX_SET, &set);
	return ret ? fail(ret, "%s: its address window can not be set: %s", dev->name,
			  strerror(-ret)) : 0;
}

/* How to submit: PTO_SUBMIT, or else by io_uring where it works. */
static int choose_path(struct pto_device *dev, struct chardev *cd)
{
	const char *want = getenv("PTO_SUBMIT");
	int ret;

	if (want && !strcmp(want, "ioctl"))
		return 0;
	if (want && *want && strcmp(want, "uring"))
		log_msg(LOG_WARN, "PTO_SUBMIT=%s is neither uring nor ioctl, ignored", want);
	ret = ring_works(cd);
	cd->uring = !ret;
	if (ret && want && !strcmp(want, "uring"))
		return fail(ret, "PTO_SUBMIT=uring, but io_uring can not be used: %s",
			    strerror(-ret));
	if (ret)
		log_msg(LOG_INFO, "%s: io_uring can not be used (%s), ioctl is", dev->name,
			strerror(-ret));
	return 0;
}

static int open_context(struct pto_device *dev)
{
	struct pto_info_device info = { .index = 0 };
	struct chardev *cd = dev->chardev;
	size_t total;
	int ret;

	ret = bind_context(dev, cd);
	if (!ret)
		ret = query_device(dev, &info);
	if (!ret)
		ret = reserve_window(dev, cd);
	if (ret)
		return ret;
	cd->source.base = cd->window + IMAGES_SIZE;
	cd->source.map = memory_map;
	cd->source.unmap = memory_unmap;
	total = min((uint64_t)WINDOW_SIZE, (uint64_t)info.mem_total);
	ret = mem_create(WINDOW_SIZE, total, &cd->source, &dev->mem);
	if (!ret)
		ret = emu_create(dev->mem, &dev->emu);
	if (!ret && info.flags & PTO_DEVICE_MOCK)
		ret = attach(dev);
	return ret ? ret : choose_path(dev, cd);
}

static int chardev_open(struct pto_device *dev)
{
	struct chardev *cd = calloc(1, sizeof(*cd));
	char path[32];

	if (!cd)
		return fail(-ENOMEM, "no memory for a device");
	dev->chardev = cd;
	pthread_mutex_init(&cd->lock, NULL);
	port_init(cd);
	snprintf(dev->name, sizeof(dev->name), "pto%d", dev->index);
	device_path(dev->index, path, sizeof(path));
	cd->fd = open(path, O_RDWR | O_CLOEXEC);
	return cd->fd < 0 ? open_failed(path, errno) : open_context(dev);
}

static void chardev_close(struct pto_device *dev)
{
	struct chardev *cd = dev->chardev;
	bool busy;

	if (!cd)
		return;
	if (dev->emu)
		emu_destroy(dev->emu);
	busy = !port_free_all(cd);
	mem_destroy(dev->mem);
	detach(cd);
	if (cd->window)
		munmap(cd->window, IMAGES_SIZE + WINDOW_SIZE);
	if (cd->ctl)
		munmap((void *)cd->ctl, sysconf(_SC_PAGESIZE));
	if (cd->fd >= 0)
		close(cd->fd);
	pthread_mutex_destroy(&cd->lock);
	if (likely(!busy))
		free(cd);
}

static const char *chardev_mode(const struct pto_device *dev)
{
	return dev->chardev->uring ? "uring" : "ioctl";
}

/* ---- programs ----------------------------------------------------------- */

/* The emulator reads the image at its device address. */
static int map_image(struct chardev *cd, const struct pto_prog_load *load)
{
	char *at = (char *)(uintptr_t)load->addr;

	if (at < cd->window || at + load->image_size > cd->window + IMAGES_SIZE)
		return fail(-ENOMEM, "no addresses are left for program images");
	if (mmap(at, load->image_size, PROT_READ, MAP_SHARED | MAP_FIXED, cd->fd,
		 load->mmap_offset) == MAP_FAILED)
		return fail(-errno, "a program image can not be mapped: %m");
	return 0;
}

static int chardev_load(struct pto_program *prog)
{
	struct chardev *cd = prog->dev->chardev;
	struct pto_prog_load load = {
		.size = sizeof(load),
		.image = (uintptr_t)prog->image->bytes,
		.image_size = prog->image->size,
	};
	int ret = chardev_call(cd, PTO_IOC_PROG_LOAD, &load);

	if (ret)
		return fail(ret == -ENOSPC ? -ENOMEM : ret, "%s does not take the kernel image: %s",
			    prog->dev->name, strerror(-ret));
	ret = cd->emu ? map_image(cd, &load) : 0;
	if (ret) {
		chardev_destroy(cd, load.handle);
		return ret;
	}
	prog->serial = load.handle;
	prog->address = (void *)(uintptr_t)load.addr;
	return 0;
}

static void chardev_unload(struct pto_program *prog)
{
	struct chardev *cd = prog->dev->chardev;

	if (cd->emu)
		reserve_again(prog->address, prog->image->size);
	chardev_destroy(cd, prog->serial);
}

/* ---- faults ------------------------------------------------------------- */

static void take_faults(struct chardev *cd)
{
	struct pto_fault_query fault = { .size = sizeof(fault) };

	while (!chardev_call(cd, PTO_IOC_FAULT_QUERY, &fault)) {
		cd->faults[cd->nfaults++ % PTO_FAULTS_MAX] = fault;
		fault = (struct pto_fault_query){ .size = sizeof(fault) };
	}
}

static bool find_fault(struct chardev *cd, uint32_t stream, uint64_t seqno,
		       struct pto_fault_query *fault)
{
	unsigned int i, n;
	bool found = false;

	pthread_mutex_lock(&cd->lock);
	take_faults(cd);
	n = min(cd->nfaults, (unsigned int)PTO_FAULTS_MAX);
	for (i = 1; i <= n && !found; i++) {
		*fault = cd->faults[(cd->nfaults - i) % PTO_FAULTS_MAX];
		/* A record without a stream is the whole context's. */
		found = !fault->stream || (fault->stream == stream && fault->seqno == seqno);
	}
	pthread_mutex_unlock(&cd->lock);
	return found;
}

static void describe_fault(char *text, size_t size, const struct pto_fault_query *fault)
{
	static const uint32_t as_status[] = {
		[PTO_FAULT_TASK] = PTO_STATUS_FAULT,
		[PTO_FAULT_TASK_HANG] = PTO_STATUS_HANG,
		[PTO_FAULT_PROGRAM] = PTO_STATUS_BAD_PROGRAM,
		[PTO_FAULT_DESC] = PTO_STATUS_BAD_DESC,
	};
	struct emu_fault task = { .code = fault->code, .addr = fault->addr, .pc = fault->pc };

	switch (fault->fault_class) {
	case PTO_FAULT_TASK ... PTO_FAULT_DESC:
		task.status = as_status[fault->fault_class];
		guard_describe(text, size, &task);
		break;
	case PTO_FAULT_TIMEOUT:
		snprintf(text, size, "the driver has waited for it too long");
		break;
	case PTO_FAULT_INJECTED:
		snprintf(text, size, "a fault was injected, code %u", fault->code);
		break;
	case PTO_FAULT_EMULATOR:
		snprintf(text, size, "the queues of core %d were written over (%u): close the device and open it again",
			 fault->core, fault->code);
		break;
	default:
		snprintf(text, size, "fault of class %u, code %u", fault->fault_class, fault->code);
	}
}

static const char *status_text(int status)
{
	switch (status) {
	case -ENODEV:
		return "the device was reset or is gone";
	case -ECANCELED:
		return "it was cancelled";
	case -ETIMEDOUT:
		return "it hung";
	case -EIO:
		return "the device reported a fault";
	}
	return strerror(-status);
}

int chardev_describe(struct chardev *cd, uint32_t stream, uint64_t seqno, int status, char *text,
		     size_t size)
{
	struct pto_fault_query fault;
	char cause[GUARD_TEXT];

	if (status == -ENODEV || !find_fault(cd, stream, seqno, &fault)) {
		snprintf(text, size, "%s (stream %u, seqno %llu)", status_text(status), stream,
			 (unsigned long long)seqno);
		return -1;
	}
	describe_fault(cause, sizeof(cause), &fault);
	snprintf(text, size, "%s (stream %u, seqno %llu; fault record: class %u, code %u, core %d, at %llu.%06llu s)",
		 cause, stream, (unsigned long long)seqno, fault.fault_class, fault.code, fault.core,
		 fault.time_ns / NSEC_PER_SEC, fault.time_ns % NSEC_PER_SEC / 1000);
	return fault.stream ? fault.core : -1;
}

/* ---- streams ------------------------------------------------------------ */

int chardev_map_stream(struct chardev *cd, struct pto_stream_create *create,
		       const struct pto_stream_page **page)
{
	int ret = chardev_call(cd, PTO_IOC_STREAM_CREATE, create);
	void *map;

	if (ret)
		return ret == -EMFILE ? fail(-EBUSY, "the context has no stream left") :
					fail(ret, "the driver gives no stream: %s", strerror(-ret));
	map = mmap(NULL, create->mmap_size, PROT_READ, MAP_SHARED, cd->fd, create->mmap_offset);
	if (map == MAP_FAILED) {
		ret = fail(-errno, "the page of a stream can not be mapped: %m");
		chardev_destroy(cd, create->handle);
		return ret;
	}
	*page = map;
	return 0;
}

void chardev_unmap_stream(struct chardev *cd, const struct pto_stream_create *create,
			  const struct pto_stream_page *page)
{
	munmap((void *)page, create->mmap_size);
	chardev_destroy(cd, create->handle);
}

const struct device_ops chardev_ops = {
	.backend = "chardev",
	.open = chardev_open,
	.close = chardev_close,
	.mode = chardev_mode,
	.load = chardev_load,
	.unload = chardev_unload,
	.stream_new = copies_new,
	.stream_free = copies_free,
	.stream_submit = copies_submit,
	.stream_done = copies_done,
	.stream_bytes = copies_bytes,
	.stream_wait = copies_wait,
	.launch_begin = port_launch_begin,
	.launch_queue = port_queue,
	.launch_width = port_width,
	.launch_depth = EMU_QUEUE_DEPTH,
	.launch_batch_ns = BATCH_NS,
	.launch_end = port_launch_end,
	.poll = port_poll,
	.wait = port_wait,
	.rouse = port_rouse,
	.leave = port_leave,
};
