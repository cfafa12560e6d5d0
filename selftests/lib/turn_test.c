// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Whose turn it is: what can be seen by one thread. The rest is modelled in turn.pml. */
#include "base/util.h"
#include "kselftest_harness.h"

#include "sched/turn.h"

#define PATIENCE_US	3000	/* longer than turn.c's */

FIXTURE(turn)
{
	struct turn turn;
	struct turn_wait a, b, c;
};

/* @a has it, the others wait. */
FIXTURE_SETUP(turn)
{
	turn_init(&self->turn);
	ASSERT_TRUE(turn_enter(&self->turn, &self->a));
	ASSERT_FALSE(turn_enter(&self->turn, &self->b));
	ASSERT_FALSE(turn_enter(&self->turn, &self->c));
	EXPECT_FALSE(turn_wait(&self->turn, &self->b, 0));
}

FIXTURE_TEARDOWN(turn)
{
	turn_destroy(&self->turn);
}

TEST_F(turn, in_order)
{
	turn_pass(&self->turn);
	EXPECT_FALSE(turn_wait(&self->turn, &self->c, 0));
	EXPECT_TRUE(turn_wait(&self->turn, &self->b, 0));
	EXPECT_FALSE(turn_wait(&self->turn, &self->c, 0));
	turn_pass(&self->turn);
	EXPECT_TRUE(turn_wait(&self->turn, &self->c, 0));
	turn_pass(&self->turn);
	/* Nobody waits any more. */
	EXPECT_TRUE(turn_enter(&self->turn, &self->a));
}

TEST_F(turn, is_given_to_who_has_waited)
{
	usleep(PATIENCE_US);
	turn_pass(&self->turn);
	EXPECT_FALSE(turn_enter(&self->turn, &self->a));
	EXPECT_TRUE(turn_wait(&self->turn, &self->b, 0));
}

TEST_F(turn, is_left_to_who_has_waited)
{
	turn_pass(&self->turn);
	usleep(PATIENCE_US);
	EXPECT_FALSE(turn_enter(&self->turn, &self->a));
	EXPECT_TRUE(turn_wait(&self->turn, &self->b, 0));
}

TEST_F(turn, is_passed_on_by_who_gives_up)
{
	usleep(PATIENCE_US);
	turn_pass(&self->turn);
	turn_leave(&self->turn, &self->b);
	EXPECT_TRUE(turn_wait(&self->turn, &self->c, 0));
}

TEST_F(turn, goes_to_the_next_where_the_first_gives_up)
{
	turn_leave(&self->turn, &self->b);
	turn_pass(&self->turn);
	EXPECT_TRUE(turn_wait(&self->turn, &self->c, 0));
}

/* That comes before the sleep. */
TEST_F_TIMEOUT(turn, a_poke_is_not_lost, 10)
{
	turn_poke(&self->b);
	EXPECT_FALSE(turn_wait(&self->turn, &self->b, 60 * NSEC_PER_SEC));
	EXPECT_FALSE(turn_wait(&self->turn, &self->b, 60 * NSEC_PER_SEC));
}

TEST_HARNESS_MAIN
