// SPDX-License-Identifier: MIT OR LGPL-2.1
/* A device with fewer blocks than there could be; runs with the driver's own tests. */
#include "kselftest_harness.h"

#include <pto/pto.h>

TEST(more_blocks_than_it_has)
{
	struct pto_device_info info = { .size = sizeof(info) };
	struct pto_launch_opts o = { .size = sizeof(o) };
	struct pto_device *dev;
	struct pto_graph *g;

	ASSERT_EQ(0, pto_device_open("pto0", &dev)) TH_LOG("%s", pto_last_error());
	ASSERT_EQ(0, pto_device_query(dev, &info));
	ASSERT_GT(24, info.blocks);
	ASSERT_EQ(0, pto_graph_create(dev, &g));
	o.block_dim = info.blocks;
	EXPECT_EQ(0, pto_graph_launch(g, &o)) TH_LOG("%s", pto_last_error());
	o.block_dim = info.blocks + 1;
	EXPECT_EQ(-EINVAL, pto_graph_launch(g, &o));
	EXPECT_EQ(0, pto_graph_destroy(g));
	pto_device_close(dev);
}

TEST_HARNESS_MAIN
