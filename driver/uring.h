/* SPDX-License-Identifier: GPL-2.0 */
/* Calls by io_uring. */
#ifndef PTO_URING_H
#define PTO_URING_H

struct io_uring_cmd;
struct pto_waiter;

int pto_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);
void pto_uring_park(struct io_uring_cmd *cmd, struct pto_waiter *waiter);
struct pto_waiter *pto_uring_waiter(struct io_uring_cmd *cmd);

#endif
