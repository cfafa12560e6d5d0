/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family "pto", as uapi/pto.yaml describes it. */
#ifndef PTO_NETLINK_H
#define PTO_NETLINK_H

struct pto_event;

int pto_netlink_init(void);
void pto_netlink_exit(void);
int pto_netlink_send(const struct pto_event *event);

#endif
